#!/usr/bin/env python3
"""Every kind of network, region, norm and output that the package takes, against numpy."""
import gzip
import io
import os
import pathlib
import pickle
import sys
import unittest
import warnings

import numpy as np

import common
import lipcert
import standins as torch
from common import CONTROLLER, DIGITS, QUICK, forward, gradient, random_layers

try:
    import onnx
    import onnx.numpy_helper
except ImportError:
    onnx = None
try:
    import sklearn.neural_network as sklearn
except ImportError:
    sklearn = None

LAYERS = random_layers(1, [3, 6, 4, 2])
SINGLE = [(w.astype(np.float32), b.astype(np.float32)) for w, b in LAYERS]  # exact in both widths


def read(path):
    with open(path, "rb") as file:
        return file.read()


class Networks(unittest.TestCase):
    def same(self, net, layers=tuple(SINGLE), points=5):
        """The network computes what numpy computes."""
        rng = np.random.RandomState(0)
        doubles = [(np.float64(w), np.float64(b)) for w, b in layers]
        for _ in range(points):
            x = rng.randn(net.inputs)
            np.testing.assert_allclose(net.eval(x), forward(doubles, x), rtol=1e-12, atol=1e-12)
            np.testing.assert_allclose(net.jacobian(x), gradient(doubles, x), rtol=1e-12, atol=1e-12)
        return net

    def test_layers(self):
        reference = self.same(lipcert.Network(SINGLE))
        self.assertEqual((reference.inputs, reference.outputs, reference.info.neurons), (3, 2, 10))
        self.assertEqual([layer.width for layer in reference.layers], [6, 4, 2])
        self.assertEqual([layer.relu for layer in reference.layers], [True, True, False])
        for other in (tuple(SINGLE), [(w.tolist(), b.tolist()) for w, b in SINGLE],
                      [(np.asfortranarray(w), b[:, None]) for w, b in SINGLE],
                      [(w.astype(np.float64)[::1], b) for w, b in SINGLE],
                      [[np.repeat(w, 2, axis=1)[:, ::2], b] for w, b in SINGLE]):
            self.assertEqual(lipcert.Network(other).info.sha256, reference.info.sha256)
        self.assertEqual(lipcert.Network.from_layers(SINGLE).info.sha256, reference.info.sha256)
        without = lipcert.Network([(w, None) for w, _ in SINGLE])
        self.same(without, [(w, 0 * b) for w, b in SINGLE])
        integers = lipcert.Network([(np.array([[1, 2]], dtype=np.int8), np.array([True]))])
        np.testing.assert_array_equal(integers.eval([3, 4]), [12])

    def test_the_caller_keeps_his_arrays(self):
        copies = [(w.astype(float), b.astype(float)) for w, b in SINGLE]
        net = lipcert.Network(copies)
        before = net.eval([1, 2, 3])
        for w, b in copies:
            w[:], b[:] = 0, 0
        np.testing.assert_array_equal(net.eval([1, 2, 3]), before)

    def test_paths_and_bytes(self):
        reference = lipcert.Network(CONTROLLER)
        self.assertEqual(reference.name, CONTROLLER)
        data = read(CONTROLLER)
        for other in (pathlib.Path(CONTROLLER), data, bytearray(data), memoryview(data),
                      gzip.compress(data)):
            self.assertEqual(lipcert.Network(other).info.sha256, reference.info.sha256)
        self.assertEqual(lipcert.Network.load(CONTROLLER).info.sha256, reference.info.sha256)

    def test_odd_file_names(self):
        with common.folder():
            for name in ("a b.npz", "ü-ネット.npz", os.fsdecode(b"\xff.npz")):
                try:
                    with open(name, "wb") as file:
                        np.savez(file, **{"W%d" % k: w for k, (w, _) in enumerate(SINGLE)},
                                 **{"b%d" % k: b for k, (_, b) in enumerate(SINGLE)})
                except (OSError, UnicodeError):
                    continue
                self.same(lipcert.Network(name))
                lipcert.bound(name, **QUICK).to_json()

    def test_canonical_and_pickle(self):
        with common.folder() as home:
            net = lipcert.Network(LAYERS)
            net.save("saved")
            net.save(pathlib.Path(home) / "again")
            again = lipcert.Network("saved")
            self.assertEqual(again.info.sha256, net.info.sha256)
            self.assertEqual(read("saved"), read("again"))
        copy = pickle.loads(pickle.dumps(lipcert.Network(CONTROLLER)))
        self.assertEqual(copy.info.sha256, lipcert.Network(CONTROLLER).info.sha256)
        self.assertEqual(copy.name, CONTROLLER)
        self.assertEqual(lipcert.Network(copy).info, copy.info)

    def test_nnet(self):
        text = ("// a comment\n1,2,1,2,\n2,1,\n0,\n-9,-9,\n9,9,\n1,0,10,\n2,4,5,\n3,4,\n1,\n")
        with common.folder():
            with open("net.nnet", "w") as file:
                file.write(text)
            np.testing.assert_allclose(lipcert.Network("net.nnet").eval([1, 2]), [12])
            # (x - (1, 0)) / (2, 4) and 5 f + 10
            np.testing.assert_allclose(
                lipcert.Network("net.nnet", nnet_normalise=True).eval([1, 2]), [5 * 3 + 10])

    @unittest.skipUnless(onnx, "needs onnx")
    def test_onnx(self):
        model = onnx.load(DIGITS)
        net = lipcert.Network(model)
        self.assertEqual(net.info.sha256, lipcert.Network(DIGITS).info.sha256)
        self.assertEqual(net.name, "<ModelProto>")
        model.graph.node[1].op_type = "Sigmoid"
        with self.assertRaisesRegex(lipcert.UnsupportedError, "^<ModelProto>: node .*Sigmoid"):
            lipcert.Network(model)

    @unittest.skipUnless(onnx, "needs onnx")
    def test_our_models_are_onnx(self):
        """What we write for torch, read by the onnx package."""
        from lipcert import _convert
        conv = torch.Conv2d(np.arange(6).reshape(3, 2, 1, 1), [1, -2, 3], (2, 1), (1, 0))
        norm = torch.BatchNorm2d([1, 2, 3], [4, 5, 6], [7, 8, 9], [-1, 0, 1])
        data = _convert.torch_model(torch.Sequential(conv, norm, torch.Flatten(), torch.ReLU()), (2, 3, 4))
        model = onnx.load(io.BytesIO(data))
        self.assertEqual([node.op_type for node in model.graph.node],
                         ["Conv", "BatchNormalization", "Flatten", "Relu"])
        arrays = {item.name: onnx.numpy_helper.to_array(item) for item in model.graph.initializer}
        np.testing.assert_array_equal(arrays["0.weight"], np.arange(6).reshape(3, 2, 1, 1))
        np.testing.assert_array_equal(arrays["1.var"], [4, 5, 6])
        attributes = {a.name: onnx.helper.get_attribute_value(a) for node in model.graph.node
                      for a in node.attribute}
        self.assertEqual(attributes.pop("epsilon"), np.float32(1e-5))
        self.assertEqual(attributes, {"kernel_shape": [1, 1], "pads": [1, 0, 1, 0], "strides": [2, 1],
                                      "dilations": [1, 1], "group": 1, "axis": 1})
        for before, node in zip(model.graph.node, list(model.graph.node)[1:]):
            self.assertEqual(node.input[0], before.output[0])
        self.assertEqual([d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim],
                         [1, 2, 3, 4])
        self.assertEqual(model.graph.output[0].name, model.graph.node[-1].output[0])

    @unittest.skipUnless(sklearn, "needs scikit-learn")
    def test_sklearn(self):
        rng = np.random.RandomState(3)
        x, y = rng.randn(60, 3), rng.randint(0, 3, 60)
        options = {"hidden_layer_sizes": (5, 4), "max_iter": 5, "random_state": 1}
        models = [sklearn.MLPClassifier(**options).fit(x, y),
                  sklearn.MLPClassifier(**options).fit(x, y > 0),
                  sklearn.MLPClassifier(hidden_layer_sizes=(), max_iter=5, activation="tanh").fit(x, y),
                  sklearn.MLPRegressor(**options).fit(x, x[:, :2])]
        for model in models:
            net = self.same(lipcert.Network(model), [(w.T, b) for w, b in
                                                     zip(model.coefs_, model.intercepts_)])
            self.assertEqual(net.name, "<{}>".format(type(model).__name__))
        scores = lipcert.Network(models[0]).eval(x)
        probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(probabilities, models[0].predict_proba(x), rtol=1e-6, atol=1e-9)
        odds = models[1].predict_proba(x)
        np.testing.assert_allclose(lipcert.Network(models[1]).eval(x)[:, 0],
                                   np.log(odds[:, 1] / odds[:, 0]), rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(lipcert.Network(models[3]).eval(x), models[3].predict(x), rtol=1e-9,
                                   atol=1e-12)
        with self.assertRaisesRegex(lipcert.UnsupportedError, "expected the activation 'relu', found 'tanh'"):
            lipcert.Network(sklearn.MLPClassifier(max_iter=5, activation="tanh").fit(x, y))
        with self.assertRaisesRegex(lipcert.ArgumentError, "trained"):
            lipcert.Network(sklearn.MLPClassifier())
        models[3].out_activation_ = "exp"
        with self.assertRaisesRegex(lipcert.UnsupportedError, "output activation.*'exp'"):
            lipcert.Network(models[3])

    # ---- torch ----

    @staticmethod
    def torch_layers():
        return [torch.Linear(*SINGLE[0]), torch.ReLU(), torch.Dropout(), torch.Linear(*SINGLE[1]),
                torch.Identity(), torch.ReLU(), torch.Linear(*SINGLE[2])]

    def test_torch_linear(self):
        layers = self.torch_layers()
        reference = lipcert.Network(SINGLE).info.sha256
        for module in (torch.Sequential(*layers), torch.Sequential(torch.Sequential(*layers[:3]),
                                                                   torch.Sequential(*layers[3:]))):
            net = self.same(lipcert.Network(module))
            self.assertEqual((net.info.sha256, net.name), (reference, "<torch Sequential>"))
        single = lipcert.Network(torch.Linear(SINGLE[0][0], None))
        self.same(single, [(SINGLE[0][0], np.zeros(6))])

    def same_module(self, module, shape, **options):
        net = lipcert.Network(module, **options)
        rng = np.random.RandomState(0)
        for _ in range(5):
            x = rng.randn(*shape)
            np.testing.assert_allclose(net.eval(x), module.forward(x[None]).ravel(), rtol=1e-6, atol=1e-6)
        return net

    def test_torch_odd_stacks(self):
        """Two Linear in a row, a ReLU at either end, subclasses without a forward."""
        class Mine(torch.Sequential):
            pass

        class MyLinear(torch.Linear):
            pass

        layers = [(np.float32(w), np.float32(b)) for w, b in random_layers(2, [4, 4, 4])]
        net = self.same_module(Mine(torch.Flatten(), torch.ReLU(), MyLinear(*layers[0]),
                                    torch.Linear(*layers[1]), torch.ReLU()), (2, 2), input_shape=(2, 2))
        self.assertEqual(net.info.neurons, 8)

    def test_torch_convolution(self):
        rng = np.random.RandomState(4)
        for padding in ((1, 0), "same", "valid"):
            stride = (1, 1) if padding == "same" else (2, 1)
            net = self.same_module(torch.Sequential(
                torch.Conv2d(rng.randn(3, 2, 2, 3), rng.randn(3), stride, padding, (1, 2)),
                torch.BatchNorm2d(rng.randn(3), 0.5 + rng.rand(3), rng.randn(3), rng.randn(3)),
                torch.ReLU(), torch.Flatten()), (2, 5, 6), input_shape=(2, 5, 6))
            self.assertEqual(net.inputs, 60)
            self.assertGreater(net.info.folds, 0)  # batch normalisation

    def test_torch_refused(self):
        class Custom(torch.Sequential):
            __module__ = "mine"

            def forward(self, x):
                return -super().forward(x)

        class ReLU(torch.ReLU):
            """Of the same name as one of torch, but another function."""
            __module__ = "mine"

            def forward(self, x):
                return np.abs(x)

        linear = self.torch_layers()[0]
        replaced, hooked = torch.ReLU(), torch.ReLU()
        replaced.forward = lambda x: x
        hooked._forward_hooks[1] = print
        unsupported = [(torch.Sequential(linear, torch.Sigmoid()), "module '1'.*Sigmoid"),
                       (torch.Sequential(linear, ReLU()), "module '1'.*ReLU"),
                       (Custom(linear), "module 'the module itself'.*Custom"),
                       (torch.Sequential(linear, replaced), "module '1'.*ReLU"),
                       (torch.Sequential(linear, torch.Sequential(hooked)), "module '1.0'.*ReLU"),
                       (torch.Sequential(torch.Flatten(0), linear), "Flatten from 0 to -1")]
        for module, text in unsupported:
            with self.assertRaisesRegex(lipcert.UnsupportedError, text):
                lipcert.Network(module)
        conv = torch.Conv2d(np.zeros((3, 2, 1, 1)), np.zeros(3))
        for module in (torch.Sequential(conv), torch.Sequential(torch.ReLU()), torch.Sequential()):
            with self.assertRaisesRegex(lipcert.ArgumentError, "input_shape"):
                lipcert.Network(module)
        conv.padding_mode = "reflect"
        with self.assertRaisesRegex(lipcert.UnsupportedError, "reflect"):
            lipcert.Network(torch.Sequential(conv), input_shape=(2, 3, 3))
        with self.assertRaisesRegex(lipcert.LipcertError, "1x3 and 2x3|multiplied"):
            lipcert.Network(torch.Sequential(torch.Linear(np.zeros((3, 2)), None),
                                             torch.Linear(np.zeros((3, 2)), None)))
        with self.assertRaises(lipcert.LipcertError):
            lipcert.Network(torch.Linear(np.array([[np.nan]]), None))

    def test_nothing_is_imported(self):
        code = ("import sys, lipcert; lipcert.bound([([[1.0]], None)]); lipcert.Network({!r}); "
                "print([m for m in ('torch', 'onnx', 'sklearn', 'scipy') if m in sys.modules])")
        self.assertEqual(common.run([sys.executable, "-c", code.format(DIGITS)])[1].strip(), "[]")


class Points(unittest.TestCase):
    def test_shapes(self):
        net, x = lipcert.Network(DIGITS), np.arange(64) / 64.0
        y = net.eval(x)
        for other in (x.tolist(), x.reshape(8, 8), x.reshape(1, 1, 8, 8), x.astype(np.float32)):
            np.testing.assert_array_equal(net.eval(other), y)
        np.testing.assert_array_equal(net(0.25), net.eval(np.full(64, 0.25)))
        np.testing.assert_array_equal(net.eval(np.stack([x, 0 * x, x])), [y, net.eval(0), y])
        self.assertEqual(net.jacobian(x).shape, (10, 64))
        self.assertEqual(net.eval(np.zeros((0, 64))).shape, (0, 10))

    def test_preactivations(self):
        net, x = lipcert.Network(LAYERS), np.array([0.3, -0.2, 0.9])
        z = net.preactivations(x)
        self.assertEqual([len(part) for part in z], [6, 4, 2])
        np.testing.assert_allclose(z[0], LAYERS[0][0] @ x + LAYERS[0][1], rtol=1e-14)
        np.testing.assert_array_equal(z[2], net.eval(x))
        widths = {}
        for linear in (True, False):
            lo, hi = net.preactivation_bounds(lipcert.Box(x, 0.1), linear)
            for _ in range(20):
                inside = net.preactivations(x + 0.2 * np.random.rand(3) - 0.1)
                for a, b, c in zip(lo, inside, hi):
                    self.assertTrue(np.all(a <= b + 1e-12) and np.all(b <= c + 1e-12))
            widths[linear] = hi[2] - lo[2]
        self.assertTrue(np.all(widths[True] < widths[False]))
        self.assertTrue(np.all(np.isinf(net.preactivation_bounds()[1][0])))

    def test_gradient_norm(self):
        x = np.array([0.3, -0.2, 0.9])
        jacobian = gradient(LAYERS, x)
        for output, rows in ((0, jacobian[:1]), ((0, 1), jacobian[:1] - jacobian[1:]), (None, jacobian)):
            for norm, q in (("inf", np.inf), (2, 2), ("1", 1)):
                found = lipcert.gradient_norm(LAYERS, x, norm, output=output)
                exact = np.linalg.norm(rows, q)
                if norm == "inf":
                    exact = np.abs(rows).sum(axis=1).max()
                self.assertTrue(found.decided)
                self.assertLessEqual(found.lower, exact * (1 + 1e-12))
                self.assertGreaterEqual(found.upper, exact * (1 - 1e-12))
                self.assertLess(found.upper - found.lower, 1e-6)
        kink = lipcert.gradient_norm([([[1.0]], None), ([[1.0]], None)], 0)
        self.assertEqual(tuple(kink), (0, np.inf, False))


class Regions(unittest.TestCase):
    def region(self, region, net=CONTROLLER):
        return lipcert.bound(net, region=region, **QUICK).region

    def test_boxes(self):
        box = self.region(lipcert.Box([1, 2], 0.1))
        self.assertEqual((box.kind, box.n), ("box", 2))
        np.testing.assert_allclose(box.lo, [0.9, 1.9], rtol=1e-15)
        self.assertTrue(np.all(box.lo <= [1 - 0.1, 2 - 0.1]) and np.all(box.hi >= [1 + 0.1, 2 + 0.1]))
        np.testing.assert_allclose(self.region(lipcert.Box(0.5, 0.25)).hi, [0.75, 0.75])
        cut = self.region(lipcert.Box([0, 1], 2, clip=(0, 1)))
        np.testing.assert_array_equal([cut.lo, cut.hi], [[0, 0], [1, 1]])
        np.testing.assert_allclose(self.region(lipcert.Box([0, 1], 2, clip=(0, None))).hi, [2, 3])
        corners = self.region(lipcert.Box.from_bounds([0, -1], 2))
        np.testing.assert_array_equal([corners.lo, corners.hi], [[0, -1], [2, 2]])
        point = self.region(lipcert.Box([1, 2], 0))
        np.testing.assert_array_equal(point.lo, point.hi)

    def test_ball_and_everywhere(self):
        ball = self.region(lipcert.Ball([1, 2], 0.5))
        self.assertEqual((ball.kind, ball.radius), ("ball", 0.5))
        np.testing.assert_array_equal(ball.centre, [1, 2])
        self.assertTrue(np.all(ball.lo <= [0.5, 1.5]))
        for region in (None, lipcert.Everywhere()):
            found = self.region(region)
            self.assertEqual(found.kind, "everywhere")
            self.assertTrue(np.all(np.isinf(found.lo)))

    def test_vnnlib(self):
        with common.folder():
            with open("box.vnnlib", "w") as file:
                file.write("(declare-const X_0 Real)\n(declare-const X_1 Real)\n"
                           "(declare-const Y_0 Real)\n(assert (>= X_0 -1))\n(assert (<= X_0 1.5))\n"
                           "(assert (>= X_1 0))\n(assert (<= X_1 2))\n(assert (>= Y_0 0))\n")
            for path in ("box.vnnlib", pathlib.Path("box.vnnlib")):
                found = self.region(path)
                np.testing.assert_array_equal([found.lo, found.hi], [[-1, 0], [1.5, 2]])

    def test_images(self):
        image = np.zeros((1, 8, 8), dtype=np.float32) + 0.5
        np.testing.assert_allclose(self.region(lipcert.Box(image, 0.25), DIGITS).lo, 0.25)


class Questions(unittest.TestCase):
    """norm, norm_out, output: the bounds enclose what sampling finds."""

    def test_all(self):
        rng = np.random.RandomState(7)
        region = lipcert.Box([0.1, 0.2, -0.3], 0.3)
        norms = {"1": 1, "2": 2, "inf": np.inf}
        jacobians = [gradient(LAYERS, np.array([0.1, 0.2, -0.3]) + 0.6 * rng.rand(3) - 0.3)
                     for _ in range(200)]
        for norm, p in norms.items():
            for output, rows in ((None, lambda j: j), (1, lambda j: j[1:]), ((1, 0), lambda j: j[1:] - j[:1])):
                result = lipcert.bound(LAYERS, norm, region, output, **QUICK)
                largest = max(self.operator_norm(rows(j), p) for j in jacobians)
                self.assertLessEqual(result.lower, result.upper)
                self.assertGreaterEqual(result.upper, largest * (1 - 1e-12))
                self.assertEqual((result.norm, result.norm_out), (norm, norm))
                self.assertEqual(result.output, "all" if output is None else output)
                x, t = result.witness
                value = np.linalg.norm(rows(gradient(LAYERS, x)) @ t, p) / np.linalg.norm(t, p)
                self.assertGreaterEqual(value, result.lower * (1 - 1e-9))

    @staticmethod
    def operator_norm(rows, p):
        """The operator norm p -> p; a single row: the dual norm."""
        if len(rows) == 1:
            return np.linalg.norm(rows[0], {1: np.inf, 2: 2, np.inf: 1}[p])
        return np.linalg.norm(rows, p)

    def test_spellings(self):
        for a, b in (("inf", np.inf), ("inf", float("inf")), ("2", 2), ("1", 1), ("2", 2.0), ("2", np.float64(2))):
            self.assertEqual(lipcert.bound(LAYERS, b, **QUICK).upper, lipcert.bound(LAYERS, a, **QUICK).upper)
        mixed = lipcert.bound(LAYERS, 2, norm_out="inf", **QUICK)
        self.assertEqual((mixed.norm, mixed.norm_out), ("2", "inf"))
        self.assertEqual(lipcert.bound(LAYERS, output="all", **QUICK).output, "all")
        self.assertEqual(lipcert.bound(CONTROLLER, **QUICK).output, 0)
        self.assertEqual(lipcert.bound(LAYERS, output=np.int64(1), **QUICK).output, 1)
        names = dict(QUICK, method=["product", "lbs"])
        self.assertEqual(lipcert.bound(LAYERS, **names).method, "product,lbs")

    def test_point(self):
        x = [0.1, 0.2, 0.3]
        result = lipcert.bound(LAYERS, method="point", point=x)
        np.testing.assert_array_equal(result.witness.x, x)


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # scikit-learn: five steps of training do not converge
    unittest.main(warnings="ignore")
