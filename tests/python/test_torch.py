#!/usr/bin/env python3
"""The real torch, where it is installed (LIPCERT_TORCH_PYTHON: another Python that has it)."""
import os
import sys
import unittest
import warnings

import numpy as np

import common

assert "torch" not in sys.modules
import lipcert  # noqa: E402  pylint: disable=wrong-import-position

try:
    import torch
    from torch import nn
except ImportError:
    other = os.environ.get("LIPCERT_TORCH_PYTHON")
    if not other:
        common.skip("torch is not installed for {}".format(sys.executable))
    os.execv(other, [other] + sys.argv)


class Residual(nn.Module):
    """A forward of its own, with batch normalisation."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.norm = nn.Linear(4, 6), nn.Linear(6, 4), nn.BatchNorm1d(6)
        self.norm.running_mean.normal_()
        self.norm.running_var.uniform_(0.5, 2)

    def forward(self, x):
        return x + self.second(torch.relu(self.norm(self.first(x))))


class Image(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.last = nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Linear(48, 2)
        self.norm.running_var.uniform_(0.5, 2)

    def forward(self, x):
        return self.last(torch.relu(self.norm(self.conv(x))).reshape(x.shape[0], -1))


class Branch(nn.Module):
    """What it does depends on the input: a trace sees one side only."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(2, 2)

    def forward(self, x):
        return self.linear(x) if x.sum() > 0 else -self.linear(x)


class Sigmoid(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(2, 2)

    def forward(self, x):
        return torch.sigmoid(self.linear(x))


class Torch(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)
        warnings.simplefilter("ignore")

    def same(self, module, shape, **options):
        net = lipcert.Network(module, **options)
        module = module.eval().double()
        for _ in range(5):
            x = np.random.RandomState(1).randn(*shape)
            np.testing.assert_allclose(net.eval(x), module(torch.tensor(x)[None]).detach().numpy().ravel(),
                                       rtol=1e-5, atol=1e-5)
        return net

    def test_sequential(self):
        net = self.same(nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2)), (3,))
        self.assertEqual((net.info.folds, net.info.chain), (0, True))
        self.same(nn.Sequential(nn.Flatten(), nn.Sequential(nn.Linear(4, 5), nn.ReLU()), nn.Dropout(),
                                nn.Linear(5, 5), nn.Identity(), nn.ReLU(inplace=True), nn.Linear(5, 2),
                                nn.ReLU()), (2, 2))
        self.same(nn.Sequential(nn.Linear(3, 5).half(), nn.ReLU(), nn.Linear(5, 2).bfloat16()), (3,))
        spectral = torch.nn.utils.parametrizations.spectral_norm(nn.Linear(3, 5))
        self.same(nn.Sequential(spectral, nn.ReLU(), nn.Linear(5, 2)), (3,))

    def test_convolution(self):
        norm = nn.BatchNorm2d(4)
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
        norm.weight.data.normal_()
        module = nn.Sequential(
            nn.Conv2d(1, 4, 3, stride=2, padding=1), norm, nn.ReLU(), nn.Dropout2d(),
            nn.Conv2d(4, 4, 4, padding="same", groups=2), nn.ReLU(),
            nn.Conv2d(4, 2, 2, dilation=2, padding="valid", bias=False), nn.Flatten(), nn.ReLU(), nn.Linear(18, 3))
        self.same(module, (1, 9, 9), input_shape=(1, 9, 9))
        one = nn.Sequential(nn.Conv1d(2, 3, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(9, 2))
        self.same(one, (2, 7), input_shape=(2, 7))
        with self.assertRaisesRegex(lipcert.ArgumentError, "input_shape"):
            lipcert.Network(module)

    def test_own_forward(self):
        self.same(Residual(), (4,))
        self.same(Image(), (1, 6, 6), input_shape=(1, 6, 6))
        module = Residual()
        module.second.eval()
        modes = [m.training for m in module.modules()]
        lipcert.Network(module)
        self.assertEqual([m.training for m in module.modules()], modes)
        hooked = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2))
        hooked[0].register_forward_hook(lambda module, inputs, output: 2 * output)
        self.same(hooked, (3,))

    def test_refused(self):
        for module, text in ((Branch(), "the same for every input"), (Sigmoid(), "Sigmoid"),
                             (nn.Sequential(nn.Linear(2, 2), nn.Tanh()), "Tanh")):
            with self.assertRaisesRegex(lipcert.UnsupportedError, text):
                lipcert.Network(module)

    def test_tensors(self):
        net = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2))
        x = torch.randn(3, requires_grad=True)
        result = lipcert.bound(net, region=lipcert.Box(x, 0.1))
        self.assertLessEqual(result.lower, result.upper)
        self.assertEqual(lipcert.Network(net).eval(x).shape, (2,))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
