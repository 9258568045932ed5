#!/usr/bin/env python3
"""Progress, and ways to end a call early: the callback, an exception in it, Ctrl-C."""
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
import unittest
from unittest import mock

import numpy as np

import common
import lipcert
from common import DIGITS, LONG
from lipcert import _library


def ctrl_c(after):
    """Send SIGINT to this process so many seconds after the library has been called."""
    call = _library.Library.call

    def timed(self, name, *arguments):
        if name in ("lip_bound", "lip_bound_margins"):
            threading.Timer(after, os.kill, (os.getpid(), signal.SIGINT)).start()
        call(self, name, *arguments)

    return mock.patch.object(_library.Library, "call", timed)


class Progress(unittest.TestCase):
    def test_reports(self):
        seen = []
        result = lipcert.bound(DIGITS, method="product,lbs,ascent", progress=seen.append, progress_interval=0)
        self.assertGreater(len(seen), 10)
        self.assertEqual(result.stop, "finished")
        for a, b in zip(seen, seen[1:]):
            self.assertTrue(a.lower <= b.lower <= b.upper <= a.upper and a.seconds <= b.seconds)
        self.assertEqual({p.method for p in seen} - {""} - {"product", "interval", "lbs", "ascent"}, set())
        self.assertTrue(seen[-1].lower <= result.lower <= result.upper <= seen[-1].upper)

    def test_interval(self):
        seen, started = [], time.monotonic()
        lipcert.bound(DIGITS, method="lbs", samples=10 ** 8, time_limit=0.5, progress=seen.append,
                      progress_interval=0.1)
        self.assertLessEqual(0.1 * (len(seen) - 1), time.monotonic() - started)
        self.assertGreater(len(seen), 1)

    def test_stop(self):
        for function in (lipcert.bound, lipcert.margins):
            started = time.time()
            result = function(DIGITS, progress=lambda p: p.upper < 1e300, progress_interval=0, **LONG)
            self.assertEqual(result.stop, "interrupted")
            self.assertLess(time.time() - started, 60)
            if function is lipcert.bound:
                self.assertLess(result.upper, 1e300)
                self.assertTrue(lipcert.check(DIGITS, result))

    def test_exception(self):
        class Mine(BaseException):
            pass

        def fail(progress):
            raise Mine(progress.method)

        for function in (lipcert.bound, lipcert.margins):
            try:
                function(DIGITS, progress=fail, **LONG)
            except Mine as problem:
                frames = [entry.name for entry in traceback.extract_tb(problem.__traceback__)]
                self.assertIn("fail", frames)
            else:
                self.fail("no exception")
        with self.assertRaises(ZeroDivisionError):
            lipcert.bound(DIGITS, progress=lambda p: 1 / 0, **LONG)

    def test_calls_inside(self):
        """The callback may use the library."""
        inner = []

        def look(progress):
            inner.append(lipcert.bound([([[2.0]], None)]).upper)
            return True

        lipcert.bound(DIGITS, progress=look, **LONG)
        self.assertAlmostEqual(inner[0], 2)


