"""Networks of other packages: scikit-learn, torch, onnx.

Nothing is imported: an object is recognised by its attributes, so none of these packages is needed, and a
program that does not use torch does not pay for importing it.

torch.  A Sequential (nested, if need be) of the layers below is read layer by layer and becomes ONNX
(`_onnx`).  What decides how an object acts is the class that defines its `forward`, so subclasses of
Sequential or Linear that define no `forward` of their own are read, too.  Everything else, such as a
module with a `forward` of its own, is traced by torch.onnx.export, which is there because the module
is; the result is what torch exported, and a trace that depends on the values of the input is refused.
Dropout and batch normalisation act as in evaluation mode.

scikit-learn.  MLPClassifier and MLPRegressor with activation="relu".  The outputs of a classifier
are the scores (logits) before softmax or logistic.
"""
import io
import sys
import warnings
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np

from ._arrays import Array, as_doubles
from ._errors import ArgumentError, InputTypeError, UnsupportedError
from ._onnx import Chain

# ---- scikit-learn -------------------------------------------------------------------------------


def is_sklearn(net: Any) -> bool:
    """Is this an MLP of scikit-learn, trained or not?"""
    return hasattr(net, "hidden_layer_sizes") and hasattr(net, "activation") and \
        hasattr(net, "get_params")


def sklearn_layers(net: Any) -> List[Tuple[Array, Array]]:
    """The layers (W, b) of an MLPClassifier or MLPRegressor."""
    place = type(net).__name__
    if not hasattr(net, "coefs_") or not hasattr(net, "intercepts_"):
        raise ArgumentError("expected a trained network, found one without coefs_; call fit first",
                            place)
    if net.activation != "relu" and len(net.coefs_) > 1:
        raise UnsupportedError("expected the activation 'relu', found {!r}".format(net.activation),
                               place)
    last = getattr(net, "out_activation_", "identity")
    if last not in ("identity", "softmax", "logistic"):
        raise UnsupportedError("expected the output activation identity, softmax or logistic, found "
                               "{!r}".format(last), place)
    return [(as_doubles(w, "coefs_").T, as_doubles(b, "intercepts_"))
            for w, b in zip(net.coefs_, net.intercepts_)]


# ---- torch --------------------------------------------------------------------------------------


def is_torch(net: Any) -> bool:
    """Is this a torch module?"""
    return all(hasattr(net, name) for name in ("named_children", "state_dict", "forward"))


def _kind(module: Any) -> str:
    """The name of the torch class whose `forward` runs, or "" if that is no class of torch."""
    if "forward" in getattr(module, "__dict__", {}):
        return ""  # forward was replaced in the object
    for cls in type(module).__mro__:
        if "forward" in vars(cls):
            return cls.__name__ if cls.__module__.split(".")[0] == "torch" else ""
    return ""


def _has_hooks(module: Any) -> bool:
    return any(getattr(module, name, None) for name in
               ("_forward_hooks", "_forward_pre_hooks"))


class _NotPlain(Exception):
    """A module that is not one of the layers below; args: its name, its class."""


def _pair(value: Any, count: int) -> List[int]:
    """torch's "one number or one for each dimension"."""
    return [int(v) for v in value] if isinstance(value, (tuple, list)) else [int(value)] * count


def _linear(chain: Chain, name: str, module: Any) -> None:
    weight = as_doubles(module.weight, name + ".weight")
    chain.add("MatMul", name, [chain.constant(name + ".weight", weight.T)])
    if module.bias is not None:
        bias = as_doubles(module.bias, name + ".bias")
        chain.add("Add", name + ".bias", [chain.constant(name + ".bias", bias)])


def _relu(chain: Chain, name: str, module: Any) -> None:
    del module
    chain.add("Relu", name)


def _skip(chain: Chain, name: str, module: Any) -> None:
    del chain, name, module


def _flatten(chain: Chain, name: str, module: Any) -> None:
    if (module.start_dim, module.end_dim) != (1, -1):
        raise _NotPlain(name, "Flatten from {} to {}".format(module.start_dim, module.end_dim))
    chain.add("Flatten", name, axis=1)


