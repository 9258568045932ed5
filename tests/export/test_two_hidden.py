"""The tangent bound of networks with two hidden layers against csdp on the exported program.

    usage: test_two_hidden.py LIPCERT [DATA]     exit code 77 (skip) without csdp or DATA

Every such network of DATA/reference, on R^n and the boxes +-10 and +-0.1 around its centre, input norms inf and 2:
`lipcert bound --method tangent` and csdp's value of what `lipcert export --phases` writes agree to 1e-5: for
networks of this size the method keeps the phases of inner neurons (docs/relaxations.md).  csdp's two objectives enclose
the value up to its accuracy; lipcert's bound is proved, so it may not be below the lower one."""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "oracle"))
import exact  # noqa: E402
import program as lipcert  # noqa: E402

CLOSE = 1e-5
SKIP = 77
SECONDS = 120  # for one run of csdp


def exported_value(program, net, options, folder):
    """csdp's lower and upper value of the exported program."""
    path = folder / "program.dat-s"
    lipcert.run(program, "export", net, path, "--phases", *options)
    exponent = int(re.search(r"2\^(-?\d+) times", path.read_text(encoding="ascii")).group(1))
    done = subprocess.run(["csdp", path.name, "solution"], capture_output=True, text=True,
                          timeout=SECONDS, check=False, cwd=folder)
    assert done.returncode in (0, 3), done.stdout  # 3: solved with less accuracy
    return [float(re.search(rf"{side} objective value: (\S+)", done.stdout).group(1)) * 2.0**exponent
            for side in ("Primal", "Dual")]


def questions(centre):
    for region in ([], ["--box", centre, "10"], ["--box", centre, "0.1"]):
        for norm in ("inf", "2"):
            yield [*(region or ["--global"]), "--norm", norm, "--output", 0]


def save(source, folder):
    layers, centre = exact.load_reference(source)
    arrays = {f"{key}{k}": a for k, pair in enumerate(layers) for key, a in zip("Wb", pair)}
    np.savez(folder / "net.npz", **arrays)
    np.save(folder / "centre.npy", centre)
    return len(layers) - 1


def main():
    program = sys.argv[1]
    sources = sorted(pathlib.Path(sys.argv[2], "reference", "nets").glob("*.npz")) \
        if len(sys.argv) > 2 else []
    if not sources or not shutil.which("csdp"):
        print("skipped: needs csdp (Debian: coinor-csdp) and reference/nets (set LIPCERT_DATA)")
        return SKIP
    count = failures = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for source in sources:
            if save(source, folder) != 2:
                continue
            for options in questions(folder / "centre.npy"):
                lower, upper = exported_value(program, folder / "net.npz", options, folder)
                bound = lipcert.bound(lipcert.answer(
                    program, "bound", folder / "net.npz", *options, "--method", "tangent",
                    *lipcert.NO_CLOCK), "upper")
                good = abs(bound - upper) <= CLOSE * upper and bound >= lower * (1 - 1e-7)
                label = " ".join(str(word) for word in options[:-2]).replace(name, "")
                print(f"{'' if good else 'FAILED: '}{source.stem} {label}: tangent {bound:.9g}, csdp "
                      f"{lower:.9g} to {upper:.9g}, relative difference {bound / upper - 1:.1e}")
                count += 1
                failures += not good
    assert count >= 24, f"only {count} questions"
    print(f"{count} questions, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
