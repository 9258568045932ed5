"""lipcheck rejects what a lipcert with a defect claims.

broken.c is lipcert with one defect at a time in the certificates that it writes.  For every defect and every question
where it matters: without it the certificate is verified, with it lipcheck says rejected (never malformed).

    usage: test_broken.py BROKEN LIPCHECK EXAMPLES
"""
import os
import subprocess
import sys
import tempfile

TIMEOUT = 300
DIGITS, CONTROLLER, SKIP = "digits", "controller", "skip"

# question: (network, arguments)
QUESTIONS = {
    "tangent 2": (DIGITS, "--norm 2 --method tangent"),
    "tangent inf": (CONTROLLER, "--norm inf --method tangent"),
    "tangent row": (DIGITS, "--norm 2 --output 3 --method tangent"),
    "tangent inf to 1": (DIGITS, "--norm inf --out-norm 1 --method tangent"),
    "tangent rows": (DIGITS, "--norm 2 --out-norm inf --method tangent"),
    "tangent columns": (CONTROLLER, "--norm 1 --method tangent"),
    "graph": (SKIP, "--norm 2 --output 1 --method tangent"),
    "graph vector": (SKIP, "--norm inf --out-norm 2 --method tangent"),
    "shor": ("one", "--norm inf --method shor"),
    "hr2": ("one", "--norm inf --box 0 0.4 --method hr2"),
    "hr2 deep": (SKIP, "--norm inf --output 0 --box 0 0.4 --method hr2"),
    "tight": ("one", "--norm inf --method tight"),
    "tight deep": (SKIP, "--norm 2 --output 1 --box 0 0.4 --method tight"),
    "product": (DIGITS, "--norm 2 --method product"),
    "interval": (CONTROLLER, "--norm 2 --box 0 0.1 --method interval"),
    "witness": (CONTROLLER, "--norm 2 --box 0 0.1 --method lbs --samples 200"),
}

# defect: questions where it changes something
DEFECTS = {
    "sign of a multiplier": ["tangent 2", "tangent inf", "graph", "graph vector"],
    "tangent multipliers too small": ["tangent 2", "tangent inf", "tangent rows"],
    "forgotten multiplier": ["tangent 2", "tangent inf", "tangent columns", "graph vector"],
    "phase multipliers too small": ["shor"],
    "range too small": ["graph", "graph vector"],
    "input multiplier too small": ["tangent 2", "shor"],
    "output multiplier too small": ["tangent 2", "tangent inf", "tangent inf to 1"],
    "constant too small": ["shor"],
    "forgotten neuron": ["tangent 2", "tangent inf", "tangent columns", "graph vector"],
    "neuron taken as active": ["tangent 2", "tangent inf", "graph vector"],
    "ball instead of cube, input": ["tangent inf", "tangent inf to 1", "graph vector", "shor"],
    "ball instead of cube, output": ["tangent inf to 1"],
    "another column": ["tangent columns"],
    "another row": ["tangent rows"],
    "spectral norm too small": ["product"],
    "least too large": ["hr2", "hr2 deep", "tight deep"],
    "most too small": ["hr2", "hr2 deep", "tight deep"],
    "point multipliers too small": ["hr2 deep"],
    "state multipliers too small": ["tight deep"],
    "forgotten squares": ["hr2 deep"],
    "phase rows too large": ["hr2 deep"],
    "sign of triangles": ["tight", "tight deep"],
    "triangles too large": ["tight"],
    "triangle of another variable": ["tight"],
    "another output": ["tangent row"],
    "another input norm": ["tangent 2", "product", "interval", "graph"],
    "another output norm": ["tangent 2", "graph vector"],
    "upper claim too small": [name for name in QUESTIONS if name != "witness"],
    "lower claim too large": ["witness"],
    "witness elsewhere": ["witness"],
    "direction turned": ["witness"],
}

# 2-3-3-2, the third layer reads the input as well
SKIP_NET = """lipcert-network 1
input 2
layers 3
layer 1 3 relu 1
bias 0x1p-2 -0x1p+0 0x0p+0
term 0 dense 3 2
0x1p+0 0x1p+1
-0x1.8p+0 0x1p-1
0x1p-1 0x1p+0
layer 2 3 relu 2
bias 0x0p+0 0x1p-1 0x1p-2
term 1 dense 3 3
0x1p+0 -0x1p-1 0x1.8p+0
-0x1p+0 0x1p+0 0x1p-2
0x1p-1 0x1p-1 -0x1p+0
term 0 dense 3 2
0x1p+0 0x0p+0
0x1p-1 -0x1p+0
0x0p+0 0x1p+0
layer 3 2 linear 2
bias 0x0p+0 0x0p+0
term 2 dense 2 3
0x1p+0 0x1p+0 -0x1p+0
-0x1p+0 0x1p-1 0x1p+0
term 1 dense 2 3
0x0p+0 0x1p+0 0x0p+0
0x1p+0 0x0p+0 0x1p-1
end
"""

# 2-4-1
ONE_NET = """lipcert-network 1
input 2
layers 2
layer 1 4 relu 1
bias 0x1p-2 -0x1p+0 0x0p+0 0x1p+0
term 0 dense 4 2
0x1p+0 0x1p+1
-0x1.8p+0 0x1p-1
0x1p-1 0x1p+0
0x1p+0 -0x1p+0
layer 2 1 linear 1
bias 0x0p+0
term 1 dense 1 4
0x1p+0 -0x1p+0 0x1.8p+0 0x1p-1
end
"""


def verdict(program, checker, folder, question, defect):
    """The last line of lipcheck for one question with one defect (None: as it should be)."""
    name, arguments = QUESTIONS[question]
    environment = dict(os.environ)
    if defect:
        environment["LIPCERT_BREAK"] = defect
    certificate = os.path.join(folder, "certificate")
    net = os.path.join(folder, name)
    subprocess.run([program, "bound", net, *arguments.split(), "--certificate", certificate],
                   env=environment, check=True, capture_output=True, timeout=TIMEOUT)
    done = subprocess.run([checker, net, certificate], check=False, capture_output=True, text=True,
                          timeout=TIMEOUT)
    return done.stdout.splitlines()[-1]


def main():
    program, checker, examples = (os.path.abspath(path) for path in sys.argv[1:4])
    failed = runs = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, text in ((SKIP, SKIP_NET), ("one", ONE_NET)):
            with open(os.path.join(folder, name), "w", encoding="ascii") as file:
                file.write(text)
        for name in (DIGITS, CONTROLLER):
            subprocess.run([program, "convert", os.path.join(examples, f"{name}.onnx"),
                            os.path.join(folder, name)], check=True, timeout=TIMEOUT)
        for question in QUESTIONS:
            runs += 1
            line = verdict(program, checker, folder, question, None)
            if line != "s VERIFIED":
                failed += 1
                print(f"{question}, without a defect: {line}")
        for defect, questions in DEFECTS.items():
            for question in questions:
                runs += 1
                line = verdict(program, checker, folder, question, defect)
                if not line.startswith("s REJECTED "):
                    failed += 1
                    print(f"{question}, {defect}: {line}")
    print(f"{len(DEFECTS)} defects, {runs} certificates, {failed} wrong verdicts")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