class Interrupt(unittest.TestCase):
    """In this process: the handler is ours only during the call."""

    def setUp(self):
        self.former = signal.getsignal(signal.SIGINT)

    def tearDown(self):
        self.assertIs(signal.getsignal(signal.SIGINT), self.former)

    def test_return(self):
        with ctrl_c(0.5):
            result = lipcert.bound(DIGITS, **LONG)
        self.assertEqual(result.stop, "interrupted")
        self.assertTrue(0 < result.lower <= result.upper < float("inf"))
        self.assertTrue(lipcert.check(DIGITS, result))

    def test_raise(self):
        with ctrl_c(0.5), self.assertRaises(KeyboardInterrupt) as caught:
            lipcert.bound(DIGITS, on_interrupt="raise", **LONG)
        self.assertIsInstance(caught.exception, lipcert.Interrupted)
        self.assertEqual(caught.exception.result.stop, "interrupted")
        self.assertLess(caught.exception.result.upper, float("inf"))

    def test_no_interrupt(self):
        for way in ("raise", "return"):
            result = lipcert.bound(DIGITS, method="product", on_interrupt=way)
            self.assertEqual(result.stop, "finished")

    def test_a_moment_too_late(self):
        """Ctrl-C after the library has looked for the last time is not forgotten."""
        call = _library.Library.call

        def late(self, name, *arguments):
            call(self, name, *arguments)
            if name == "lip_bound":
                os.kill(os.getpid(), signal.SIGINT)

        with mock.patch.object(_library.Library, "call", late):
            self.assertEqual(lipcert.bound(DIGITS, method="product").stop, "interrupted")
            with self.assertRaises(lipcert.Interrupted):
                lipcert.bound(DIGITS, method="product", on_interrupt="raise")

    def test_margins(self):
        with ctrl_c(0.5):
            found = lipcert.margins(DIGITS, **LONG)
        self.assertEqual(found.stop, "interrupted")
        self.assertLess(found.largest_upper, float("inf"))

    def test_radius(self):
        seen = []
        layers = common.random_layers(0, [30, 300, 300, 10])
        found = lipcert.radius(layers, np.zeros(30), progress=lambda p: seen.append(p.lower) or len(seen) > 3,
                               progress_interval=0, precision=1e-12, method="tangent")
        self.assertEqual(found.stop, "interrupted")

    def test_during_a_slow_callback(self):
        """SIGINT while the user's function runs is the same Ctrl-C."""
        with ctrl_c(0.5):
            result = lipcert.bound(DIGITS, progress=lambda p: time.sleep(0.05), progress_interval=0, **LONG)
        self.assertEqual(result.stop, "interrupted")

    def test_callback_raises_it(self):
        def fail(progress):
            raise KeyboardInterrupt

        self.assertEqual(lipcert.bound(DIGITS, progress=fail, **LONG).stop, "interrupted")

    def test_own_handler(self):
        """A program's own handler runs; if it raises nothing the call goes on, else that comes out."""
        seen = []
        signal.signal(signal.SIGINT, lambda number, frame: seen.append(number))
        with ctrl_c(0.2):
            result = lipcert.bound(DIGITS, method="lbs", samples=10 ** 8, time_limit=0.8)
        self.assertEqual((result.stop, seen), ("out of time", [signal.SIGINT]))

        def fail(number, frame):
            raise ValueError("mine")

        signal.signal(signal.SIGINT, fail)
        with ctrl_c(0.2), self.assertRaisesRegex(ValueError, "mine"):
            lipcert.bound(DIGITS, **LONG)
        self.assertIs(signal.getsignal(signal.SIGINT), fail)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with ctrl_c(0.2):
            result = lipcert.bound(DIGITS, method="lbs", samples=10 ** 8, time_limit=0.6)
        self.assertEqual(result.stop, "out of time")
        signal.signal(signal.SIGINT, self.former)

    def test_after_an_error(self):
        with self.assertRaises(ValueError):
            lipcert.bound(DIGITS, method="magic")


class Process(unittest.TestCase):
    """A script, and Ctrl-C from outside."""

    def script(self, line):
        code = ("import lipcert, sys\n"
                "def look(p):\n    if p.upper < 1e300 and p.lower > 0: print('ready', flush=True)\n"
                "r = None\n"
                "try:\n    r = {}\nfinally:\n    print('after', r and r.stop, r and r.lower > 0, flush=True)\n"
                "print('end')").format(line)
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, universal_newlines=True)
        watchdog = threading.Timer(common.LIMIT, process.kill)
        watchdog.start()
        line = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
        watchdog.cancel()
        lines = [entry for entry in (line + out).splitlines() if entry != "ready"]
        return process.returncode, lines, err

    def test_return(self):
        status, lines, err = self.script(
            "lipcert.bound({!r}, progress=look, **{!r})".format(DIGITS, LONG))
        self.assertEqual((status, lines, err), (0, ["after interrupted True", "end"], ""))

    def test_raise(self):
        status, lines, err = self.script("lipcert.bound({!r}, progress=look, on_interrupt='raise', **{!r})"
                                         .format(DIGITS, LONG))
        self.assertNotEqual(status, 0)
        self.assertEqual(lines, ["after None None"])
        self.assertRegex(err.splitlines()[-1], "Interrupted: interrupted; the attribute 'result'")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
