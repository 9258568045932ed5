"""Networks: reading them from wherever they are, evaluating them, describing them."""
import ctypes
import os
import tempfile
from typing import Any, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from . import _convert
from ._arrays import Array, as_doubles, as_point
from ._errors import ArgumentError, InputTypeError
from ._library import DOUBLES, Handle, doubles, library, lip_layer_info, lip_network_info, \
    lip_read_options, text
from ._regions import as_region

__all__ = ["Layer", "Network", "NetworkInfo"]

Path = Union[str, "os.PathLike[str]"]

NetworkInfo = NamedTuple("NetworkInfo", [
    ("inputs", int), ("outputs", int), ("layers", int), ("relu_layers", int), ("neurons", int),
    ("parameters", int), ("chain", bool), ("folds", int), ("sha256", str), ("format", str)])
NetworkInfo.__doc__ = """What a network is made of: numbers of `inputs`, `outputs`, affine `layers`,
`relu_layers`, `neurons` (ReLUs) and `parameters`; whether it is a `chain`; `folds`, operations that
were folded into weights in floating point while reading (if not 0, bounds are for the folded
network); the `sha256` of its canonical form; the `format` it was read from."""

Layer = NamedTuple("Layer", [("width", int), ("relu", bool), ("terms", int), ("source", int),
                             ("operator", str), ("nonzeros", int)])
Layer.__doc__ = """One layer: its `width`, whether a `relu` follows, how many affine `terms` are added,
the `source` of the first one (0 is the input), its `operator` ("dense", "sparse" or "conv"), and
the stored weights."""


class Network:
    """A ReLU network, as the library holds it.

    Network(net) accepts whatever `lipcert.bound` does: a path, bytes, a list of (W, b), an
    onnx.ModelProto, a torch module, an MLP of scikit-learn.  Reading once and bounding often saves
    time; a Network can be pickled, and used by several threads.

    `input_shape` is the shape of one input without the batch; only torch modules need it, and only if
    they begin with a convolution or have a `forward` of their own.  `nnet_normalise` folds the normalisation of a
    .nnet file into the network.

    >>> net = Network("examples/controller.onnx")
    >>> net
    <Network examples/controller.onnx: 2 inputs, 20 ReLUs, 1 output>
    >>> net.eval([0.1, -0.2]).round(3)
    array([-0.697])
    """

    def __init__(self, net: Any, input_shape: Optional[Sequence[int]] = None,
                 nnet_normalise: bool = False) -> None:
        name, handle = (net.name, net._handle) if isinstance(net, Network) else \
            _read(net, input_shape, nnet_normalise)
        self.name = name  # type: str
        self._handle = handle  # type: Handle
        self.info = self._get_info()

    # ---- Reading and writing ----

    @classmethod
    def load(cls, path: Path, nnet_normalise: bool = False) -> "Network":
        """Read a file: ONNX, .nnet, .npz, .mat or canonical, also gzip-compressed."""
        if not isinstance(path, (str, os.PathLike)):
            raise InputTypeError("expected a path, found an object of type {}".format(
                type(path).__name__), "network")
        return cls(path, nnet_normalise=nnet_normalise)

    @classmethod
    def from_layers(cls, layers: Sequence[Tuple[Any, Any]]) -> "Network":
        """A chain of (W, b): W is outputs x inputs, b may be None; a ReLU after all but the last.

        >>> Network.from_layers([([[1.0], [-1.0]], None), ([[1.0, -1.0]], [0.5])]).eval(2.0)
        array([2.5])
        """
        return cls(list(layers))

    def save(self, path: Path) -> None:
        """Write the canonical format, exact doubles in text; lipcheck reads it."""
        library().call("lip_network_save", self._handle.pointer, os.fsencode(os.fspath(path)))

    def __reduce__(self) -> Tuple[Any, Tuple[bytes, str]]:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "network")
            self.save(path)
            with open(path, "rb") as file:
                return _restore, (file.read(), self.name)

    # ---- What it is ----

    def _get_info(self) -> NetworkInfo:
        raw = lip_network_info()
        library().functions.lip_network_get_info(self._handle.pointer, ctypes.byref(raw))
        return NetworkInfo(raw.inputs, raw.outputs, raw.layers, raw.relu_layers, raw.neurons,
                           raw.parameters, raw.chain, raw.folds, text(raw.sha256), text(raw.format))

    @property
    def inputs(self) -> int:
        """How many inputs it has."""
        return self.info.inputs

    @property
    def outputs(self) -> int:
        """How many outputs it has."""
        return self.info.outputs

    @property
    def layers(self) -> Tuple[Layer, ...]:
        """All layers, in order."""
        layers = []
        for number in range(1, self.info.layers + 1):
            raw = lip_layer_info()
            library().call("lip_network_get_layer", self._handle.pointer, number, ctypes.byref(raw))
            layers.append(Layer(raw.width, raw.relu, raw.terms, raw.source, text(raw.op_kind),
                                raw.nonzeros))
        return tuple(layers)

    def __repr__(self) -> str:
        return "<Network {}: {}, {}, {}>".format(
            self.name, *("{} {}{}".format(count, what, "" if count == 1 else "s") for count, what in
                         ((self.inputs, "input"), (self.info.neurons, "ReLU"), (self.outputs, "output"))))

    # ---- At points, in floating point ----

    def eval(self, x: Any) -> Array:
        """f(x): m numbers.  x has n entries in any shape; a k x n array gives k x m."""
        points = as_doubles(x, "x")
        if points.ndim == 2 and points.shape[1] == self.inputs and points.shape[0] != 1:
            return np.array([self._at("lip_network_eval", row, (self.outputs,)) for row in points]
                            ).reshape(len(points), self.outputs)
        return self._at("lip_network_eval", points, (self.outputs,))

    __call__ = eval

    def jacobian(self, x: Any) -> Array:
        """The m x n Jacobian at x; a ReLU at exactly 0 counts as inactive.

        >>> Network("examples/controller.onnx").jacobian([0.1, -0.2]).round(2)
        array([[-19.67,  -6.35]])
        """
        return self._at("lip_network_jacobian", x, (self.outputs, self.inputs))

    def preactivations(self, x: Any) -> Tuple[Array, ...]:
        """What every layer computes before its ReLU, one array for each layer."""
        return self._by_layer(self._at("lip_network_preactivations", x, (self._units(),)))

    def _at(self, function: str, x: Any, shape: Tuple[int, ...]) -> Array:
        point, out = as_point(x, self.inputs, "x"), np.empty(shape)
        library().call(function, self._handle.pointer, doubles(point), doubles(out))
        return out

    def _units(self) -> int:
        return sum(layer.width for layer in self.layers)

    def _by_layer(self, array: Array) -> Tuple[Array, ...]:
        ends = np.cumsum([layer.width for layer in self.layers])
        return tuple(np.split(array, ends[:-1]))

    # ---- On regions, proved ----

    def preactivation_bounds(self, region: Any = None, linear: bool = True
                             ) -> Tuple[Tuple[Array, ...], Tuple[Array, ...]]:
        """Proved bounds (lo, hi) of all pre-activations on a region, one array for each layer.

        Interval arithmetic and, if `linear`, backward linear bounds.
        """
        where = as_region(region).resolve(self.inputs)
        lo, hi = np.empty(self._units()), np.empty(self._units())
        library().call("lip_preactivation_bounds", self._handle.pointer, where.pointer, bool(linear),
                       doubles(lo), doubles(hi))
        return self._by_layer(lo), self._by_layer(hi)