def _conv(chain: Chain, name: str, module: Any) -> None:
    weight = as_doubles(module.weight, name + ".weight")
    dims = weight.ndim - 2
    if module.padding_mode != "zeros":
        raise _NotPlain(name, "{} with padding_mode={!r}".format(type(module).__name__,
                                                                 module.padding_mode))
    dilation = _pair(module.dilation, dims)
    before = after = [0] * dims
    if module.padding == "same":  # torch puts the odd one at the end
        total = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:])]
        before, after = [t // 2 for t in total], [t - t // 2 for t in total]
    elif module.padding != "valid":
        before = after = _pair(module.padding, dims)
    constants = [chain.constant(name + ".weight", weight)]
    if module.bias is not None:
        constants.append(chain.constant(name + ".bias", as_doubles(module.bias, name + ".bias")))
    chain.add("Conv", name, constants, kernel_shape=list(weight.shape[2:]), pads=before + after,
              strides=_pair(module.stride, dims), dilations=dilation, group=int(module.groups))


def _batch_norm(chain: Chain, name: str, module: Any) -> None:
    if module.running_mean is None or module.running_var is None:
        raise _NotPlain(name, "batch normalisation without running statistics")
    mean = as_doubles(module.running_mean, name + ".running_mean")
    ones, zeros = np.ones_like(mean), np.zeros_like(mean)
    parts = {"weight": ones if module.weight is None else as_doubles(module.weight, name),
             "bias": zeros if module.bias is None else as_doubles(module.bias, name),
             "mean": mean, "var": as_doubles(module.running_var, name)}
    chain.add("BatchNormalization", name,
              [chain.constant("{}.{}".format(name, key), value) for key, value in parts.items()],
              epsilon=float(module.eps))


LAYERS = {
    "Linear": _linear, "ReLU": _relu, "Identity": _skip, "Flatten": _flatten, "Conv1d": _conv,
    "Conv2d": _conv, "BatchNorm1d": _batch_norm, "BatchNorm2d": _batch_norm,
    "_BatchNorm": _batch_norm, "Dropout": _skip, "Dropout1d": _skip, "Dropout2d": _skip,
    "AlphaDropout": _skip,
}  # type: Dict[str, Callable[[Chain, str, Any], None]]


def _leaves(name: str, module: Any) -> List[Tuple[str, str, Any]]:
    """(name, kind, module) of the layers of nested Sequentials, in order."""
    kind = _kind(module)
    if _has_hooks(module) or (kind != "Sequential" and kind not in LAYERS):
        raise _NotPlain(name or "the module itself", type(module).__name__)
    if kind != "Sequential":
        return [(name or "0", kind, module)]
    leaves = []  # type: List[Tuple[str, str, Any]]
    for key, child in module.named_children():
        leaves += _leaves(name + "." + key if name else key, child)
    return leaves


def _shape(leaves: Sequence[Tuple[str, str, Any]], wanted: Optional[Sequence[int]]) -> List[int]:
    """The shape of one input, without the batch."""
    if wanted is not None:
        return [int(size) for size in wanted]
    for name, kind, module in leaves:
        if kind == "Linear":
            return [int(module.in_features)]
        if kind in ("Conv1d", "Conv2d"):
            raise ArgumentError("expected input_shape=({} channels, ...), because a convolution does "
                                "not say how large its input is".format(module.in_channels),
                                "module '{}' ({})".format(name, kind))
    raise ArgumentError("expected input_shape=(...), because no layer says how large the input is",
                        "torch module")


def torch_model(net: Any, input_shape: Optional[Sequence[int]]) -> bytes:
    """A torch module as an ONNX model."""
    try:
        leaves = _leaves("", net)
        chain = Chain()
        for name, kind, module in leaves:
            LAYERS[kind](chain, name, module)
    except _NotPlain as problem:
        return _export(net, input_shape, *problem.args)
    return chain.model([1, *_shape(leaves, input_shape)])


# ---- torch.onnx.export --------------------------------------------------------------------------


def _first_shape(net: Any) -> Optional[List[int]]:
    """A module whose first parametrised layer is Linear takes vectors of that length."""
    for module in net.modules():
        if getattr(module, "_parameters", None):
            return [int(module.in_features)] if _kind(module) == "Linear" else None
    return None


def _export(net: Any, input_shape: Optional[Sequence[int]], name: str, found: str) -> bytes:
    """Let torch trace and export a module that is no plain Sequential."""
    place = "torch module '{}'".format(name)
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "onnx") or not hasattr(net, "modules"):
        raise UnsupportedError(
            "expected Sequential, {} without hooks, found {}".format(
                ", ".join(sorted(k for k in LAYERS if k[0] != "_")), found), place)
    shape = _first_shape(net) if input_shape is None else [int(size) for size in input_shape]
    if shape is None:
        raise ArgumentError("expected input_shape=(...), the shape of one input without the batch, "
                            "to trace {}".format(found), place)
    modes = [(module, module.training) for module in net.modules()]
    net.eval()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            data = _trace(torch, net, shape)
    except Exception as problem:  # torch raises what it likes
        first = str(problem).strip().split("\n")[0]
        raise UnsupportedError("torch cannot export {}: {}".format(found, first), place) from problem
    finally:
        for module, mode in modes:
            module.training = mode
    for warning in caught:
        if warning.category.__name__ == "TracerWarning":
            raise UnsupportedError("expected a forward that does the same for every input, found: "
                                   "{}".format(str(warning.message).split("\n")[0]), place)
    return data


