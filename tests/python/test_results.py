#!/usr/bin/env python3
"""Results: against the program, against each other, and after a journey through files and pickle."""
import copy
import json
import math
import os
import pickle
import sys
import threading
import unittest
from decimal import Decimal

import numpy as np

import common
import lipcert
from common import CONTROLLER, DIGITS, QUICK, random_layers
from lipcert import _json

SAME = ["--method", "product,interval,lbs", "--samples", "50"]  # QUICK


def timeless(document):
    """A document without what differs from run to run."""
    if isinstance(document, dict):
        return {key: timeless(value) for key, value in document.items() if key not in ("seconds", "given")}
    return [timeless(item) for item in document] if isinstance(document, list) else document


def program(*arguments):
    return json.loads(common.run([common.PROGRAM, "bound", *arguments, "--json", "-"])[1])


class Json(unittest.TestCase):
    @unittest.skipUnless(common.PROGRAM, "needs the program lipcert")
    def test_bound(self):
        """The same document as that of `lipcert bound --json`, from the same run."""
        cases = [((DIGITS, "--box", "0.5", "0.01", "--norm", "2"), dict(norm=2, region=lipcert.Box(0.5, 0.01))),
                 ((CONTROLLER, "--ball", "0", "0.5"), dict(region=lipcert.Ball(0, 0.5))),
                 ((DIGITS, "--margin", "3,8", "--norm", "1"), dict(norm=1, output=(3, 8))),
                 ((DIGITS, "--output", "4", "--time", "7", "--seed", "5"),
                  dict(output=4, time_limit=7, seed=5)),
                 ((DIGITS, "--out-norm", "1"), dict(norm_out=1))]
        for arguments, options in cases:
            theirs = timeless(program(*arguments, *SAME))
            self.assertTrue(theirs["history"])
            result = lipcert.bound(arguments[0], **dict(QUICK, **options))
            ours = timeless(json.loads(result.to_json()))
            self.assertEqual(list(ours), list(theirs))
            self.assertEqual(ours, theirs)

    @unittest.skipUnless(common.PROGRAM, "needs the program lipcert")
    def test_margins(self):
        theirs = timeless(program(DIGITS, "--all-margins", "--box", "0.5", "0.01", *SAME))
        found = lipcert.margins(DIGITS, region=lipcert.Box(0.5, 0.01), **QUICK)
        self.assertEqual(timeless(json.loads(found.to_json())), theirs)

    @unittest.skipUnless(common.PROGRAM, "needs the program lipcert")
    def test_radius(self):
        image = os.path.join(common.ROOT, "examples", "digits.csv")
        x = np.loadtxt(image, delimiter=",")[4, 1:] * 0.0625
        for options, arguments in (({}, ()), (dict(norm=2), ("--norm", "2")), (dict(label=5), ("--label", "5")),
                                   (dict(clip=(0, 1)), ("--clip", "0,1"))):
            theirs = timeless(json.loads(common.run(
                [common.PROGRAM, "radius", DIGITS, "--input", image, "--row", "4", "--scale", "0.0625",
                 "--method", "product,interval", "--json", "-", *arguments])[1]))
            found = lipcert.radius(DIGITS, x, method="product,interval", **options)
            self.assertEqual(timeless(json.loads(found.to_json())), theirs)

    def test_no_bounds(self):
        """Infinities and missing witnesses are valid JSON, too."""
        result = lipcert.bound(CONTROLLER, method="lbs", samples=1, time_limit=0)
        document = json.loads(result.to_json(), parse_constant=self.fail)
        self.assertEqual((document["upper"], document["upper_hex"], document["gap"]), (None, "inf", None))
        self.assertTrue(math.isnan(result.gap))
        upper = lipcert.bound(CONTROLLER, method="product")
        self.assertIsNone(json.loads(upper.to_json())["witness"])
        self.assertEqual(upper.gap, 1)

    def test_files(self):
        with common.folder():
            result = lipcert.bound(CONTROLLER, **QUICK)
            text = result.to_json("result.json")
            with open("result.json") as file:
                self.assertEqual(file.read(), text)
            result.save_certificate("net.cert")
            with open("net.cert") as file:
                self.assertEqual(file.read(), result.certificate)
            self.assertEqual(sorted(os.listdir(".")), ["net.cert", "result.json"])
            for write in (result.save_certificate, result.to_json, result.network.save):
                with self.assertRaises(lipcert.FileError):
                    write("missing/folder")

    def test_decimals(self):
        """Outward, and not by more than a unit of the last digit."""
        rng = np.random.RandomState(0)
        values = np.concatenate([rng.randn(200) * 10.0 ** rng.randint(-320, 308, 200),
                                 [5e-324, 1.7976931348623157e308, 1, 0.1, 1e16, 123456789012345680, 99999.5]])
        for value in map(float, values):
            for digits in (1, 3, 17):
                down, up = (Decimal(_json.decimal(value, flag, digits)) for flag in (False, True))
                exact = Decimal(value)
                self.assertTrue(down <= exact <= up, (value, down, up))
                unit = Decimal(1).scaleb(exact.adjusted() - digits + 1)
                self.assertLessEqual(up - down, unit)
                self.assertTrue(down != up or down == exact)
            self.assertEqual(float.fromhex(_json.hexadecimal(value)), value)