def _restore(data: bytes, name: str) -> Network:
    net = Network(data)
    net.name = name
    return net


# ---- Any object -> (name, handle) ---------------------------------------------------------------


def _read(net: Any, input_shape: Optional[Sequence[int]], nnet_normalise: bool) -> Tuple[str, Handle]:
    if isinstance(net, (str, os.PathLike)):
        return _load(os.fspath(net), nnet_normalise)
    if isinstance(net, (bytes, bytearray, memoryview)):
        return _load_memory(bytes(net), "<bytes>", nnet_normalise)
    if _convert.is_onnx(net):
        return _load_memory(net.SerializeToString(), "<{}>".format(type(net).__name__), False)
    if _convert.is_torch(net):
        model = _convert.torch_model(net, input_shape)
        return _load_memory(model, "<torch {}>".format(type(net).__name__), False)
    if _convert.is_sklearn(net):
        layers = _convert.sklearn_layers(net)  # type: Any
        return "<{}>".format(type(net).__name__), _create_dense(layers)
    if isinstance(net, (list, tuple)):
        return "<layers>", _create_dense(net)
    raise InputTypeError(
        "expected a path, bytes, a list of (W, b), an onnx.ModelProto, a torch module, an MLPClassifier or "
        "MLPRegressor or a Network, found an object of type {}".format(type(net).__name__), "network")


def _load(path: str, nnet_normalise: bool) -> Tuple[str, Handle]:
    if not path or "\0" in path:
        raise ArgumentError("expected the path of a network, found {!r}".format(path), "network")
    pointer, options = ctypes.c_void_p(), lip_read_options(bool(nnet_normalise))
    library().call("lip_network_load", os.fsencode(path), ctypes.byref(options),
                   ctypes.byref(pointer))
    return path, Handle(pointer, "lip_network_free")


def _load_memory(data: bytes, name: str, nnet_normalise: bool) -> Tuple[str, Handle]:
    pointer, options = ctypes.c_void_p(), lip_read_options(bool(nnet_normalise))
    library().call("lip_network_load_memory", data, len(data), name.encode(), ctypes.byref(options),
                   ctypes.byref(pointer))
    return name, Handle(pointer, "lip_network_free")


def _create_dense(net: Sequence[Any]) -> Handle:
    layers = _convert.layers_of(net)
    for number, (w, b) in enumerate(layers, 1):
        for name, array in (("W", w), ("b", b)):
            if array is not None and not np.isfinite(array).all():
                at = np.unravel_index(int(np.argmin(np.isfinite(array))), array.shape)
                raise ArgumentError("expected finite numbers, found {} at {}[{}]".format(
                    float(array[at]), name, ", ".join(map(str, at))), "layer {}".format(number))
    widths = [layers[0][0].shape[1]] + [w.shape[0] for w, _ in layers]
    pointer, count = ctypes.c_void_p(), len(layers)
    biases = [DOUBLES() if b is None else doubles(b) for _, b in layers]
    library().call("lip_network_create_dense", count, (ctypes.c_size_t * (count + 1))(*widths),
                   (DOUBLES * count)(*(doubles(w) for w, _ in layers)), (DOUBLES * count)(*biases),
                   ctypes.byref(pointer))
    return Handle(pointer, "lip_network_free")
