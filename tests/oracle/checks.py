"""What the tests against the oracle and against reference values have in common."""
import numpy as np

import exact
import program as lipcert


class Report:
    """Counts checks and keeps the sentences of those that failed."""

    def __init__(self):
        self.checks, self.failures = 0, []

    def check(self, good, sentence):
        self.checks += 1
        if not good:
            self.failures.append(sentence)
            print(f"FAILED: {sentence}", flush=True)


def check_jacobian(report, label, program, path, net, x):
    """f(x) and J(x) as the program computes them, x a point off every kink.  Returns whether finite
    differences could be asked too."""
    point = path.with_name("point.npy")
    np.save(point, x)
    values, rows = lipcert.jacobian(program, path, point)
    j, truth = exact.jacobian(net, x)[0], exact.evaluate(net, x)
    report.check(np.allclose(values, truth, rtol=1e-9, atol=1e-9 * exact.magnitude(net, x)),
                 f"{label}: eval says f(x) = {values}, numpy {truth}")
    report.check(np.shape(rows) == j.shape and np.abs(rows - j).max() <= 1e-9 * np.abs(j).max(),
                 f"{label}: eval --jacobian says {rows}, numpy {j.tolist()}")
    if not exact.smooth(net, x) or np.shape(rows) != j.shape:
        return False
    off = exact.off_differences(net, x, np.array(rows))
    report.check(off <= 1, f"{label}: eval --jacobian is {off:g} times too far from finite "
                 "differences")
    return True
