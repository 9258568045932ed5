#!/usr/bin/env python3
"""The program lipcert from the outside, in order: usage: test_cli.py PROGRAM [ROOT], ROOT the source tree.

The numbers agree with numpy; text and JSON agree and printed decimals enclose; signals and the time limit
keep the bounds; help, man page and docs name every option."""
import json
import os
import pty
import re
import select
import signal
import subprocess
import time
from decimal import Decimal

import numpy as np

import networks
from frame import Base, LIMIT, LONG, PROGRAM, ROOT, SMALL, main, run


class Numbers(Base):
    def test_eval(self):
        for argument, x in (("point.npy", [0.3, -0.7]), ("point.csv", [0.3, -0.7]),
                            ("2.5", [2.5, 2.5]), ("-1", [-1, -1]), ("0x1p-1", [0.5, 0.5])):
            text = self.good("eval", "net.npz", "--input", argument)
            np.testing.assert_allclose([float(w) for w in text.split()], networks.evaluate(x),
                                       rtol=1e-14)
        text = self.good("eval", "net.npz", "--input", "labelled.csv", "--row", 1, "--scale", 0.5)
        np.testing.assert_allclose([float(w) for w in text.split()], networks.evaluate([-0.5, 1.0]))

    def test_jacobian(self):
        lines = self.good("eval", "net.npz", "--input", "point.npy", "--jacobian").splitlines()
        self.assertEqual(len(lines), 4)
        rows = [[float(w) for w in line.split(" ")] for line in lines[2:]]
        np.testing.assert_allclose(rows, networks.jacobian([0.3, -0.7]), rtol=1e-14)

    def test_formats_agree(self):
        self.good("convert", "net.npz", "net.lip")
        names = ["net.npz", "net.nnet", "net.nnet.gz", "net.lip"]
        self.assertEqual(len({self.good("eval", n, "--input", "point.npy") for n in names}), 1)
        hashes = {json.loads(self.good("info", n, "--json",
                                       "-"))["network"]["sha256"] for n in names}
        self.assertEqual(len(hashes), 1)
        self.good("convert", "net.lip", "again.lip")
        with open("net.lip", "rb") as a, open("again.lip", "rb") as b:
            self.assertEqual(a.read(), b.read())

    def test_info(self):
        text = self.good("info", "net.npz")
        answer = json.loads(self.good("info", "net.npz", "--json", "-"))
        net = answer["network"]
        self.assertEqual((net["inputs"], net["outputs"], net["layers"], net["neurons"]),
                         (2, 2, 2, 3))
        self.assertRegex(net["sha256"], r"\A[0-9a-f]{64}\Z")
        self.assertIn(net["sha256"], text)
        self.assertEqual([layer["width"] for layer in answer["layers"]], [3, 2])
        self.assertEqual([layer["relu"] for layer in answer["layers"]], [True, False])
        self.assertTrue(self.good("info", "net.npz", "--json", "info.json").startswith("network"))
        with open("info.json") as file:
            self.assertEqual(json.load(file), answer)

    def test_gradient(self):
        j = networks.jacobian([0.3, -0.7])
        for p, dual in (("inf", 1), ("2", 2), ("1", np.inf)):
            for row in 0, 1:
                answer = json.loads(self.good("gradient", "net.npz", "--input", "point.npy",
                                              "--norm", p,
                                              "--output", row, "--json", "-"))
                exact = np.linalg.norm(j[row], dual)
                self.assertTrue(answer["decided"])
                self.assertLessEqual(answer["lower"], exact * (1 + 1e-12))
                self.assertGreaterEqual(answer["upper"], exact * (1 - 1e-12))
                self.assertLess(answer["upper"] - answer["lower"], 1e-10)

    def test_gradient_on_kink(self):
        answer = run("gradient", "net.npz", "--input", "kink.csv", "--json", "kink.json")
        self.assertEqual(answer.returncode, 2)
        with open("kink.csv", "w") as file:
            file.write("0.75,0.5\n")  # the first neuron is exactly 0
        answer = run("gradient", "net.npz", "--input", "kink.csv", "--json", "kink.json")
        self.assertEqual((answer.returncode, answer.stderr), (5, ""))
        self.assertIn("0 <= |J(x)| <= inf", answer.stdout)
        with open("kink.json") as file:
            got = json.load(file)
        self.assertEqual((got["decided"], got["lower"], got["upper"], got["upper_hex"]),
                         (False, 0.0, None, "inf"))

    def test_bounds_enclose(self):
        sampled = networks.largest_norms()
        answer = self.bound("net.npz")
        self.assertGreaterEqual(answer["upper"], sampled * (1 - 1e-12))
        self.assertLessEqual(answer["lower"], answer["upper"])
        self.assertGreater(answer["lower"], 0)
        x = np.array(answer["witness"]["x"])
        norm = np.abs(networks.jacobian(x)).sum(axis=1).max()
        self.assertGreaterEqual(norm, answer["lower"] * (1 - 1e-12))

    def test_regions(self):
        whole = self.bound("net.npz")
        self.assertEqual(whole["region"], {"kind": "everywhere", "n": 2})
        box = self.bound("net.npz", "--box", "point.npy", "0.25", "--clip", "-0.5,inf")
        self.assertEqual(box["region"]["kind"], "box")
        np.testing.assert_allclose(box["region"]["lo"], [0.05, -0.5], rtol=1e-12)
        np.testing.assert_allclose(box["region"]["hi"], [0.55, -0.45], rtol=1e-12)
        file = self.bound("net.npz", "--box-file", "lo.npy", "1.5", "--clip=-1.5,1")
        self.assertEqual((file["region"]["lo"], file["region"]["hi"]), ([-1.0, -1.5], [1.0, 1.0]))
        ball = self.bound("net.npz", "--ball", "labelled.csv", "0.5", "--row", "1", "--scale", "2")
        self.assertEqual(ball["region"], {"kind": "ball", "n": 2, "centre": [-2.0, 4.0],
                                          "radius": 0.5})
        vnn = self.bound("net.npz", "--vnnlib", "box.vnnlib")
        self.assertEqual((vnn["region"]["lo"], vnn["region"]["hi"]), ([-1.0, -0.5], [1.0, 0.5]))
        self.assertEqual(ball["given"]["ball"], ["labelled.csv", "0.5"])
        for answer in box, file, ball, vnn:
            self.assertLessEqual(answer["lower"], answer["upper"])
            self.assertLessEqual(answer["lower"], whole["upper"])

    def test_selection(self):
        self.assertEqual(self.bound("net.npz")["output"], {"kind": "all"})
        self.assertEqual(self.bound("one.npz")["output"], {"kind": "row", "i": 0})
        self.assertEqual(self.bound("one.npz", "--all")["output"], {"kind": "row", "i": 0})
        self.assertEqual(self.bound("net.npz", "--output", "1")["output"], {"kind": "row", "i": 1})
        self.assertEqual(self.bound("net.npz", "--margin", "1,0")["output"],
                         {"kind": "margin", "i": 1, "j": 0})

    def test_norms(self):
        self.assertEqual([self.bound("net.npz")[k] for k in ("norm_in", "norm_out")],
                         ["inf", "inf"])
        got = self.bound("net.npz", "--norm", "2")
        self.assertEqual([got[k] for k in ("norm_in", "norm_out")], ["2", "2"])
        got = self.bound("net.npz", "--norm=1", "--out-norm", "inf")
        self.assertEqual([got[k] for k in ("norm_in", "norm_out")], ["1", "inf"])

    def test_same_seed_same_bits(self):
        """All methods in a small box, and in R^n those that end there without the clock."""
        for more in ["--box", "0", "0.02"], ["--method", "product,interval,lbs,search,tangent"]:
            a, b = (self.bound("wide.npz", "--seed", "7", "--output", "0", *more) for _ in range(2))
            self.assertEqual((a["lower_hex"], a["upper_hex"], a["witness"]),
                             (b["lower_hex"], b["upper_hex"], b["witness"]))


