"""lipcert export against csdp and dsdp5: usage: test_export.py LIPCERT PROVE [DATA].

Random networks (and the reference networks where DATA has them) are exported, solved by both solvers,
and held against each other, against brute force (the formal constant), against values of other programs,
and against the bound that lip_repair proves from csdp's multipliers."""
import itertools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import numpy as np

LIPCERT, PROVE = sys.argv[1:3]
DATA = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else None
LIMIT = 120  # seconds for one run
ENVIRONMENT = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", LC_ALL="C")


def run(*command, cwd=None):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=LIMIT,
                          check=False, cwd=cwd, env=ENVIRONMENT)


def export(net, out, *options):
    done = run(LIPCERT, "export", net, out, *options)
    assert done.returncode == 0, done.stderr
    with open(out, encoding="ascii") as file:
        head = [next(file) for _ in range(2)]
    return int(re.search(r"2\^(-?\d+) times", head[1]).group(1))


def csdp(path, solution):
    """The upper (dual) objective; csdp exits 0 (solved) or 3 (solved with less accuracy)."""
    done = run("csdp", path, solution, cwd=path.parent)
    assert done.returncode in (0, 3), done.stdout
    return float(re.search(r"Dual objective value: (\S+)", done.stdout).group(1))


def dsdp5(path):
    done = run("dsdp5", path, "-gaptol", "1e-8", cwd=path.parent)
    # at the end it may lose the last digits and say so instead of "converged"
    gap = re.search(r"Relative P - D Objective values: +(\S+)", done.stdout)
    assert gap and float(gap.group(1)) < 1e-6, done.stdout
    return -float(re.search(r"DSDP Solution: +(\S+)", done.stdout).group(1))


def prove(*arguments):
    done = run(PROVE, *arguments)
    assert done.returncode == 0, done.stderr
    direct, improved, exponent = done.stdout.split()
    return float(direct), float(improved), int(exponent)


# ---- Networks and brute force ------------------------------------------------------------------

def random_net(rng, sizes, path):
    """Weights W0 b0 W1 b1 ... as the .npz reader takes them."""
    layers = [(rng.normal(size=(m, n)) / np.sqrt(n), rng.normal(size=m) * .3)
              for n, m in zip(sizes[:-1], sizes[1:])]
    arrays = {}
    for k, (w, b) in enumerate(layers):
        arrays[f"W{k}"], arrays[f"b{k}"] = w, b
    np.savez(path, **arrays)
    return layers


def operator_norm(j, p, q):
    if p == "1":
        return max(np.linalg.norm(j, {"1": 1, "2": 2, "inf": np.inf}[q], axis=0))
    if q == "inf" or len(j) == 1:
        return max(np.linalg.norm(j, {"2": 2, "inf": 1}[p], axis=1))
    if p == "inf":
        signs = np.array(list(itertools.product((-1, 1), repeat=j.shape[1])))
        return np.linalg.norm(signs @ j.T, int(q), axis=1).max()
    if q == "2":
        return np.linalg.norm(j, 2)
    signs = np.array(list(itertools.product((-1, 1), repeat=len(j))))
    return np.linalg.norm(signs @ j, axis=1).max()


def formal(layers, p, q, row):
    """All patterns; exponential."""
    best = 0
    hidden = [len(b) for _, b in layers[:-1]]
    for bits in itertools.product((0, 1), repeat=sum(hidden)):
        j, at = np.eye(layers[0][0].shape[1]), 0
        for (w, _), width in zip(layers, hidden):
            j = np.array(bits[at:at + width])[:, None] * (w @ j)
            at += width
        j = layers[-1][0] @ j
        best = max(best, operator_norm(j if row is None else j[row:row + 1], p, q))
    return best


# ---- Tests -------------------------------------------------------------------------------------

def parts_of(p, q, row, sizes):
    return (sizes[0] if p == "1" else 1) * (sizes[-1] if q == "inf" and row is None else 1)


