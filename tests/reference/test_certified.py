"""Certificates of real networks: lipcheck verifies them at the printed bound.

Prints a line for each case: the bound, and the seconds and MiB that lipcheck took; docs/certificate.md
shows them.  --markdown prints them as that table.

    usage: test_certified.py PROGRAM LIPCHECK DATA EXAMPLES [--markdown]
           exit code 77 (skip) if DATA is not there; the examples are verified in any case
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

SKIP, TIMEOUT = 77, 600
LIMIT = {"seconds": 60, "mib": 1024}  # far above what is needed: a runaway is a failure


def cases(data, examples):
    """(label, network, arguments)."""
    for name in ("digits", "controller"):
        for region in ("--global", "--box 0.5 0.05", "--ball 0.5 0.05"):
            for norm in ("1", "2", "inf"):
                yield (f"{name}, {region[2:]}, {norm}", examples / f"{name}.onnx",
                       f"{region} --norm {norm} --samples 200 --starts 4 --steps 50")
    if not data.is_dir():
        return
    nets = data / "nets"
    sdp_nn = nets / "SDP-NN.mat"
    yield "SDP-NN, R^n, inf, shor", sdp_nn, "--norm inf --method shor"
    for eps, point in (("10", "sdp-nn-box10"), ("0.1", "sdp-nn-box0.1")):
        witness = next((data / "witness").glob(f"{point}*.npy"))
        yield (f"SDP-NN, box {eps}, inf, witness", sdp_nn,
               f"--norm inf --box {{centre}} {eps} --input {witness} --method point")
    for kind in ("fnn2", "fnn3"):
        for seed in range(5):
            yield (f"{kind} seed {seed}, R^n, 2, row 7",
                   nets / "glipsdp" / f"glipsdp_{kind}_s{seed}.npz",
                   "--norm 2 --output 7 --method tangent,lbs --samples 200")
    acas = next((nets / "acasxu").glob("*1_1*.onnx"))
    for region in ("--global", "--box 0 0.03"):
        for norm in ("2", "inf"):
            yield (f"ACAS Xu 1_1, {region[2:]}, {norm}", acas,  # trees: test_exact.py
                   f"{region} --norm {norm} --time 20 --method product,interval,lbs,search,tangent")
    yield ("MLP 64 x 64, R^n, 2", nets / "glipsdp" / "glipsdp_mlp_d64_w64.npz",
           "--norm 2 --method tangent,lbs --samples 50")


CENTRE = """import sys, numpy, scipy.io
numpy.save(sys.argv[2], numpy.ravel(scipy.io.loadmat(sys.argv[1])["x00"]).astype(float))"""


def centre_of(net, folder):
    """The centre x00 of the network of Chen et al., as a .npy file.  In a process of its own: the memory of
    this one counts as that of the checkers that it starts."""
    path = os.path.join(folder, "centre.npy")
    subprocess.run([sys.executable, "-c", CENTRE, net, path], check=True, timeout=TIMEOUT)
    return path


def check(checker, net, certificate):
    """(own bounds, last line, seconds, MiB) of lipcheck."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(writing, 1)
        os.close(reading)
        os.execv(checker, [checker, net, certificate])
    os.close(writing)
    with os.fdopen(reading) as stream:
        lines = stream.read().splitlines()
    _, _, usage = os.wait4(pid, 0)
    return (dict(line.split() for line in lines[:-1]), lines[-1], usage.ru_utime + usage.ru_stime,
            usage.ru_maxrss / 1024)


def wrong(answer, own, last, usage):
    """What is wrong with a verdict, or None."""
    upper, lower = (float.fromhex(answer[key + "_hex"]) for key in ("upper", "lower"))
    if last != "s VERIFIED":
        return last
    if upper != float("inf") and not float(own["upper"]) <= upper * (1 + 1e-15):
        return f"lipcheck finds {own['upper']}, printed is {upper!r}"
    if lower > 0 and not float(own["lower"]) >= lower * (1 - 1e-15):
        return f"lipcheck finds {own['lower']}, printed is {lower!r}"
    if usage[0] > LIMIT["seconds"] or usage[1] > LIMIT["mib"]:
        return f"{usage[0]} s, {usage[1]} MiB"
    return None


def main():
    program, checker = (os.path.abspath(path) for path in sys.argv[1:3])
    data, examples = (pathlib.Path(path).resolve() for path in sys.argv[3:5])
    table, failed, count = "--markdown" in sys.argv, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for label, net, arguments in cases(data, examples):
            canonical, certificate = os.path.join(folder, "net"), os.path.join(folder, "certificate")
            if "{centre}" in arguments:
                arguments = arguments.format(centre=centre_of(net, folder))
            run = lambda *words: subprocess.run([program, *words], check=True, stdout=subprocess.PIPE,
                                                text=True, timeout=TIMEOUT).stdout
            run("convert", str(net), canonical)
            answer = json.loads(run("bound", str(net), *arguments.split(), "--json", "-",
                                    "--certificate", certificate))
            own, last, *usage = check(checker, canonical, certificate)
            problem = wrong(answer, own, last, usage)
            count += 1
            failed += problem is not None
            cells = (label, own.get("lower", "-"), own.get("upper", "-"), f"{usage[0]:.2f}",
                     f"{usage[1]:.0f}", f"{os.path.getsize(certificate) / 1024:.1f}")
            print(("| " + " | ".join(cells) + " |") if table else "  ".join(cells))
            if problem:
                print(f"{label}: {problem}")
    print(f"{count} certificates, {failed} failed")
    if failed:
        sys.exit(1)
    if not data.is_dir():
        print(f"no data in {data}: only the examples were checked")
        sys.exit(SKIP)


if __name__ == "__main__":
    main()