def _trace(torch: Any, net: Any, shape: Sequence[int]) -> bytes:
    parameter = next(iter(net.parameters()), None)
    like = {} if parameter is None else {"dtype": parameter.dtype, "device": parameter.device}
    buffer = io.BytesIO()
    options = {"opset_version": OPSET, "do_constant_folding": True}  # type: Dict[str, Any]
    # the mode of the module is kept: mode EVAL would merge batch normalisation in float32
    options["training"] = torch.onnx.TrainingMode.PRESERVE
    if "dynamo" in torch.onnx.export.__code__.co_varnames:
        options["dynamo"] = False  # the other exporter needs onnxscript
    torch.onnx.export(net, (torch.zeros([1, *shape], **like),), buffer, **options)
    return buffer.getvalue()


OPSET = 13

# ---- onnx ---------------------------------------------------------------------------------------


def is_onnx(net: Any) -> bool:
    """Is this an onnx.ModelProto?"""
    return hasattr(net, "SerializeToString") and hasattr(net, "graph")


def layers_of(net: Any) -> List[Tuple[Array, Optional[Array]]]:
    """The layers of a list of (W, b), shapes checked."""
    layers = []  # type: List[Tuple[Array, Optional[Array]]]
    for number, layer in enumerate(net, 1):
        place = "layer {}".format(number)
        try:
            if isinstance(layer, np.ndarray):
                raise TypeError
            weight, bias = layer
        except (TypeError, ValueError):
            raise InputTypeError("expected a pair (W, b), where b may be None, found an object of type "
                                 "{}".format(type(layer).__name__), place) from None
        w = as_doubles(weight, place + ", W")
        if w.ndim != 2 or 0 in w.shape:
            raise ArgumentError("expected W to be a matrix, outputs x inputs, found an array of shape "
                                "{}".format(w.shape), place)
        if layers and w.shape[1] != layers[-1][0].shape[0]:
            raise ArgumentError("expected W to have {} columns, as many as layer {} has outputs, found "
                                "{} x {}".format(layers[-1][0].shape[0], number - 1, *w.shape), place)
        b = None if bias is None else as_doubles(bias, place + ", b").ravel()
        if b is not None and b.size != w.shape[0]:
            raise ArgumentError("expected b to have {} entries, as many as W has rows, found {}".format(
                w.shape[0], b.size), place)
        layers.append((w, b))
    if not layers:
        raise ArgumentError("expected at least one pair (W, b), found an empty list", "network")
    return layers
