#!/usr/bin/env python3
"""`lipcert sweep` from the outside: usage: test_sweep.py PROGRAM ROOT

Lists of both kinds, against single runs; kill -9 at random moments and going on; torn lines; crashes; ranks
under mpirun, with one killed; what is refused."""
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM, ROOT = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
sys.path.insert(0, str(ROOT / "tests" / "cli"))
import networks  # noqa: E402  pylint: disable=wrong-import-position

LIMIT = 240
MPIRUN = shutil.which("mpirun")
MPI = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
       "OMPI_MCA_btl": "self", "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe"}


def run(*arguments, code=0, cwd=None):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, cwd=cwd,
                          timeout=LIMIT, check=False)
    if done.returncode != code:
        raise AssertionError(f"{arguments}: exit code {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def records(path):
    """The records by their arguments, and how many lines are no JSON."""
    found, bad = {}, 0
    with open(path, "rb") as file:
        for line in file.read().split(b"\n"):
            try:
                record = json.loads(line)
            except ValueError:
                bad += len(line) > 0
                continue
            found.setdefault(tuple(record["arguments"]), []).append(record)
    return found, bad


def bounds(path):
    return {key: (r[-1]["result"]["lower_hex"], r[-1]["result"]["upper_hex"])
            for key, r in records(path)[0].items()}


def processes(name):
    """The numbers of processes of this test's program that work on the list `name`."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/cmdline", encoding="utf-8") as file:
                words = file.read().split("\0")
            with open(f"/proc/{entry}/environ", encoding="utf-8", errors="replace") as file:
                environment = file.read().split("\0")
            program = os.readlink(f"/proc/{entry}/exe")
        except OSError:
            continue
        if program == os.path.realpath(PROGRAM) and name in words:
            found.append((int(entry), environment))
    return found


class Sweep(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.home = os.getcwd()
        cls.folder = tempfile.TemporaryDirectory()
        os.chdir(cls.folder.name)
        networks.write_all()
        lines = [f"net.npz,{k / 50},0.5,{norm},{k % 2},\"product,interval,lbs\",50"
                 for k in range(50) for norm in ("inf", "2")]
        write("hundred.csv", "network,input,eps,norm,output,method,samples\n" + "\n".join(lines) + "\n")
        run("sweep", "hundred.csv", "--out", "reference.jsonl")
        # about half a second each
        slow = [f"wide.npz,{k / 10},0.5,0,\"product,lbs\",100000000,0.5" for k in range(12)]
        write("slow.csv", "network,input,eps,output,method,samples,time\n" + "\n".join(slow) + "\n")

    @classmethod
    def tearDownClass(cls):
        os.chdir(cls.home)
        cls.folder.cleanup()

    def test_against_single_runs(self):
        found, bad = records("reference.jsonl")
        self.assertEqual((len(found), bad), (100, 0))
        for key in list(found)[::17]:
            [record] = found[key]
            self.assertEqual((record["status"], record["error"], record["rank"]), ("done", None, 0))
            single = json.loads(run("bound", *key, "--json", "-"))
            for name in "lower_hex", "upper_hex":
                self.assertEqual(record["result"][name], single[name])
            self.assertEqual(record["result"]["network"], single["network"])

    def test_columns(self):
        """Every way to say something, and what the command line says where the list does not."""
        os.makedirs("sub", exist_ok=True)
        for name in "net.npz", "box.vnnlib", "point.csv":
            shutil.copy(name, "sub")
        write("sub/list.csv", "# comment\n\n"
              "Network , vnnlib,input,EPS,shape,output,out_norm,time,margin,norm\r\n"
              "net.npz,box.vnnlib,,,,0,,3,,\n"
              " net.npz ,,point.csv,0.25,ball,all,1,,,2\n"
              "net.npz,,0,1,box,,,,\"0,1\",\n"
              "net.npz,,0,1,,1-0,,,,1\n"
              "net.npz,,,,,all-margins\n"
              "net.npz,box.vnnlib,,,,0,,3,,\n")
        text = run("sweep", "sub/list.csv", "--norm", "inf", "--method", "product", "--seed", "3",
                   "--time", "20", "--jobs", "2")
        self.assertIn("5 of 5 instances have a record, 0 failed", text)
        self.assertIn("1 more line repeats one", text)
        found, _ = records("sub/list.jsonl")
        keys = sorted(" ".join(key) for key in found)
        tail = "--norm inf --method product --seed 3 --time"
        self.assertEqual(keys, sorted([
            f"net.npz --vnnlib box.vnnlib --output 0 {tail} 3",
            "net.npz --ball point.csv 0.25 --out-norm 1 --norm 2 --all --method product --seed 3 --time 20",
            f"net.npz --box 0 1 --margin 0,1 {tail} 20",
            "net.npz --box 0 1 --norm 1 --margin 1,0 --method product --seed 3 --time 20",
            f"net.npz --all-margins {tail} 20"]))
        for [record] in found.values():
            self.assertEqual(record["status"], "done")

    def test_vnncomp(self):
        write("comp.csv", "net.npz,box.vnnlib,5\n./net.npz,./box.vnnlib,116\nwide.npz,box.vnnlib,7.5\n")
        text = run("sweep", "comp.csv", "--output", "0", "--method", "product", "--time", "6", code=5)
        self.assertIn("3 of 3 instances have a record, 1 failed", text)
        found, _ = records("comp.jsonl")
        self.assertEqual({k[k.index("--time") + 1] for k in found}, {"5", "6"})
        [failed] = [r[0] for r in found.values() if r[0]["status"] == "failed"]
        self.assertEqual(failed["line"], 3)
        self.assertIn("box.vnnlib", failed["error"])
        self.assertIsNone(failed["result"])

    def test_kill_and_resume(self):
        """100 instances, killed again and again: nothing is lost, nothing is done twice."""
        rng, kills = random.Random(4), 0
        for _ in range(200):
            process = subprocess.Popen([PROGRAM, "sweep", "hundred.csv", "--out", "killed.jsonl", "--quiet"],
                                       stdout=subprocess.DEVNULL)
            try:
                if process.wait(timeout=0.1 + 0.4 * rng.random()) == 0:
                    break
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                kills += 1
        self.assertEqual(process.returncode, 0)
        self.assertGreater(kills, 0)
        found, _ = records("killed.jsonl")
        self.assertEqual(len(found), 100)
        self.assertEqual({len(r) for r in found.values()}, {1})
        self.assertEqual(bounds("killed.jsonl"), bounds("reference.jsonl"))
        text = run("sweep", "hundred.csv", "--out", "killed.jsonl")
        self.assertIn("100 had a record already", text)
        print(f"killed {kills} times")

    def test_torn_lines(self):
        """A record cut anywhere is done again; whole ones are not."""
        with open("reference.jsonl", "rb") as file:
            lines = file.read().splitlines(keepends=True)
        for cut in 1, len(lines[2]) // 2, len(lines[2]) - 1:
            with open("torn.jsonl", "wb") as file:
                file.write(lines[0] + lines[1] + lines[2][:cut])
            text = run("sweep", "hundred.csv", "--out", "torn.jsonl")
            whole = 2 + (cut == len(lines[2]) - 1)  # only the line feed is missing
            self.assertIn(f"resumed   {whole} had a record already", text)
            found, bad = records("torn.jsonl")
            self.assertEqual((len(found), {len(r) for r in found.values()}), (100, {1}))
            self.assertEqual(bad, int(cut < len(lines[2]) - 1))
            self.assertEqual(bounds("torn.jsonl"), bounds("reference.jsonl"))

    def test_crash_of_one(self):
        """An instance that is killed is reported, the others go on; --retry runs it again."""
        process = subprocess.Popen([PROGRAM, "sweep", "slow.csv", "--out", "crash.jsonl", "--jobs", "2"],
                                   stdout=subprocess.PIPE, text=True)
        hit = None
        while hit is None and process.poll() is None:
            for number, _ in processes("--json"):
                with open(f"/proc/{number}/stat", encoding="utf-8") as file:
                    if int(file.read().rsplit(")", 1)[1].split()[1]) == process.pid:
                        hit = number
            time.sleep(0.02)
        os.kill(hit, signal.SIGSEGV)
        out, _ = process.communicate(timeout=LIMIT)
        self.assertEqual(process.returncode, 5)
        self.assertIn("12 of 12 instances have a record, 1 failed", out)
        [failed] = [r[0] for r in records("crash.jsonl")[0].values() if r[0]["status"] == "failed"]
        self.assertIn("signal 11", failed["error"])
        text = run("sweep", "slow.csv", "--out", "crash.jsonl", "--retry")
        self.assertIn("11 had a record already", text)
        self.assertIn("12 of 12 instances have a record, 0 failed", text)

    def test_interrupt(self):
        process = subprocess.Popen([PROGRAM, "sweep", "slow.csv", "--out", "stop.jsonl"],
                                   stdout=subprocess.PIPE, text=True)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=LIMIT)
        self.assertEqual(process.returncode, 130)
        done = int(re.search(r"(\d+) of 12 instances have a record", out).group(1))
        self.assertLess(done, 12)
        self.assertEqual(len(records("stop.jsonl")[0]), done)
        time.sleep(0.2)
        self.assertEqual(processes("slow.csv"), [])

    def test_sweeps_side_by_side(self):
        """Two that know nothing of each other but the file share the work."""
        both = [subprocess.Popen([PROGRAM, "sweep", "slow.csv", "--out", "side.jsonl", "--jobs", "1"],
                                 stdout=subprocess.DEVNULL) for _ in range(2)]
        self.assertEqual([p.wait(timeout=LIMIT) for p in both], [0, 0])
        found, bad = records("side.jsonl")
        self.assertEqual((len(found), bad, {len(r) for r in found.values()}), (12, 0, {1}))

    def mpirun(self, *arguments):
        if not MPIRUN:
            self.skipTest("mpirun is not there")
        return subprocess.Popen([MPIRUN, "-n", "2", "--oversubscribe", *arguments],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                env={**os.environ, **MPI}, start_new_session=True)

    def finish(self, process):
        try:
            return process.communicate(timeout=LIMIT)[0]
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)

    def test_ranks(self):
        process = self.mpirun(PROGRAM, "sweep", "hundred.csv", "--out", "ranks.jsonl")
        out = self.finish(process)
        self.assertEqual(process.returncode, 0, out)
        found, bad = records("ranks.jsonl")
        self.assertEqual((bad, {len(r) for r in found.values()}), (0, {1}))
        self.assertEqual(bounds("ranks.jsonl"), bounds("reference.jsonl"))
        self.assertEqual({r[0]["rank"] for r in found.values()}, {0, 1})
        self.assertEqual(len(re.findall("100 of 100 instances", out)), 1)

    def kill_rank(self, *options):
        """Kill rank 1 in the middle; what the run had finished by then, and the process."""
        process = self.mpirun(*options, PROGRAM, "sweep", "slow.csv", "--out", "dead.jsonl")
        end = time.monotonic() + LIMIT
        while time.monotonic() < end and process.poll() is None:
            if os.path.exists("dead.jsonl") and len(records("dead.jsonl")[0]) >= 3:
                break
            time.sleep(0.05)
        ranks = [n for n, e in processes("slow.csv") if "OMPI_COMM_WORLD_RANK=1" in e]
        self.assertEqual(len(ranks), 1)
        os.kill(ranks[0], signal.SIGKILL)
        return process

    def test_rank_killed(self):
        """With --enable-recovery the other rank does the rest; else mpirun ends and the next run does."""
        for options in ["--enable-recovery"], []:
            process = self.kill_rank(*options)
            self.finish(process)
            if options:
                found, _ = records("dead.jsonl")
                self.assertEqual(len(found), 12)
            before = len(records("dead.jsonl")[0])
            self.assertGreaterEqual(before, 3)
            text = run("sweep", "slow.csv", "--out", "dead.jsonl")
            self.assertIn(f"resumed   {before} had a record already", text)
            found, _ = records("dead.jsonl")
            self.assertEqual((len(found), {len(r) for r in found.values()}), (12, {1}))
            os.unlink("dead.jsonl")

    BAD = [("", 2, "empty list"), ("network,input\nnet.npz,0\n", 2, "input and eps together"),
           ("network,colour\n", 2, "'colour'"), ("input,eps\n0,1\n", 2, "column 'network'"),
           ("network,network\n", 2, "twice"), ("network,time\n", 2, "below the header"),
           ("network,time\nnet.npz,soon\n", 2, "'soon'"), ("network\n\"net.npz\n", 2, "closing quote"),
           ("network\nnet.npz,1\n", 2, "no more cells"), ("network,eps\n,1\n", 2, "name of a network"),
           ("network,json\nnet.npz,x\n", 2, "'json'"),
           ("network,input,eps,shape\nnet.npz,0,1,star\n", 2, "'star'")]

    def test_refusals(self):
        for text, code, fragment in self.BAD:
            with self.subTest(text=text):
                write("bad.csv", text)
                message = run("sweep", "bad.csv", code=code)
                self.assertRegex(message, r"\Alipcert: bad\.csv: line \d+: [^\n]+\n\Z")
                self.assertIn(fragment, message)
                self.assertFalse(os.path.exists("bad.jsonl"))
        for arguments, code, fragment in (
                (["absent.csv"], 2, "absent.csv"), (["slow.csv", "--jobs", "0"], 1, "--jobs"),
                (["slow.csv", "--out", "no/such/file"], 4, "no/such/file"),
                (["slow.csv", "--out", "./slow.csv"], 1, "list that is read"),
                (["slow.csv", "--output", "0", "--all"], 1, "--all"), ([], 1, "sweep LIST")):
            message = run("sweep", *arguments, code=code)
            self.assertRegex(message, r"\Alipcert: [^\n]+\n\Z")
            self.assertIn(fragment, message)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
