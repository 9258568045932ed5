"""A second implementation of the ONNX operators that lipcert reads, node by node in numpy.

It is an oracle: written from the operator specification alone, as plainly as possible, with loops
where loops are clearer.  Weights are the file's, arithmetic is float64, and tensors that the file calls
float32 are not rounded in between, since lipcert reads a network as a function of real numbers.

    evaluate(model, x)      the outputs of a model, a list of arrays
    input_shape(model)      the shape of its one input, with a free batch as 1
"""
import itertools
import math
import os

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

FLOATS = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16)


def load(path):
    """A model with its external data."""
    return onnx.load(path)


def real_inputs(model):
    constants = {t.name for t in model.graph.initializer}
    return [i for i in model.graph.input if i.name not in constants]


def input_shape(model):
    dims = real_inputs(model)[0].type.tensor_type.shape.dim
    return tuple(d.dim_value if d.dim_value > 0 else 1 for d in dims)


def to_array(tensor, folder=""):
    if tensor.data_type == TensorProto.BFLOAT16:
        raw = tensor.raw_data or np.array(tensor.int32_data, np.uint16).tobytes()
        bits = np.frombuffer(raw, np.uint16).astype(np.uint32) << 16
        return bits.view(np.float32).astype(np.float64).reshape(tuple(tensor.dims))
    array = numpy_helper.to_array(tensor, folder)
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def attribute_value(a):
    if a.type:
        return onnx.helper.get_attribute_value(a)
    return next(getattr(a, field) for field in ("f", "i", "s", "t") if a.HasField(field))


def evaluate(model, x, folder=""):
    opset = next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
    values = {"": None}
    for tensor in model.graph.initializer:
        values[tensor.name] = to_array(tensor, folder)
    values[real_inputs(model)[0].name] = np.asarray(x, np.float64).reshape(input_shape(model))
    waiting = list(model.graph.node)
    while waiting:
        ready = [n for n in waiting if all(i in values for i in n.input)]
        if not ready:
            break  # what is left depends on something undefined; the output may not
        for node in ready:
            waiting.remove(node)
            run = globals().get("op_" + node.op_type.lower())
            if run is None:
                continue
            attributes = {a.name: attribute_value(a) for a in node.attribute}
            inputs = list(node.input)
            while inputs and not inputs[-1]:
                inputs.pop()  # an empty name is an absent input
            result = run(attributes, opset, node, *[values[i] for i in inputs])
            result = result if isinstance(result, (list, tuple)) else [result]
            values.update((name, r) for name, r in zip(node.output, result) if name)
    return [values[o.name] for o in model.graph.output]


# ---- Element by element ------------------------------------------------------------------------


def align(a, opset, x, y):
    """Broadcasting before opset 7: y starts at dimension `axis` of x."""
    if opset < 7 and a.get("broadcast") and "axis" in a:
        axis = a["axis"] % x.ndim
        return y.reshape(y.shape + (1,) * (x.ndim - axis - y.ndim))
    return y


def op_add(a, opset, node, x, y):
    return x + align(a, opset, x, y)


def op_sub(a, opset, node, x, y):
    return x - align(a, opset, x, y)


def op_mul(a, opset, node, x, y):
    return x * align(a, opset, x, y)