class Reports(Base):
    def check_bound(self, answer, key):
        """The three forms of a bound agree and enclose."""
        hexadecimal = answer[key + "_hex"]
        if hexadecimal == "inf":
            self.assertIsNone(answer[key])
            self.assertEqual(answer[key + "_decimal"], "inf")
            return
        value = float.fromhex(hexadecimal)
        self.assertEqual(answer[key], value)
        text, exact = Decimal(answer[key + "_decimal"]), Decimal(value)
        lower = key == "lower" or (key == "value" and answer["side"] == "lower")
        self.assertTrue(text <= exact if lower else text >= exact)

    def test_json_is_complete(self):
        text = self.good("bound", "wide.npz", "--norm", "2", "--output", "3", "--box", "0", "1",
                         *SMALL, "--json", "out.json", "--witness", "x.npy", "--seed", "11",
                         "--method", "product,lbs")
        with open("out.json") as file:
            answer = json.load(file)
        keys = {"document", "document_version", "program", "network", "quantity", "norm_in",
                "norm_out", "output", "given", "region", "method", "seed", "settings", "lower", "lower_hex",
                "lower_decimal", "upper", "upper_hex", "upper_decimal", "lower_method",
                "upper_method", "certified", "certified_hex", "certified_decimal", "evidence", "gap", "neurons", "stable_active",
                "stable_inactive", "steps", "history", "unfinished", "witness", "stop", "seconds"}
        self.assertEqual(set(answer), keys)
        self.assertEqual((answer["document"], answer["document_version"]), ("lipcert bound", 1))
        self.assertEqual((answer["method"], answer["seed"], answer["settings"]["seed"]),
                         ("product,lbs", 11, 11))
        self.assertEqual(answer["settings"]["samples"], 20)
        self.assertEqual((answer["neurons"], answer["stop"], answer["evidence"]),
                         (120, "finished", "proved"))
        self.assertEqual({step["method"] for step in answer["steps"]}, {"product", "lbs"})
        self.assertEqual((answer["lower_method"], answer["upper_method"]), ("lbs", "product"))
        self.check_bound(answer, "lower")
        self.check_bound(answer, "upper")
        for step in answer["steps"]:
            self.check_bound(step, "value")
        self.assertEqual(len(answer["witness"]["x"]), 20)
        np.testing.assert_array_equal(np.load("x.npy"), answer["witness"]["x"])
        self.assertAlmostEqual(answer["gap"], 1 - answer["lower"] / answer["upper"], 12)
        # the same numbers in the text, rounded outwards
        low, high = re.search(r"^(\S+) <= L <= (\S+)$", text, re.M).groups()
        self.assertLessEqual(Decimal(low), Decimal(answer["lower"]))
        self.assertGreaterEqual(Decimal(high), Decimal(answer["upper"]))
        self.assertLess(abs(float(low) / answer["lower"] - 1), 1e-8)
        self.assertLess(abs(float(high) / answer["upper"] - 1), 1e-8)
        for word in (answer["network"]["sha256"][:16], "wide.npz", "number 3 of 0..4", "input 2",
                     "box 0 +- 1", "seed 11", "proved by lbs", "proved by product"):
            self.assertIn(word, text)

    def test_nothing_proved(self):
        got = self.bound("net.npz", "--method", "lbs")
        self.assertEqual((got["upper"], got["upper_hex"], got["upper_method"], got["gap"]),
                         (None, "inf", None, None))
        text = self.good("bound", "net.npz", "--method", "lbs", *SMALL)
        self.assertRegex(text, r"(?m)<= L <= inf$")
        self.assertIn("no bound was proved", text)
        answer = run("bound", "net.npz", "--method", "product", "--witness", "none.npy", "--json",
                     "n.json")
        self.assertEqual(answer.returncode, 5)
        self.assertRegex(answer.stderr, r"\Alipcert: option --witness: [^\n]+\n\Z")
        self.assertRegex(answer.stdout, r"(?m)^0 <= L <= ")
        self.assertIn("no witness", answer.stdout)
        self.assertFalse(os.path.exists("none.npy"))
        with open("n.json") as file:
            got = json.load(file)
        self.assertEqual((got["witness"], got["lower"], got["lower_method"]), (None, 0.0, None))

    def test_witness_confirms(self):
        got = json.loads(self.good("bound", "wide.npz", "--output", "1", *SMALL, "--witness",
                                   "w.npy", "--method", "lbs,search", "--json", "-"))
        again = json.loads(self.good("gradient", "wide.npz", "--output", "1", "--input", "w.npy",
                                     "--json", "-"))
        self.assertTrue(again["decided"])
        self.assertGreaterEqual(again["upper"], got["lower"])

    def test_quiet(self):
        text = self.good("bound", "net.npz", "--quiet", *SMALL)
        self.assertRegex(text, r"\A\S+ <= L <= \S+\n\Z")
        text = self.good("gradient", "net.npz", "--input", "point.npy", "--quiet")
        self.assertRegex(text, r"\A\S+ <= \|J\(x\)\| <= \S+\n\Z")

    def test_names_that_are_not_utf8(self):
        name = os.fsdecode(b"b\xe4d.npz")
        os.link("net.npz", name)
        answer = subprocess.run([PROGRAM, "info", os.fsencode(name), "--json", "-"], timeout=LIMIT,
                                stdout=subprocess.PIPE)
        os.unlink(name)
        self.assertEqual(answer.returncode, 0)
        self.assertEqual(json.loads(answer.stdout.decode())["network"]["path"], "b\ufffdd.npz")

    def test_json_to_pipe_and_link(self):
        self.good("info", "net.npz", "--json", "/dev/stdout")
        with open("target", "w") as file:
            file.write("old")
        os.symlink("target", "link")
        self.good("info", "net.npz", "--json", "link")
        self.assertTrue(os.path.islink("link"))
        with open("target") as file:
            self.assertEqual(json.load(file)["document"], "lipcert info")
        self.assertEqual([n for n in os.listdir(".") if ".tmp" in n], [])

    def test_dangling_links_stay(self):
        """A link to a file that does not exist yet: the file is made, the link stays."""
        os.mkdir("elsewhere")
        for name, arguments in (("json", ["info", "net.npz", "--json"]),
                                ("npy", ["bound", "net.npz", *SMALL, "--witness"]),
                                ("lip", ["convert", "net.npz"])):
            os.symlink(f"elsewhere/second.{name}", f"first.{name}")
            os.symlink(f"made.{name}", f"elsewhere/second.{name}")
            self.good(*arguments, f"first.{name}")
            for link in f"first.{name}", f"elsewhere/second.{name}":
                self.assertTrue(os.path.islink(link), link)
            self.assertTrue(os.path.isfile(f"elsewhere/made.{name}"), name)
        self.assertEqual(np.load("first.npy").shape, (2,))
        self.assertEqual(len(os.listdir("elsewhere")), 6)  # and no temporary file
        os.symlink("no/such/folder/out", "lost")
        self.assertEqual(run("bound", "net.npz", "--json", "lost", *LONG).returncode, 4)

    def test_names_with_control_characters(self):
        """They reach neither the report nor the messages, so a name cannot forge a line."""
        name = "a\x1b[2J\n0 <= L <= 0\u009b1m\u00e4.npz"
        shown = "a?[2J?0 <= L <= 0??1m\u00e4.npz"  # one '?' for each byte
        box, point = "box\r\x7f.vnnlib", "point\x07.npy"
        for source, copy in ("net.npz", name), ("box.vnnlib", box), ("point.npy", point):
            os.link(source, copy)
            self.addCleanup(os.unlink, copy)
        for arguments in (["info", name], ["bound", name, *SMALL, "--vnnlib", box],
                          ["bound", name, *SMALL, "--box", point, "1"],
                          ["bound", name, *SMALL, "--ball", point, "1"],
                          ["bound", name, *SMALL, "--box-file", point, point],
                          ["gradient", name, "--input", point]):
            text = self.good(*arguments)
            self.assertNotRegex(text, "[\x00-\x09\x0b-\x1f\x7f-\x9f]", arguments)
            self.assertRegex(text, rf"(?m)^network +{re.escape(shown)}( |$)")
            self.assertNotRegex(text, r"(?m)^0 <= L <= 0")
        answer = run("bound", name, "--box", "absent" + point, "1")
        self.assertRegex(answer.stderr, r"\Alipcert: absentpoint\?\.npy: [^\n]+\n\Z")

    def test_example_networks(self):
        for name in "digits.onnx", "controller.onnx":
            path = os.path.join(ROOT or "", "examples", name)
            if not ROOT or not os.path.exists(path):
                self.skipTest(f"{name} is not there")
            got = self.bound(path, "--box", "0.5", "0.1")
            self.assertLessEqual(got["lower"], got["upper"])
            self.assertEqual(got["network"]["format"], "onnx")


