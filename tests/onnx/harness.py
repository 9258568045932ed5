"""Running `lipcert eval` from the ONNX tests and comparing with the numpy oracle."""
import os
import subprocess
import sys

import numpy as np


class Tester:
    """Counts checks and failures; `program` is the lipcert executable."""

    def __init__(self, program, scratch):
        self.program, self.scratch = program, scratch
        self.checks = self.failures = 0

    def fail(self, name, text):
        self.failures += 1
        print(f"FAILED {name}: {text}")

    def run(self, path, x):
        """(outputs, None) or (None, sentence)."""
        point = os.path.join(self.scratch, "x.npy")
        np.save(point, np.asarray(x, np.float64).ravel())
        done = subprocess.run([self.program, "eval", path, "--input", point], text=True,
                              capture_output=True, timeout=120)
        if done.returncode < 0 or "Sanitizer" in done.stderr or "runtime error" in done.stderr:
            raise SystemExit(f"{path}: the program crashed\n{done.stderr}")
        if done.returncode:
            return None, done.stderr.strip()
        return np.array([float(line) for line in done.stdout.split()]), None

    def agrees(self, name, path, x, expected, tolerance=1e-6):
        self.checks += 1
        y, refusal = self.run(path, x)
        expected = np.asarray(expected, np.float64).ravel()
        if y is None:
            self.fail(name, f"refused: {refusal}")
        elif y.shape != expected.shape:
            self.fail(name, f"{y.size} outputs, expected {expected.size}")
        elif not np.all(np.abs(y - expected) <= tolerance * (1 + np.abs(expected).max(initial=0))):
            self.fail(name, f"differs by {np.abs(y - expected).max()}")

    def refused(self, name, path, size, *fragments):
        self.checks += 1
        y, refusal = self.run(path, np.zeros(size))
        if y is not None:
            self.fail(name, "was read, but should be refused")
            return
        for fragment in fragments:
            if fragment not in refusal:
                self.fail(name, f"expected '{fragment}' in: {refusal}")
        if refusal.count("\n"):
            self.fail(name, f"more than one line: {refusal}")

    def finish(self):
        print(f"{self.checks} checks, {self.failures} failed")
        sys.exit(1 if self.failures else 0)