def op_div(a, opset, node, x, y):
    y = align(a, opset, x, y)
    if x.dtype.kind == "f":
        return x / y
    return np.array([int(math.copysign(abs(p) // abs(q), p * q))
                     for p, q in zip(*[v.ravel().tolist() for v in np.broadcast_arrays(x, y)])],
                    x.dtype).reshape(np.broadcast(x, y).shape)


def op_neg(a, opset, node, x):
    return -x


def op_sum(a, opset, node, *xs):
    return sum(xs[1:], xs[0])


def op_relu(a, opset, node, x):
    return np.where(x > 0, x, np.zeros_like(x))


def op_identity(a, opset, node, x):
    return x


def op_dropout(a, opset, node, x, *rest):
    return x


def op_cast(a, opset, node, x):
    to = a["to"]
    if isinstance(to, bytes):
        to = getattr(TensorProto, to.decode())
    if to in FLOATS:
        return x.astype(np.float64)
    return np.trunc(x).astype(onnx.mapping.TENSOR_TYPE_TO_NP_TYPE[to])


def op_batchnormalization(a, opset, node, x, scale, bias, mean, var):
    shape = (1, -1) + (1,) * (x.ndim - 2)
    scale, bias, mean, var = [v.reshape(shape) for v in (scale, bias, mean, var)]
    return (x - mean) / np.sqrt(var + a.get("epsilon", 1e-5)) * scale + bias


# ---- Matrices ----------------------------------------------------------------------------------


def op_matmul(a, opset, node, x, y):
    return np.matmul(x, y)


def op_gemm(a, opset, node, x, y, c=None):
    if x.ndim != 2 or y.ndim != 2:
        raise ValueError("Gemm wants matrices")
    x = x.T if a.get("transA") else x
    y = y.T if a.get("transB") else y
    product = a.get("alpha", 1.0) * (x @ y)
    return product if c is None else product + a.get("beta", 1.0) * c


# ---- Windows -----------------------------------------------------------------------------------


def window_places(size, kernel, stride, dilation, before, after, ceiling):
    """For each output position of an axis the list of (tap, input index or None)."""
    reach = (kernel - 1) * dilation + 1
    steps = (size + before + after - reach) / stride
    count = (math.ceil(steps) if ceiling else math.floor(steps)) + 1
    if ceiling and (count - 1) * stride >= size + before:
        count -= 1
    places = []
    for o in range(count):
        taps = []
        for t in range(kernel):
            i = o * stride + t * dilation - before
            taps.append((t, i if 0 <= i < size else None))
        places.append(taps)
    return places


def axis_places(a, spatial, kernel, ceiling=False):
    n = len(spatial)
    stride = a.get("strides", [1] * n)
    dilation = a.get("dilations", [1] * n)
    auto = a.get("auto_pad", b"NOTSET").decode() or "NOTSET"
    pads = a.get("pads", [0] * 2 * n)
    result = []
    for k in range(n):
        before, after = pads[k], pads[n + k]
        if auto == "VALID":
            before = after = 0
        elif auto.startswith("SAME"):
            out = -(-spatial[k] // stride[k])
            total = max(0, (out - 1) * stride[k] + (kernel[k] - 1) * dilation[k] + 1 - spatial[k])
            before = total // 2 if auto == "SAME_UPPER" else total - total // 2
            after = total - before
        result.append(window_places(spatial[k], kernel[k], stride[k], dilation[k], before, after,
                                    ceiling))
    return result


def op_conv(a, opset, node, x, w, bias=None):
    groups = a.get("group", 1)
    places = axis_places(a, x.shape[2:], w.shape[2:])
    out = np.zeros((x.shape[0], w.shape[0]) + tuple(len(p) for p in places))
    per_in, per_out = x.shape[1] // groups, w.shape[0] // groups
    for where in itertools.product(*[range(len(p)) for p in places]):
        for taps in itertools.product(*[places[k][o] for k, o in enumerate(where)]):
            if any(i is None for _, i in taps):
                continue
            kernel = w[(slice(None), slice(None)) + tuple(t for t, _ in taps)]
            pixel = x[(slice(None), slice(None)) + tuple(i for _, i in taps)]
            for g in range(groups):
                rows = slice(g * per_out, (g + 1) * per_out)
                cols = slice(g * per_in, (g + 1) * per_in)
                out[(slice(None), rows) + where] += pixel[:, cols] @ kernel[rows].T
    if bias is not None:
        out += bias.reshape((1, -1) + (1,) * (x.ndim - 2))
    return out


def op_averagepool(a, opset, node, x):
    kernel = a["kernel_shape"]
    places = axis_places(a, x.shape[2:], kernel, bool(a.get("ceil_mode", 0)))
    out = np.zeros(x.shape[:2] + tuple(len(p) for p in places))
    for where in itertools.product(*[range(len(p)) for p in places]):
        values = []
        for taps in itertools.product(*[places[k][o] for k, o in enumerate(where)]):
            if all(i is not None for _, i in taps):
                values.append(x[(slice(None), slice(None)) + tuple(i for _, i in taps)])
        count = int(np.prod(kernel)) if a.get("count_include_pad", 0) else len(values)
        out[(slice(None), slice(None)) + where] = sum(values) / count
    return out


def op_globalaveragepool(a, opset, node, x):
    return x.mean(axis=tuple(range(2, x.ndim)), keepdims=True)


def reduce_with(function, since, a, opset, x, axes):
    axes = a.get("axes") if opset < since else axes
    if axes is None or len(axes) == 0:
        if a.get("noop_with_empty_axes", 0):
            return x
        axes = range(x.ndim)
    return function(x, axis=tuple(int(k) for k in axes), keepdims=bool(a.get("keepdims", 1)))


def op_reducesum(a, opset, node, x, axes=None):
    return reduce_with(np.sum, 13, a, opset, x, axes)


def op_reducemean(a, opset, node, x, axes=None):
    return reduce_with(np.mean, 18, a, opset, x, axes)


# ---- Shapes ------------------------------------------------------------------------------------


def op_flatten(a, opset, node, x):
    axis = a.get("axis", 1)
    axis = axis + x.ndim if axis < 0 else axis
    return x.reshape(int(np.prod(x.shape[:axis])), -1)


def op_reshape(a, opset, node, x, shape=None):
    shape = list(a["shape"] if shape is None else shape)
    if not a.get("allowzero", 0):
        shape = [x.shape[k] if s == 0 else s for k, s in enumerate(shape)]
    return x.reshape([int(s) for s in shape])


def op_transpose(a, opset, node, x):
    return np.transpose(x, a.get("perm"))


def op_squeeze(a, opset, node, x, axes=None):
    axes = a.get("axes") if opset < 13 else axes
    return np.squeeze(x, None if axes is None else tuple(int(k) for k in axes))


def op_unsqueeze(a, opset, node, x, axes=None):
    axes = a["axes"] if opset < 13 else axes
    return np.expand_dims(x, tuple(int(k) for k in axes))


def op_concat(a, opset, node, *xs):
    return np.concatenate(xs, axis=a.get("axis", 1))


def op_slice(a, opset, node, x, starts=None, ends=None, axes=None, steps=None):
    if opset < 10:
        starts, ends, axes = a["starts"], a["ends"], a.get("axes")
    axes = range(len(starts)) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    cut = [slice(None)] * x.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps):
        end, step = int(end), int(step)
        if step < 0 and end < -x.shape[int(axis)]:
            end = None
        cut[int(axis)] = slice(int(start), end, step)
    return x[tuple(cut)]


def op_split(a, opset, node, x, split=None):
    axis = a.get("axis", 0)
    split = a.get("split") if opset < 13 else split
    if split is None:
        each = -(-x.shape[axis] // len(node.output))
        return np.split(x, range(each, x.shape[axis], each), axis)
    return np.split(x, np.cumsum(split)[:-1].astype(int), axis)


def op_gather(a, opset, node, x, indices):
    return np.take(x, indices, axis=a.get("axis", 0))


def op_pad(a, opset, node, x, pads=None, value=None, axes=None):
    mode = a.get("mode", b"constant").decode()
    if opset < 11:
        pads, value = a.get("pads", a.get("paddings")), a.get("value", 0.0)
    value = 0.0 if value is None else float(np.asarray(value).reshape(()))
    axes = list(range(x.ndim)) if axes is None else [int(k) for k in axes]
    for k, axis in enumerate(axes):
        widths = [(0, 0)] * x.ndim
        before, after = int(pads[k]), int(pads[k + len(axes)])
        cut = [slice(None)] * x.ndim
        cut[axis] = slice(max(0, -before), x.shape[axis] - max(0, -after))
        widths[axis] = (max(0, before), max(0, after))
        more = {"constant_values": value} if mode == "constant" else {}
        x = np.pad(x[tuple(cut)], widths, mode, **more)
    return x


# ---- Constants ---------------------------------------------------------------------------------


def op_constant(a, opset, node):
    if "value" in a:
        return to_array(a["value"])
    if "value_float" in a or "value_floats" in a:
        return np.array(a.get("value_float", a.get("value_floats")), np.float64)
    return np.array(a.get("value_int", a.get("value_ints")), np.int64)


def op_shape(a, opset, node, x):
    return np.array(x.shape, np.int64)[a.get("start", 0):a.get("end", None)]


def op_constantofshape(a, opset, node, shape):
    value = to_array(a["value"]) if "value" in a else np.zeros(1)
    return np.full([int(s) for s in shape], value.ravel()[0], value.dtype)