class Stopping(Base):
    @staticmethod
    def handles(pid, number):
        """True once the process has installed a handler for the signal."""
        with open(f"/proc/{pid}/status") as file:
            caught = re.search(r"^SigCgt:\s*([0-9a-f]+)$", file.read(), re.M)
        return bool(caught and int(caught.group(1), 16) >> (number - 1) & 1)

    @staticmethod
    def read(terminal):
        """What comes next from a terminal; b"" at its end."""
        if not select.select([terminal], [], [], LIMIT)[0]:
            raise TimeoutError("nothing more comes from the program")
        try:
            return os.read(terminal, 4096)
        except OSError:
            return b""

    def bounded(self, terminal):
        """Read a terminal until its progress line shows a bound on either side."""
        seen = b""
        while True:
            shown = re.findall(rb"(\S+) <= L <= (\S+)(?:  gap \S+ %)?\r", seen)
            if any(0 < float(low) and float(high) < np.inf for low, high in shown):
                return
            part = self.read(terminal)
            self.assertTrue(part, f"the run was meant to be long: {seen[-300:]}")
            seen += part

    def interrupted(self, number, code):
        master, slave = pty.openpty()
        process = subprocess.Popen([PROGRAM, "bound", "wide.npz", *LONG, "--json", "stopped.json"],
                                   stdout=subprocess.PIPE, stderr=slave, text=True)
        os.close(slave)
        self.addCleanup(os.close, master)
        self.addCleanup(process.kill)
        self.bounded(master)
        self.assertTrue(self.handles(process.pid, number))
        process.send_signal(number)
        rest = b""
        while part := self.read(master):
            rest += part
        out, _ = process.communicate(timeout=LIMIT)
        self.assertEqual(process.returncode, code)
        self.assertTrue(rest.endswith(b"\r\x1b[K"), rest[-60:])
        self.assertNotIn(b"\n", rest)  # a progress line, and no message
        low, high = re.search(r"^(\S+) <= L <= (\S+)$", out, re.M).groups()
        self.assertTrue(0 < float(low) <= float(high) < np.inf)
        self.assertIn("interrupted", out)
        with open("stopped.json") as file:
            got = json.load(file)
        self.assertEqual(got["stop"], "interrupted")
        self.assertIn("interrupted", [left["reason"] for left in got["unfinished"]])
        self.assertIn(False, [step["complete"] for step in got["steps"]])

    def test_interrupt(self):
        self.interrupted(signal.SIGINT, 130)

    def test_terminate(self):
        self.interrupted(signal.SIGTERM, 143)

    def test_lasserre_on_a_flat_region(self):
        """A neuron that is 0 at the only point of the box has a factor without terms."""
        with open("cancel.net", "w", encoding="ascii") as file:
            file.write("lipcert-network 1\ninput 2\nlayers 2\nlayer 1 1 relu 1\nbias 0x0p+0\n"
                       "term 0 dense 1 2\n0x1p+0 -0x1p+0\nlayer 2 1 linear 1\nbias 0x0p+0\n"
                       "term 1 dense 1 1\n0x1p+0\nend\n")
        for region in (["--box", "1", "0"], ["--ball", "1", "0"]):
            text = self.good("bound", "cancel.net", *region, "--method", "lasserre")
            self.assertRegex(text, r"(?m)^0 <= L <= 2\.0\d*$")

    def test_time_limit(self):
        start = time.monotonic()
        text = self.good("bound", "wide.npz", *LONG[:2], "--time", "0.5", "--method", "product,lbs")
        self.assertLess(time.monotonic() - start, 20)
        self.assertIn("out of time", text)
        self.assertRegex(text, r"(?m)^next      with more time: lbs \(stopped by the time limit\)$")
        self.assertRegex(text, r"(?m)^\S+ <= L <= \S+$")

    def test_unfinished(self):
        """What auto left stands in the report and the document alike; nothing when the bounds have met."""
        text = self.good("bound", "wide.npz", "--time", "0", "--json", "left.json")
        with open("left.json") as file:
            got = json.load(file)
        left = {entry["method"]: entry["reason"] for entry in got["unfinished"]}
        self.assertEqual(len(left), len(got["unfinished"]))
        self.assertTrue({"interval", "lbs", "search"} <= set(left), left)
        self.assertTrue({"exact", "tight"} & set(left), left)
        said = re.search(r"^next      with more time: (.*)$", text, re.M).group(1)
        self.assertEqual(said, ", ".join(f"{name} ({reason})" for name, reason in left.items()))
        text = self.good("bound", "net.npz", "--output", "0", "--box", "0", "0.01", "--json", "met.json")
        with open("met.json") as file:
            got = json.load(file)
        self.assertLess(got["gap"], 1e-5)
        self.assertEqual(got["unfinished"], [])
        self.assertNotIn("with more time", text)

    def test_time_zero(self):
        text = self.good("bound", "net.npz", "--time", "0")
        self.assertIn("out of time", text)
        self.assertRegex(text, r"(?m)^\S+ <= L <= \S+$")

    def test_progress_at_a_terminal(self):
        for quiet in [], ["--quiet"]:
            master, slave = pty.openpty()
            process = subprocess.Popen([PROGRAM, "bound", "wide.npz", *LONG[:2], "--time", "1",
                                        "--method", "product,lbs", *quiet],
                                       stdout=subprocess.DEVNULL, stderr=slave)
            os.close(slave)
            seen = b""
            while part := self.read(master):
                seen += part
            os.close(master)
            self.assertEqual(process.wait(timeout=LIMIT), 0)
            self.assertEqual(b"<= L <=" in seen, not quiet)
            shown = re.findall(rb"([0-9.]+) s  lbs  (\S+) <= L <= (\S+)  gap (\S+) %", seen)
            self.assertEqual(bool(shown), not quiet)
            for _, low, high, gap in shown:
                self.assertLess(abs(1 - float(low) / float(high) - float(gap) / 100), 1e-3)
            if not quiet:
                self.assertTrue(seen.endswith(b"\r\x1b[K"), seen[-60:])