class Results(unittest.TestCase):
    def test_contents(self):
        result = lipcert.bound(CONTROLLER, norm=2, region=lipcert.Box(0, 0.1), seed=7, time_limit=50,
                               method="product,lbs")
        self.assertLessEqual(result.lower, result.upper)
        self.assertEqual((result.lower_method, result.upper_method), ("lbs", "product"))
        self.assertEqual([(s.method, s.side) for s in result.steps], [("lbs", "lower"), ("product", "upper")][::-1]
                         if result.steps[0].method == "product" else [("lbs", "lower"), ("product", "upper")])
        for step in result.steps:
            self.assertEqual((step.evidence, step.complete), ("proved", True))
            self.assertEqual(step.value, result.lower if step.side == "lower" else result.upper)
        self.assertEqual((result.method, result.stop, result.neurons), ("product,lbs", "finished", 20))
        self.assertEqual((result.settings["seed"], result.settings["time_limit"]), (7, 50))
        self.assertLessEqual(result.stable_active + result.stable_inactive, 20)
        self.assertAlmostEqual(result.gap, (result.upper - result.lower) / result.upper)
        self.assertEqual(result.network.name, CONTROLLER)
        self.assertIn("finished", repr(result))
        self.assertEqual(result.certified, result.upper)

    def test_certificate_outlives(self):
        """The certificate is made from the library's result, also when all else is gone."""
        text = lipcert.bound(CONTROLLER, **QUICK).certificate
        self.assertTrue(text.startswith("lipcert-certificate 1\nnetwork ") and text.endswith("end\n"))
        found = lipcert.margins(random_layers(1, [2, 4, 3]), **QUICK)
        last = found[1, 2]
        del found
        self.assertIn("\noutput margin 1 2\n", last.certificate)
        self.assertTrue(lipcert.check(random_layers(1, [2, 4, 3]), last.certificate))

    def test_pickle_and_copy(self):
        result = lipcert.bound(CONTROLLER, region=lipcert.Box(0, 0.1), **QUICK)
        for other in (pickle.loads(pickle.dumps(result)), copy.copy(result), copy.deepcopy(result)):
            self.assertEqual(other.certificate, result.certificate)
            first, second = (json.loads(r.to_json()) for r in (other, result))
            for document in first, second:  # the copy was read from the canonical form
                document["network"].pop("format")
            self.assertEqual(first, second)
            self.assertTrue(lipcert.check(other.network, other))
        nothing = lipcert.bound(CONTROLLER, method="lbs", samples=1, time_limit=0)
        self.assertEqual((nothing.witness, nothing.upper), (None, math.inf))
        for other in (nothing, pickle.loads(pickle.dumps(nothing))):
            with self.assertRaisesRegex(lipcert.ArgumentError, "no bound that a certificate could state"):
                other.certificate  # pylint: disable=pointless-statement

    def test_same_seed_same_bits(self):
        one, two = (lipcert.bound(DIGITS, seed=3, samples=50, method="lbs,product") for _ in range(2))
        self.assertEqual((one.lower, one.upper), (two.lower, two.upper))
        self.assertEqual(one.certificate, two.certificate)

    def test_margins(self):
        layers = random_layers(5, [3, 6, 4])
        found = lipcert.margins(layers, region=lipcert.Box(0, 1), **QUICK)
        self.assertEqual(found.pairs, [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)])
        np.testing.assert_array_equal(found.upper, found.upper.T)
        np.testing.assert_array_equal(np.diag(found.lower), 0)
        for k, (i, j) in enumerate(found.pairs):
            result = found[j, i]
            self.assertIs(result, found.results[k])
            self.assertEqual(result.output, (i, j))
            self.assertEqual((result.lower, result.upper), (found.lower[i, j], found.upper[i, j]))
            self.assertTrue(lipcert.check(layers, result))
            alone = lipcert.bound(layers, region=lipcert.Box(0, 1), output=(i, j), method="product")
            self.assertLessEqual(result.lower, alone.upper)
        self.assertEqual(found.largest_upper, found.upper.max())
        self.assertEqual(found.upper[found.upper_margin], found.largest_upper)
        self.assertEqual(found.lower[found.lower_margin], found.largest_lower)
        self.assertIn("4 outputs", repr(found))
        restored = pickle.loads(pickle.dumps(found))
        np.testing.assert_array_equal(restored.upper, found.upper)
        self.assertEqual(restored[0, 1].certificate, found[0, 1].certificate)
        for pair in ((0, 0), (0, 4), (0,), 3, "01"):
            with self.assertRaises(lipcert.ArgumentError):
                found[pair]  # pylint: disable=pointless-statement

    def test_radius(self):
        """No point nearer than that has another class; a linear network shows that it is sharp."""
        layers, x = random_layers(6, [3, 8, 4]), np.array([0.2, -0.1, 0.4])
        rng = np.random.RandomState(0)
        for norm, p in (("inf", np.inf), ("2", 2), ("1", 1)):
            found = lipcert.radius(layers, x, norm)
            self.assertEqual(found.label, int(common.forward(layers, x).argmax()))
            self.assertEqual((found.stop, found.norm, found.note), ("finished", norm, ""))
            self.assertTrue(0 < found.radius == found.classes[found.nearest].radius)
            for _ in range(300):
                step = rng.randn(3)
                y = common.forward(layers, x + 0.999 * found.radius * step / np.linalg.norm(step, p))
                self.assertEqual(int(y.argmax()), found.label)
        weight = np.array([[3.0, 1.0], [1.0, 2.0]])  # f_0 - f_1 = 2 x_0 - x_1
        for norm, dual in (("inf", 3), ("2", 5 ** 0.5), ("1", 2)):
            exact = 4 / dual
            found = lipcert.radius([(weight, None)], [2, 0], norm)
            self.assertTrue(0.99 * exact < found.radius <= exact * (1 + 1e-15), (norm, found))
        for label in (0, 1):
            x = [2, 0] if label else [0, 2]  # of the other class
            wrong = lipcert.radius([(weight, None)], x, label=label)
            self.assertEqual((wrong.radius, wrong.label), (0, label))
            self.assertTrue(wrong.note)
        self.assertEqual(pickle.loads(pickle.dumps(found)).radius, found.radius)

    def test_check(self):
        result = lipcert.bound(CONTROLLER, region=lipcert.Box(0, 0.1), **QUICK)
        for certificate in (result, result.certificate, result.certificate.encode()):
            found = lipcert.check(CONTROLLER, certificate)
            self.assertTrue(found)
            self.assertEqual((found.verdict, found.reason, found.verified), ("verified", "", True))
            self.assertLessEqual(found.upper, result.upper)
            self.assertGreaterEqual(found.lower, result.lower)
        with common.folder():
            result.save_certificate("net.cert")
            self.assertTrue(lipcert.check(CONTROLLER, "net.cert"))
            with self.assertRaises(lipcert.FileError):
                lipcert.check(CONTROLLER, "missing.cert")
        lines = result.certificate.split("\n")
        at = next(k for k, line in enumerate(lines) if line.startswith("upper "))
        lies = "\n".join(lines[:at] + ["upper 0x1p-10"] + lines[at + 1:])
        found = lipcert.check(CONTROLLER, lies)
        self.assertFalse(found)
        self.assertEqual(found.verdict, "rejected")
        self.assertIn("upper bound", found.reason)
        found = lipcert.check(CONTROLLER, result.certificate[:-5])
        self.assertEqual((bool(found), found.verdict), (False, "malformed"))
        self.assertTrue(found.reason)
        self.assertEqual(lipcert.check(DIGITS, result).verdict, "rejected")
        with self.assertRaises(TypeError):
            lipcert.check(CONTROLLER, 3)

    def test_tables(self):
        names = {method.name: method for method in lipcert.methods()}
        self.assertEqual(names["product"].side, "upper")
        self.assertIn("Szegedy", names["product"].source)
        self.assertTrue(all(method.help for method in names.values()))
        self.assertEqual(lipcert.settings()["seed"].largest, 2147483647)
        self.assertIn("dsdp", lipcert.build_info())
        self.assertTrue(os.path.isfile(lipcert.library_path()))


class Threads(unittest.TestCase):
    def test_the_lock_is_released(self):
        """Python goes on while the library works, in this thread and in another one."""
        beats = []
        done = threading.Event()

        def beat():
            while not done.wait(0.001):
                beats.append(1)

        thread = threading.Thread(target=beat)
        thread.start()
        results = []
        worker = threading.Thread(target=lambda: results.append(
            lipcert.bound(DIGITS, method="lbs", samples=100000000, time_limit=0.5)))
        worker.start()
        worker.join()
        done.set()
        thread.join()
        self.assertEqual(results[0].stop, "out of time")
        self.assertGreater(len(beats), 20)

    def test_many_at_once(self):
        net = lipcert.Network(DIGITS)
        wanted = [lipcert.bound(net, output=k, **QUICK) for k in range(6)]
        found = {}
        threads = [threading.Thread(target=lambda k=k: found.update(
            {k: lipcert.bound(net, output=k, **QUICK)})) for k in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for k, result in enumerate(wanted):
            self.assertEqual((found[k].lower, found[k].upper), (result.lower, result.upper))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
