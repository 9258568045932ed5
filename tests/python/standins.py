"""Objects with the surface of torch modules, for machines without torch.

The package recognises a layer by the class of torch that defines its `forward`; these classes say that
they are from torch, have the attributes of the real ones, and compute in numpy.  test_torch.py runs the
same comparisons with the real torch where it is installed.
"""
import collections

import numpy as np


class Tensor:
    """A parameter: detach().cpu().double().numpy()."""

    def __init__(self, array):
        self.array = np.asarray(array, dtype=np.float32)

    def detach(self):
        return self

    cpu = detach

    def double(self):
        return Tensor64(self.array)


class Tensor64:
    def __init__(self, array):
        self.array = array.astype(np.float64)

    def numpy(self):
        return self.array


class Module:
    __module__ = "torch.nn.modules.module"
    training = True

    def __init__(self):
        self._parameters, self._modules = {}, collections.OrderedDict()
        self._forward_hooks, self._forward_pre_hooks = {}, {}

    def named_children(self):
        return iter(self._modules.items())

    def state_dict(self):
        return {}

    def forward(self, x):
        raise NotImplementedError


class Sequential(Module):
    __module__ = "torch.nn.modules.container"

    def __init__(self, *modules):
        super().__init__()
        self._modules.update((str(k), module) for k, module in enumerate(modules))

    def forward(self, x):
        for module in self._modules.values():
            x = module.forward(x)
        return x


class Linear(Module):
    __module__ = "torch.nn.modules.linear"

    def __init__(self, weight, bias):
        super().__init__()
        self.weight, self.bias = Tensor(weight), None if bias is None else Tensor(bias)
        self.out_features, self.in_features = self.weight.array.shape
        self._parameters = {"weight": self.weight, "bias": self.bias}

    def forward(self, x):
        y = x @ self.weight.double().numpy().T
        return y if self.bias is None else y + self.bias.double().numpy()


class ReLU(Module):
    __module__ = "torch.nn.modules.activation"

    def forward(self, x):
        return np.maximum(x, 0)


class Sigmoid(Module):
    __module__ = "torch.nn.modules.activation"

    def forward(self, x):
        return 1 / (1 + np.exp(-x))


class Flatten(Module):
    __module__ = "torch.nn.modules.flatten"

    def __init__(self, start_dim=1, end_dim=-1):
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x):
        return x.reshape(len(x), -1)


class Identity(Module):
    __module__ = "torch.nn.modules.linear"

    def forward(self, x):
        return x


class Dropout(Identity):
    __module__ = "torch.nn.modules.dropout"

    def forward(self, x):
        return x


class _BatchNorm(Module):
    __module__ = "torch.nn.modules.batchnorm"

    def __init__(self, mean, var, weight, bias, eps=1e-5):
        super().__init__()
        self.running_mean, self.running_var = Tensor(mean), Tensor(var)
        self.weight, self.bias, self.eps = Tensor(weight), Tensor(bias), eps

    def forward(self, x):
        mean, var, weight, bias = (
            p.double().numpy()[(slice(None),) + (None,) * (x.ndim - 2)] for p in
            (self.running_mean, self.running_var, self.weight, self.bias))
        return (x - mean) / np.sqrt(var + self.eps) * weight + bias


class BatchNorm2d(_BatchNorm):
    __module__ = "torch.nn.modules.batchnorm"


class Conv2d(Module):
    __module__ = "torch.nn.modules.conv"
    padding_mode, groups = "zeros", 1

    def __init__(self, weight, bias, stride=(1, 1), padding=(0, 0), dilation=(1, 1)):
        super().__init__()
        self.weight, self.bias = Tensor(weight), Tensor(bias)
        self.out_channels, self.in_channels = self.weight.array.shape[:2]
        self.stride, self.padding, self.dilation = stride, padding, dilation

    def forward(self, x):
        weight = self.weight.double().numpy()
        kernel = weight.shape[2:]
        padding = self.padding
        if padding == "same":
            total = [d * (k - 1) for d, k in zip(self.dilation, kernel)]
            padding = [(t // 2, t - t // 2) for t in total]
        else:
            padding = [(0, 0)] * 2 if padding == "valid" else [(p, p) for p in padding]
        x = np.pad(x, [(0, 0), (0, 0)] + list(padding), "constant")
        size = [(x.shape[2 + k] - self.dilation[k] * (kernel[k] - 1) - 1) // self.stride[k] + 1
                for k in range(2)]
        y = np.zeros([len(x), len(weight)] + size) + self.bias.double().numpy()[:, None, None]
        for a in range(kernel[0]):
            for b in range(kernel[1]):
                i, j = a * self.dilation[0], b * self.dilation[1]
                part = x[:, :, i:i + self.stride[0] * (size[0] - 1) + 1:self.stride[0],
                         j:j + self.stride[1] * (size[1] - 1) + 1:self.stride[1]]
                y += np.einsum("oc,nchw->nohw", weight[:, :, a, b], part)
        return y