def check_random(rng, folder):
    """csdp = dsdp5; >= brute force; repaired within 1e-6; phases never make it worse."""
    worst_pair = worst_repair = worst_direct = 0
    questions = [("inf", "inf", 0), ("2", "2", None), ("inf", "1", None), ("1", "2", None),
                 ("2", "inf", None), ("2", "1", 1), ("inf", "2", None)]
    for case, (p, q, row) in enumerate(questions):
        sizes = [3, 5, 2] if case % 2 == 0 else [3, 4, 4, 2]
        net, file, solution = folder / "net.npz", folder / "p.dat-s", folder / "p.sol"
        layers = random_net(rng, sizes, net)
        exact, values = formal(layers, p, q, row), []
        which = ["--all"] if row is None else ["--output", row]
        for phases in ((), ("--phases",)):
            most = proved = 0
            for part in range(parts_of(p, q, row, sizes)):
                exponent = export(net, file, "--norm", p, "--out-norm", q, *which, "--part", part,
                                  *phases)
                upper, other = csdp(file, solution), dsdp5(file)
                worst_pair = max(worst_pair, abs(upper - other) / upper)
                direct, improved, again = prove(net, p, q, "all" if row is None else row, part,
                                                int(bool(phases)), solution)
                upper *= 2.0 ** exponent
                assert again == exponent and improved <= direct
                worst_repair = max(worst_repair, improved / upper - 1)
                worst_direct = max(worst_direct, direct / upper - 1)
                most, proved = max(most, upper), max(proved, improved)
            assert proved >= exact * (1 - 1e-12), (p, q, row, proved, exact)
            assert most >= exact * (1 - 1e-7), (p, q, row, most, exact)
            values.append(most)
        assert values[1] <= values[0] * (1 + 1e-6), values
        print(f"export: {sizes} {p}->{q} row {row}: exact {exact:.6f} tangent {values[0]:.6f} "
              f"with phases {values[1]:.6f}")
    print(f"export: csdp and dsdp5 differ by {worst_pair:.1e}, repair loses {worst_repair:.1e}, "
          f"without improving y {worst_direct:.1e}")
    assert worst_pair < 2e-6 and worst_repair < 1e-6, (worst_pair, worst_repair)


def check_reference(folder):
    """SHOR for one hidden layer, TANGENT for two."""
    with open(DATA / "reference" / "reference.json", encoding="utf-8") as file:
        nets = json.load(file)["nets"]
    count, worst, worst_repair = 0, 0, 0
    for name, entry in nets.items():
        source = DATA / "reference" / "nets" / f"{name}.npz"
        data = np.load(source)
        if not source.exists() or data["A1"].shape[0] > 40:
            continue
        two = "A2" in data.files
        np.save(folder / "centre.npy", data["x00"].astype(float).ravel())
        layers = ["A1", "b1"] + (["A2", "b2"] if two else []) + ["c"]
        arrays = {f"{'Wb'[k % 2]}{k // 2}": data[key].astype(float) for k, key in enumerate(layers)}
        last = len(layers) // 2
        arrays[f"W{last}"] = arrays[f"W{last}"].reshape(1, -1)
        arrays[f"b{last}"] = np.zeros(1)
        np.savez(folder / "net.npz", **arrays)
        for region, norms in entry["regions"].items():
            for norm, values in norms.items():
                wanted = values["upper"].get("TANGENT" if two else "SHOR")
                if not wanted:
                    continue
                p = {"inf": "inf", "l2": "2"}[norm]
                box = [] if region == "Rn" else [folder / "centre.npy", region[3:]]
                exponent = export(folder / "net.npz", folder / "r.dat-s", "--norm", p, "--output", 0,
                                  "--phases", "--linear-bounds", 0,
                                  *(["--box", *box] if box else []))
                upper = csdp(folder / "r.dat-s", folder / "r.sol") * 2.0 ** exponent
                print(f"export: {name} {region} {norm}: {upper:.7f}, reference {wanted['value']}")
                pattern = values["exact_info"].get("unconstrained") or 0
                if wanted["value"] < pattern * (1 - 1e-6):
                    # that SHOR knows which patterns the box admits; ball and bin alone do not
                    print(f"export:   the formal constant is {pattern:.7f}: not comparable")
                    assert upper >= pattern * (1 - 1e-7)
                    continue
                count, worst = count + 1, max(worst, abs(upper / wanted["value"] - 1))
    assert count > 0 and worst < 1e-5, (count, worst)
    print(f"export: {count} reference values reproduced to {worst:.1e}")


def main():
    for solver in ("csdp", "dsdp5"):
        if not shutil.which(solver):
            print(f"export: {solver} is not installed: skipped")
            sys.exit(77)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        check_random(np.random.default_rng(11), folder)
        if DATA and (DATA / "reference" / "reference.json").exists():
            check_reference(folder)
        else:
            print("export: no reference data, that part skipped")


if __name__ == "__main__":
    main()