class Help(Base):
    COMMANDS = ["bound", "decide", "check", "gradient", "radius", "monotone", "sweep", "plot", "report", "eval", "info", "convert", "export", "methods", "version",
                "help"]

    def options(self, command):
        return re.findall(r"^  --([a-z-]+)", self.good(command, "--help"), re.M)

    def test_help(self):
        overview = self.good("help")
        self.assertEqual(overview, self.good("--help"))
        self.assertEqual(re.findall(r"^  ([a-z]+) ", overview, re.M)[:len(self.COMMANDS)],
                         self.COMMANDS)
        for command in self.COMMANDS:
            text = self.good(command, "--help")
            self.assertEqual(text, self.good(command, "-h"))
            self.assertEqual(text, self.good("help", command))
            self.assertTrue(text.startswith(f"usage: lipcert {command}"))
            self.assertIn("help", self.options(command))
        wanted = {"norm", "out-norm", "output", "margin", "all", "all-margins", "global", "box", "box-file",
                  "ball",
                  "vnnlib", "clip", "row", "scale", "method", "json", "witness", "nnet-normalise",
                  "quiet", "time", "seed", "samples"}
        self.assertLessEqual(wanted, set(self.options("bound")))
        self.assertIn("settings", self.good("help", "settings"))
        self.assertIn("130", self.good("help", "exit"))

    def test_every_option_parses(self):
        """What the help names is known: an option lacks its values, but is not unknown."""
        for command in self.COMMANDS:
            for option in self.options(command):
                answer = run(command, "net.npz", "--" + option)
                self.assertNotIn("unknown option", answer.stderr)

    def test_version(self):
        self.assertRegex(self.good("version"), r"\Alipcert \d+\.\d+\.\d+\n(\S+ .*\n)+\Z")
        self.assertEqual(self.good("version"), self.good("--version"))

    def test_methods(self):
        text = self.good("methods")
        for name in "product", "lbs":
            self.assertRegex(text, rf"(?m)^{name}\s+(lower|upper|both)\s")

    def test_documents(self):
        if not ROOT:
            self.skipTest("no source tree given")
        with open(os.path.join(ROOT, "docs", "settings.md")) as file:
            self.assertEqual(file.read(), self.good("help", "--markdown-settings"))
        with open(os.path.join(ROOT, "docs", "cli.md")) as file:
            manual = file.read()
        with open(os.path.join(ROOT, "docs", "man", "lipcert.1")) as file:
            page = file.read().replace("\\-", "-")
        for command in self.COMMANDS:
            for option in self.options(command):
                self.assertIn(f"--{option}", manual, "docs/cli.md")
                self.assertIn(f"--{option}", page, "lipcert.1")
        exits = re.findall(r"^  (\d+) ", self.good("help", "exit"), re.M)
        self.assertEqual(len(exits), 10)
        for code in exits:
            self.assertRegex(manual, rf"(?m)^\| {code} \|")
            self.assertRegex(page, rf"(?m)^\.B {code}$")

    def test_json_keys_are_documented(self):
        if not ROOT:
            self.skipTest("no source tree given")
        with open(os.path.join(ROOT, "docs", "cli.md")) as file:
            manual = file.read()

        def names(value):
            if isinstance(value, dict):
                for key, inner in value.items():
                    if key not in ("build", "given", "settings"):
                        yield from names(inner)
                    yield key
            elif isinstance(value, list):
                for inner in value[:2]:
                    yield from names(inner)

        documents = [self.bound("net.npz", "--box", "0", "1"),
                     self.bound("net.npz", "--ball", "0", "1"),
                     self.bound("net.npz", "--all-margins"),
                     json.loads(self.good("decide", "net.npz", "--at-most", "99", "--json", "-")),
                     json.loads(self.good("info", "net.npz", "--json", "-")),
                     json.loads(self.good("gradient", "net.npz", "--input", "1", "--json", "-")),
                     json.loads(self.good("radius", "net.npz", "--input", "1", "--json", "-")),
                     json.loads(self.good("monotone", "net.npz", "--output", "0", "--box", "0", "9", "--json", "-"))]
        for document in documents:
            for name in names(document):
                self.assertIn(f"`{name}`", manual)


if __name__ == "__main__":
    main()
