"""`lipcert bound --certificate` and `lipcert check` from the outside.

    usage: test_certificate.py PROGRAM ROOT      lipcheck is where the build puts it
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM, ROOT = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
DIGITS, CONTROLLER = (str(ROOT / "examples" / f"{name}.onnx") for name in ("digits", "controller"))
LIMIT = 120
REJECTED, MALFORMED, NO_ANSWER = 6, 2, 5


def run(*arguments, program=PROGRAM, **options):
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=LIMIT,
                          check=False, **options)
    return done.returncode, done.stdout, done.stderr


def wait_for_handler(pid):
    """Until the process catches SIGINT."""
    for _ in range(600):
        status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
        if int(caught.split()[1], 16) >> (signal.SIGINT - 1) & 1:
            return
        time.sleep(0.05)
    raise AssertionError("lipcert does not catch SIGINT")


class Certificates(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "certificate")

    def certify(self, net, *arguments):
        code, out, err = run("bound", net, *arguments, "--certificate", self.path)
        self.assertEqual(code, 0, err)
        return out

    def verdict(self, net=CONTROLLER, code=0):
        got, out, err = run("check", net, self.path)
        self.assertEqual((got, err), (code, ""), out)
        return out.splitlines()[-1]

    def edit(self, old, new):
        text = pathlib.Path(self.path).read_text(encoding="ascii")
        self.assertIn(old, text)
        pathlib.Path(self.path).write_text(text.replace(old, new, 1), encoding="ascii")

    def test_verified(self):
        for norm in ("1", "2", "inf"):
            out = self.certify(CONTROLLER, "--norm", norm, "--box", "0", "0.1")
            self.assertIn(self.path, out)
            self.assertEqual(self.verdict(), "s VERIFIED")

    def test_bounds_are_printed(self):
        self.certify(CONTROLLER, "--norm", "2", "--method", "product,lbs")
        _, out, _ = run("check", CONTROLLER, self.path)
        words = [line.split()[0] for line in out.splitlines()]
        self.assertEqual(words, ["upper", "lower", "s"])

    def test_one_side_only(self):
        self.certify(CONTROLLER, "--norm", "2", "--method", "product")
        self.assertEqual(self.verdict(), "s VERIFIED")
        self.certify(CONTROLLER, "--norm", "2", "--method", "lbs")
        self.assertEqual(self.verdict(), "s VERIFIED")

    def test_other_network(self):
        self.certify(CONTROLLER, "--norm", "2")
        code, out, err = run("check", DIGITS, self.path)
        self.assertEqual((code, out), (REJECTED, ""))
        self.assertIn("is for the network", err)

    def test_better_claim(self):
        self.certify(CONTROLLER, "--norm", "2", "--method", "product")
        self.edit("upper 0x1.3", "upper 0x1.2")
        self.assertTrue(self.verdict(code=REJECTED).startswith("s REJECTED "))

    def test_truncated(self):
        self.certify(CONTROLLER, "--norm", "2", "--method", "product")
        self.edit("end\n", "")
        self.assertTrue(self.verdict(code=MALFORMED).startswith("s MALFORMED "))

    def test_reproducible(self):
        texts = []
        for _ in range(2):
            self.certify(DIGITS, "--norm", "2", "--box", "0.5", "0.05")
            texts.append(pathlib.Path(self.path).read_bytes())
        self.assertEqual(*texts)

    def test_interrupted_run_still_certifies(self):
        self.certify(DIGITS, "--norm", "2", "--time", "0")
        self.assertEqual(self.verdict(DIGITS), "s VERIFIED")

    def test_nothing_to_certify(self):
        net = os.path.join(self.folder.name, "zero.net")
        pathlib.Path(net).write_text(
            "lipcert-network 1\ninput 1\nlayers 1\nlayer 1 1 linear 1\nbias 0x0p+0\n"
            "term 0 dense 1 1\n0x0p+0\nend\n", encoding="ascii")
        code, _, err = run("bound", net, "--method", "lbs", "--certificate", self.path)
        self.assertEqual(code, NO_ANSWER)
        self.assertIn("--certificate", err)
        self.assertFalse(os.path.exists(self.path))

    def test_interrupted_at_any_stage(self):
        """Ctrl-C while tight works: what was proved by then is certified."""
        methods, stages = "product,tangent,hr2,tight", set()
        for delay in (0, 1, 3, 6):
            with subprocess.Popen([PROGRAM, "bound", DIGITS, "--norm", "inf", "--box", "0.5", "0.1",
                                   "--method", methods, "--time", "100", "--certificate", self.path,
                                   "--json", "-"], stdout=subprocess.PIPE, text=True) as process:
                wait_for_handler(process.pid)
                time.sleep(delay)
                process.send_signal(signal.SIGINT)
                document = json.loads(process.communicate(timeout=LIMIT)[0])
            self.assertEqual((process.returncode, document["stop"]), (130, "interrupted"))
            self.assertEqual(document["certified"], document["upper"])
            self.assertEqual(self.verdict(DIGITS), "s VERIFIED")
            stages.add(document["upper_method"])
        self.assertGreater(len(stages), 1, stages)

    def test_files_are_checked_first(self):
        for arguments, word in ((["--certificate", "no/such/folder/c"], "no/such/folder"),
                                (["--certificate", self.path, "--witness", self.path], "--witness"),
                                (["--certificate", CONTROLLER], "replace the network")):
            code, out, err = run("bound", CONTROLLER, *arguments)
            self.assertIn(code, (1, 4))
            self.assertEqual(out, "")
            self.assertIn(word, err)

    def test_missing_files(self):
        code, out, err = run("check", CONTROLLER, self.path)
        self.assertEqual(code, MALFORMED)
        self.assertIn("certificate", out + err)

    def test_missing_checker(self):
        """A lipcert without lipcheck beside it, and none in PATH."""
        self.certify(CONTROLLER, "--norm", "2", "--method", "product")
        alone = os.path.join(self.folder.name, "lipcert")
        shutil.copy(PROGRAM, alone)
        code, out, err = run("check", CONTROLLER, self.path, program=alone,
                             env={**os.environ, "PATH": self.folder.name})
        self.assertEqual((code, out), (2, ""))
        self.assertIn("lipcheck", err)

    def test_no_temporary_folder(self):
        self.certify(CONTROLLER, "--norm", "2", "--method", "product")
        code, out, err = run("check", CONTROLLER, self.path, env={**os.environ, "TMPDIR": "/no/such"})
        self.assertEqual((code, out), (2, ""))
        self.assertIn("/no/such", err)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
