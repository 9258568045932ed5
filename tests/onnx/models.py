"""Small models for the tests and for the fuzzing corpus.

agreeing() yields (name, model): to be read, with the values that numpy computes.
refused() yields (name, bytes, fragments): to be refused with a sentence that holds the fragments.
"""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

RNG = np.random.default_rng(11)
NEWEST_OPSET = 28  # that the reader accepts
SWEEP = 200


def weights(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def ints(*values):
    return np.array(values, np.int64)


def node(op, inputs, outputs="y", **attributes):
    return helper.make_node(op, inputs.split() if isinstance(inputs, str) else inputs,
                            outputs.split(), **attributes)


def model(nodes, shape, constants=None, opset=13, outputs="y", ir=8, extra_inputs=(),
          input_type=TensorProto.FLOAT):
    """One input 'x'; constants are a dict of arrays."""
    nodes = nodes if isinstance(nodes, list) else [nodes]
    inputs = [helper.make_tensor_value_info("x", input_type, shape), *extra_inputs]
    results = [helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in outputs.split()]
    constants = [numpy_helper.from_array(np.asarray(v), k) for k, v in (constants or {}).items()]
    graph = helper.make_graph(nodes, "g", inputs, results, constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    made.ir_version = ir
    return made


def elementwise():
    for op in "Add Sub Mul Div".split():
        for shape, other in [((3, 4), (3, 4)), ((3, 4), (4,)), ((1, 4), (3, 1)), ((4,), (2, 3, 4)),
                             ((2, 3, 4), (3, 1)), ((3,), ()), ((), (2,))]:
            yield f"{op}-{shape}-{other}", model(node(op, "x c"), shape, {"c": weights(*other)})
            if op != "Div":
                yield f"{op}-left-{other}-{shape}", model(node(op, "c x"), shape, {"c": weights(*other)})
        same = {"c": weights(2, 3)}
        yield f"{op}-opset6", model(node(op, "x c"), (2, 3), same, opset=6)
        aligned = {"c": weights(3, 4)}
        yield f"{op}-opset6-axis", model(node(op, "x c", broadcast=1, axis=1), (2, 3, 4, 5), aligned, opset=6)
        yield f"{op}-opset6-suffix", model(node(op, "x c", broadcast=1), (2, 3, 4), aligned, opset=6)
        yield f"{op}-opset6-front", model(node(op, "x c", broadcast=1, axis=0), (3, 4, 2), aligned, opset=6)
        yield f"{op}-opset6-one", model(node(op, "x c", broadcast=1, axis=1), (3, 4), {"c": weights(1)}, opset=6)
    yield "neg", model(node("Neg", "x"), (3,))
    yield "sum-1", model(node("Sum", "x"), (3,))
    yield "sum-3", model(node("Sum", "x c x"), (3,), {"c": weights(2, 3)})
    yield "x+x", model(node("Add", "x x"), (3,))
    yield "x-x", model(node("Sub", "x x"), (3,))
    yield "identity", model(node("Identity", "x"), (2, 3))
    yield "dropout-1", model(node("Dropout", "x", ratio=.5, is_test=1), (3,), opset=6)
    yield "dropout-7", model(node("Dropout", "x", ratio=.5), (3,), opset=7)
    yield "dropout-13", model(node("Dropout", "x r t"), (3,), {"r": np.float32(.5), "t": np.bool_(False)})
    yield "cast-double", model(node("Cast", "x", to=TensorProto.DOUBLE), (3,))
    yield "cast-name", model(node("Cast", "x", to="DOUBLE"), (3,), opset=5)
    yield "cast-constants", model(
        [node("Cast", "c", "d", to=TensorProto.FLOAT), node("Mul", "x d")], (3,), {"c": ints(2, -3, 5)})
    yield "integer-arithmetic", model(
        [node("Div", "a b", "q"), node("Sub", "q b", "r"), node("Mul", "r a", "s"),
         node("Neg", "s", "t"), node("Cast", "t", "f", to=TensorProto.FLOAT), node("Add", "x f")],
        (4,), {"a": ints(7, -7, 6, 0), "b": ints(2, 2, -4, 3)})
    for dtype in (np.float64, np.float16):
        yield f"weights-{dtype.__name__}", model(node("Mul", "x c"), (3,), {"c": weights(3).astype(dtype)})


def batch_norm():
    shape = (1, 3, 4, 2)
    stats = {"s": weights(3), "b": weights(3), "m": weights(3), "v": weights(3) ** 2}
    yield "batchnorm", model(node("BatchNormalization", "x s b m v", epsilon=.01), shape, stats)
    yield "batchnorm-15", model(node("BatchNormalization", "x s b m v", training_mode=0), shape, stats, opset=15)
    yield "batchnorm-6", model(node("BatchNormalization", "x s b m v", is_test=1), (2, 3), stats, opset=6)
    yield "conv-batchnorm-relu", model(
        [node("Conv", "x w", "c"), node("BatchNormalization", "c s b m v", "n"), node("Relu", "n")],
        (1, 2, 6, 5), {"w": weights(3, 2, 3, 2), **stats})
    yield "batchnorm-conv", model(
        [node("BatchNormalization", "x s b m v", "n"), node("Conv", "n w", pads=[1, 1, 1, 1])],
        (1, 3, 5, 4), {"w": weights(2, 3, 3, 3), **stats})
    yield "batchnorm-grouped-conv", model(
        [node("BatchNormalization", "x s b m v", "n"), node("Conv", "n w", group=3)],
        (2, 3, 5, 4), {"w": weights(6, 1, 3, 3), **stats})


def matrices():
    for a, b in [((3,), (3,)), ((1, 3), (3, 4)), ((2, 3), (3, 4)), ((2, 3), (3,)), ((3,), (3, 2)),
                 ((5, 2, 3), (3, 4)), ((5, 2, 3), (5, 3, 4)), ((2, 1, 2, 3), (4, 3, 2)), ((3, 1), (1, 4))]:
        yield f"matmul-{a}-{b}", model(node("MatMul", "x w"), a, {"w": weights(*b)})
        yield f"matmul-left-{a}-{b}", model(node("MatMul", "w x"), b, {"w": weights(*a)})
    for trans_a in (0, 1):
        for trans_b in (0, 1):
            a = (4, 2) if trans_a else (2, 4)
            b = (3, 4) if trans_b else (4, 3)
            for c in [None, (3,), (1, 3), (2, 1), (2, 3), ()]:
                inputs = "x w" if c is None else "x w c"
                consts = {"w": weights(*b)} if c is None else {"w": weights(*b), "c": weights(*c)}
                yield f"gemm-{trans_a}{trans_b}-{c}", model(
                    node("Gemm", inputs, transA=trans_a, transB=trans_b, alpha=.5, beta=.3), a, consts)
    yield "gemm-left", model(node("Gemm", "w x c", alpha=2.), (4, 3), {"w": weights(2, 4), "c": weights(3)})
    yield "gemm-variable-bias", model(node("Gemm", "w v x", beta=.7), (1, 3), {"w": weights(2, 4), "v": weights(4, 3)})
    yield "gemm-opset6", model(node("Gemm", "x w c", broadcast=1, transB=1), (1, 4), {"w": weights(3, 4), "c": weights(3)}, opset=6)
    yield "constant-matmul", model([node("MatMul", "a b", "w"), node("MatMul", "x w")], (1, 3),
                                   {"a": weights(3, 4), "b": weights(4, 2)})
    yield "gemm-gemm", model([node("Gemm", "x w", "h"), node("Gemm", "h v")], (1, 3),
                             {"w": weights(3, 4), "v": weights(4, 2)})
    yield "normalise-gemm", model([node("Sub", "x m", "c"), node("Div", "c s", "n"), node("Gemm", "n w")],
                                  (1, 4), {"m": weights(4), "s": weights(4), "w": weights(4, 3)})


def windows():
    w, b = weights(4, 3, 3, 2), weights(4)
    for name, attributes in {
        "plain": {}, "kernel": {"kernel_shape": [3, 2]}, "pads": {"pads": [1, 0, 2, 1]},
        "strides": {"strides": [2, 3], "pads": [1, 1, 1, 1]}, "dilations": {"dilations": [2, 1]},
        "same-upper": {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
        "same-lower": {"auto_pad": "SAME_LOWER"}, "valid": {"auto_pad": "VALID"},
        "notset": {"auto_pad": "NOTSET", "pads": [0, 1, 0, 1]},
    }.items():
        yield f"conv-{name}", model(node("Conv", "x w b", **attributes), (1, 3, 7, 6), {"w": w, "b": b})
    yield "conv-batch", model(node("Conv", "x w b", pads=[1, 1, 1, 1]), (2, 3, 5, 4), {"w": w, "b": b})
    yield "conv-group", model(node("Conv", "x w", group=2), (1, 4, 5, 5), {"w": weights(6, 2, 2, 3)})
    yield "conv-group-batch", model(node("Conv", "x w", group=2), (2, 4, 5, 5), {"w": weights(6, 2, 2, 3)})
    yield "conv-depthwise", model(node("Conv", "x w", group=3), (1, 3, 5, 5), {"w": weights(6, 1, 3, 3)})
    yield "conv-1d", model(node("Conv", "x w b", pads=[2, 1], strides=[2]), (1, 3, 9), {"w": weights(4, 3, 4), "b": b})
    yield "conv-1d-dilated", model(node("Conv", "x w", dilations=[3]), (2, 3, 9), {"w": weights(4, 3, 2)})
    yield "conv-whole-image", model(node("Conv", "x w b"), (1, 3, 3, 2), {"w": w, "b": b})
    yield "conv-constant-padding", model([node("Add", "x c", "z"), node("Conv", "z w b", pads=[1, 1, 1, 1])],
                                         (1, 3, 5, 4), {"c": weights(3, 1, 1), "w": w, "b": b})
    yield "conv-conv", model([node("Conv", "x w", "h"), node("Conv", "h v")], (1, 3, 6, 6),
                             {"w": w, "v": weights(2, 4, 2, 2)})
    yield "conv-scaled-per-element", model([node("Conv", "x w", "h"), node("Mul", "h s")], (1, 3, 5, 4),
                                           {"w": w, "s": weights(3, 3)})
    yield "conv-scaled-per-channel", model([node("Conv", "x w b", "h"), node("Mul", "h s")], (1, 3, 5, 4),
                                           {"w": w, "b": b, "s": weights(4, 1, 1)})
    yield "scaled-per-element-conv", model([node("Mul", "x s", "h"), node("Conv", "h w")], (1, 3, 5, 4),
                                           {"w": w, "s": weights(5, 4)})
    yield "channels-last", model(
        [node("Transpose", "x", "a", perm=[0, 3, 1, 2]), node("Conv", "a w", "b"),
         node("Transpose", "b", "c", perm=[0, 2, 3, 1]), node("Add", "c bias", "d"),
         node("Mul", "d scale", "e"), node("Relu", "e", "f"),
         node("Transpose", "f", "g", perm=[0, 3, 1, 2]), node("Conv", "g v", "h"),
         node("Transpose", "h", "i", perm=[0, 2, 3, 1]), node("Relu", "i", "j"),
         node("Flatten", "j", "k"), node("MatMul", "k m")],
        (1, 6, 5, 3), {"w": w, "bias": b, "scale": weights(4), "v": weights(2, 4, 2, 2), "m": weights(18, 3)})
    yield "transposed-residual", model(
        [node("Conv", "x w", "a", pads=[1, 1, 1, 0]), node("Transpose", "a", "b", perm=[0, 2, 3, 1]),
         node("Transpose", "x", "c", perm=[0, 2, 3, 1]), node("Add", "b c", "d"), node("Relu", "d")],
        (1, 3, 4, 4), {"w": weights(3, 3, 3, 2)})
    yield "two-transposed-convs", model(
        [node("Conv", "x w", "a"), node("Transpose", "a", "b", perm=[0, 2, 3, 1]),
         node("Conv", "x v", "c"), node("Transpose", "c", "d", perm=[0, 3, 2, 1]), node("Add", "b d")],
        (1, 3, 4, 4), {"w": weights(2, 3, 2, 2), "v": weights(2, 3, 2, 2)})
    yield "conv-transpose-output", model(
        [node("Conv", "x w", "a"), node("Transpose", "a", perm=[3, 2, 1, 0])], (1, 3, 5, 4), {"w": w})
    yield "conv-slice", model([node("Conv", "x w b", "a"), node("Slice", "a s e")], (1, 3, 6, 6),
                              {"w": w, "b": b, "s": ints(0, 1, 1), "e": ints(1, 3, 3)})
    yield "conv-broadcast", model([node("Conv", "x w", "a"), node("Add", "a c")], (1, 3, 4, 3),
                                  {"w": w, "c": weights(3, 1, 1, 1)})
    yield "conv-dilated-1d-into-padding", model(node("Conv", "x w", dilations=[2], pads=[0, 2]), (1, 1, 3),
                                                {"w": np.array([[[1, 10, 100]]], np.float32)})
    yield "conv-dilated-2d-into-padding", model(
        node("Conv", "x w", dilations=[2, 2], strides=[2, 2], auto_pad="SAME_UPPER"), (1, 1, 2, 2),
        {"w": np.array([[[[1, 10], [100, 1000]]]], np.float32)})
    yield "conv-whole-image-trailing-pads", model(node("Conv", "x w b", pads=[0, 0, 0, 0], strides=[3, 3]),
                                                  (1, 3, 3, 2), {"w": w, "b": b})
    pool = lambda shape=(1, 2, 7, 6), opset=13, **k: model(node("AveragePool", "x", **k), shape, opset=opset)
    yield "pool", pool(kernel_shape=[2, 3])
    yield "pool-strides", pool(kernel_shape=[3, 2], strides=[2, 2])
    yield "pool-pads", pool(kernel_shape=[3, 3], pads=[1, 2, 0, 1])
    yield "pool-count-pads", pool(kernel_shape=[3, 3], pads=[1, 2, 0, 1], count_include_pad=1)
    yield "pool-ceil", pool(kernel_shape=[3, 3], strides=[3, 2], ceil_mode=1)
    yield "pool-ceil-pads", pool(kernel_shape=[2, 2], strides=[3, 3], pads=[1, 1, 1, 1], ceil_mode=1)
    yield "pool-same-upper", pool(kernel_shape=[2, 3], strides=[2, 1], auto_pad="SAME_UPPER")
    yield "pool-same-lower", pool(kernel_shape=[2, 2], auto_pad="SAME_LOWER")
    yield "pool-1d", pool((2, 3, 9), kernel_shape=[4], strides=[2])
    yield "pool-opset6", pool(opset=6, kernel_shape=[2, 2])
    yield "pool-dilations", pool(opset=19, kernel_shape=[2, 2], dilations=[2, 3])
    yield "conv-pool", model([node("Conv", "x w", "h"), node("AveragePool", "h", kernel_shape=[2, 2])],
                             (1, 3, 6, 6), {"w": w})
    yield "global-pool", model(node("GlobalAveragePool", "x"), (1, 3, 4, 5))
    yield "global-pool-1d", model(node("GlobalAveragePool", "x"), (2, 3, 4))


# ---- A sweep over windows ----------------------------------------------------------------------

PADDINGS = ["explicit", "explicit", "explicit", "VALID", "SAME_UPPER", "SAME_LOWER"]


def random_window(rng, most_dilation):
    """Small images, often with a kernel as large as the image, with dilation, or padded behind only."""
    spatial = int(rng.integers(1, 3))
    size = rng.integers(1, 6, spatial)
    whole = rng.random() < .3
    kernel = np.where(whole | (rng.random(spatial) < .3), size, rng.integers(1, 4, spatial))
    stride, dilation = rng.integers(1, 4, spatial), rng.integers(1, most_dilation + 1, spatial)
    before = rng.integers(0, 3, spatial) * int(not whole and rng.random() < .5)
    missing = np.maximum(0, (kernel - 1) * dilation + 1 - size - before)
    after = np.where(rng.random(spatial) < .4, rng.integers(0, 3, spatial), missing)
    return size, kernel, stride, dilation, before, after, PADDINGS[rng.integers(len(PADDINGS))]


def window_attributes(rng, stride, dilation, before, after, mode):
    attributes = {"pads": [*before.tolist(), *after.tolist()]} if mode == "explicit" else {"auto_pad": mode}
    if (stride > 1).any() or rng.random() < .5:
        attributes["strides"] = stride.tolist()
    if (dilation > 1).any() or rng.random() < .5:
        attributes["dilations"] = dilation.tolist()
    return attributes


def window_fits(size, kernel, dilation, before, after, mode):
    room = size + (before + after if mode == "explicit" else 0)
    return mode.startswith("SAME") or ((kernel - 1) * dilation + 1 <= room).all()


def convolution_sweep(count):
    rng, made = np.random.default_rng(23), 0
    while made < count:
        size, kernel, stride, dilation, before, after, mode = random_window(rng, 3)
        if not window_fits(size, kernel, dilation, before, after, mode):
            continue
        groups = int(rng.choice([1, 1, 1, 2]))
        batch, each, outputs = int(rng.choice([1, 1, 2])), int(rng.integers(1, 3)), int(rng.integers(1, 3))
        attributes = window_attributes(rng, stride, dilation, before, after, mode)
        weight = rng.standard_normal((groups * outputs, each, *kernel)).astype(np.float32)
        yield f"sweep-conv-{made}", model(node("Conv", "x w", group=groups, **attributes),
                                          (batch, groups * each, *size.tolist()), {"w": weight})
        made += 1


def windows_per_axis(size, kernel, stride, dilation, before, after, mode, ceiling):
    """For each axis the sets of pixels of its windows, and whether one reaches beyond the padding."""
    axes, beyond = [], False
    for n, k, s, d, b, a in zip(size, kernel, stride, dilation, before, after):
        extent = (k - 1) * d + 1
        if mode == "VALID":
            b = a = 0
        elif mode != "explicit":
            total = max(0, (-(-n // s) - 1) * s + extent - n)
            b = total // 2 if mode == "SAME_UPPER" else total - total // 2
            a = total - b
        starts = [o for o in range(0, n + b + a, s) if o + extent <= n + b + a or (ceiling and o < n + b)]
        starts = [o for o in starts if o == 0 or not ceiling or o - s + extent < n + b + a]
        beyond = beyond or any(o + extent > n + b + a for o in starts)
        axes.append([{o + t * d - b for t in range(k) if 0 <= o + t * d - b < n} for o in starts])
    return axes, beyond


def average_sweep(count):
    rng, made = np.random.default_rng(29), 0
    while made < count:
        opset = int(rng.choice([13, 19]))
        size, kernel, stride, dilation, before, after, mode = random_window(rng, 3 if opset == 19 else 1)
        ceiling, whole = bool(rng.random() < .3), bool(rng.random() < .3)
        if not window_fits(size, kernel, dilation, before, after, mode):
            continue
        axes, beyond = windows_per_axis(size, kernel, stride, dilation, before, after, mode, ceiling)
        if (whole and beyond) or (not whole and any(not pixels for axis in axes for pixels in axis)):
            continue  # refused, as bad_models shows
        attributes = window_attributes(rng, stride, dilation, before, after, mode)
        if opset < 19:
            attributes.pop("dilations", None)
        yield f"sweep-pool-{made}", model(
            node("AveragePool", "x", kernel_shape=kernel.tolist(), ceil_mode=int(ceiling),
                 count_include_pad=int(whole), **attributes),
            (int(rng.choice([1, 2])), int(rng.integers(1, 3)), *size.tolist()), opset=opset)
        made += 1


def window_sweep():
    yield from convolution_sweep(SWEEP)
    yield from average_sweep(SWEEP)


def reductions():
    for op, since in (("ReduceSum", 13), ("ReduceMean", 18)):
        for axes in ([0], [1], [-1], [0, 2], [0, 1, 2]):
            for keep in (0, 1):
                yield f"{op}-{axes}-{keep}-attribute", model(
                    node(op, "x", axes=axes, keepdims=keep), (2, 3, 4), opset=since - 1)
                yield f"{op}-{axes}-{keep}-input", model(
                    node(op, "x a", keepdims=keep), (2, 3, 4), {"a": ints(*axes)}, opset=since)
        yield f"{op}-all", model(node(op, "x"), (2, 3), opset=since)
        yield f"{op}-noop", model(node(op, "x", noop_with_empty_axes=1), (2, 3), opset=since)
        yield f"{op}-length-1", model(node(op, "x", axes=[0]), (1, 3), opset=since - 1)
    yield "mean-of-gemm", model([node("Gemm", "x w", "h"), node("ReduceMean", "h", axes=[1])], (2, 3),
                                {"w": weights(3, 4)})


def shapes():
    for axis in (-3, -1, 0, 1, 2, 3):
        yield f"flatten-{axis}", model(node("Flatten", "x", axis=axis), (2, 3, 4))
    yield "flatten-default", model(node("Flatten", "x"), (2, 3, 4), opset=8)
    for wanted in ([4, 6], [-1, 4], [0, -1], [2, 0, 4], [-1], [1, 2, 3, 4]):
        yield f"reshape-{wanted}", model(node("Reshape", "x s"), (2, 3, 4), {"s": ints(*wanted)})
    yield "reshape-attribute", model(node("Reshape", "x", shape=[6, -1]), (2, 3, 4), opset=4)
    yield "reshape-allowzero", model(node("Reshape", "x s", allowzero=1), (2, 3), {"s": ints(3, 2)}, opset=14)
    yield "transpose", model(node("Transpose", "x"), (2, 3, 4))
    yield "transpose-perm", model(node("Transpose", "x", perm=[1, 2, 0]), (2, 3, 4))
    yield "squeeze-all", model(node("Squeeze", "x"), (1, 3, 1))
    yield "squeeze-attribute", model(node("Squeeze", "x", axes=[-1]), (1, 3, 1), opset=11)
    yield "squeeze-input", model(node("Squeeze", "x a"), (1, 3, 1), {"a": ints(0)})
    yield "unsqueeze-attribute", model(node("Unsqueeze", "x", axes=[0, -1]), (3,), opset=11)
    yield "unsqueeze-input", model(node("Unsqueeze", "x a"), (3, 2), {"a": ints(1)})
    yield "constant", model([node("Constant", "", "c", value=numpy_helper.from_array(weights(3))),
                             node("Add", "x c")], (3,))
    yield "constant-float", model([node("Constant", "", "c", value_float=.25), node("Mul", "x c")], (3,))
    yield "constant-floats", model([node("Constant", "", "c", value_floats=[1., -2., .1]), node("Mul", "x c")], (3,))
    yield "constant-int", model([node("Constant", "", "c", value_int=3), node("Cast", "c", "d", to=1), node("Mul", "x d")], (3,))
    yield "constant-ints", model([node("Constant", "", "s", value_ints=[3, 2]), node("Reshape", "x s")], (2, 3))
    yield "shape-arithmetic", model(
        [node("Shape", "x", "s"), node("Gather", "s i", "b"), node("Unsqueeze", "b a", "u"),
         node("Concat", "u m", "t", axis=0), node("Reshape", "x t", "z"), node("Relu", "z")],
        (1, 3, 4), {"i": np.int64(0), "a": ints(0), "m": ints(-1)})
    yield "shape-slice", model(
        [node("Shape", "x", "s", start=1, end=3), node("ConstantOfShape", "s", "c",
         value=numpy_helper.from_array(np.array([2], np.float32))), node("Mul", "x c")], (2, 4, 3), opset=15)
    yield "constant-of-shape-default", model([node("ConstantOfShape", "s", "c"), node("Add", "x c")], (2, 3), {"s": ints(2, 3)})
    yield "constant-output", model(node("Relu", "c"), (3,), {"c": weights(4)})
    yield "initialiser-output", model([], (3,), {"y": weights(4)})
    yield "input-output", model([], (3,), outputs="x")


def selections():
    yield "concat", model(node("Concat", "x c x", axis=1), (2, 3), {"c": weights(2, 4)})
    yield "concat-negative", model(node("Concat", "c x", axis=-2), (2, 3), {"c": weights(1, 3)})
    yield "concat-default", model(node("Concat", "x c"), (2, 3), {"c": weights(2, 1)}, opset=3)
    yield "concat-branches", model(
        [node("Gemm", "x w", "a"), node("Gemm", "x v", "b"), node("Concat", "a b x", "c", axis=1), node("Relu", "c")],
        (1, 3), {"w": weights(3, 4), "v": weights(3, 2)})
    yield "concat-convs", model(
        [node("Conv", "x w", "a"), node("Conv", "x v", "b"), node("Concat", "a b", "c", axis=1), node("Relu", "c", "d"),
         node("Conv", "d u")], (1, 3, 5, 5), {"w": weights(2, 3, 2, 2), "v": weights(1, 3, 2, 2), "u": weights(2, 3, 3, 3)})
    yield "slice-attribute", model(node("Slice", "x", starts=[1, 0], ends=[3, -1], axes=[1, 0]), (3, 4), opset=9)
    for s, e, a, k in [((1,), (3,), (1,), (1,)), ((-3, 0), (99, 2), (0, 1), (2, 1)), ((3, 3), (0, -99), (0, 1), (-1, -2)),
                       ((0,), (2**63 - 1,), (-1,), (1,)), ((-1,), (-2**63,), (0,), (-1,)), ((9,), (0,), (0,), (-3,))]:
        yield f"slice-{s}-{e}-{a}-{k}", model(node("Slice", "x s e a k"), (4, 4),
                                              {"s": ints(*s), "e": ints(*e), "a": ints(*a), "k": ints(*k)})
    yield "slice-backwards-from-before", model([node("Slice", "c s e a k", "d"), node("Concat", "x d", axis=0)], (2,), {
        "c": weights(4), "s": ints(-9), "e": ints(-2), "a": ints(0), "k": ints(-1)})
    yield "slice-no-axes", model(node("Slice", "x s e"), (3, 4), {"s": ints(1), "e": ints(2)})
    for k in range(3):
        yield f"split-{k}", model(node("Split", "x", "a b c", axis=1), (2, 6), outputs="abc"[k])
        yield f"split-sizes-{k}", model(node("Split", "x s", "a b c", axis=-1), (2, 6), {"s": ints(1, 3, 2)}, outputs="abc"[k])
        yield f"split-attribute-{k}", model(node("Split", "x", "a b c", split=[1, 3, 2]), (6, 2), outputs="abc"[k], opset=11)
        yield f"split-18-{k}", model(node("Split", "x", "a b c", num_outputs=3), (7,), outputs="abc"[k], opset=18)
    yield "split-join", model([node("Gemm", "x w", "h"), node("Split", "h", "a b", axis=1), node("Relu", "a", "c"),
                               node("Sub", "c b")], (1, 3), {"w": weights(3, 8)})
    yield "gather-scalar", model(node("Gather", "x i", axis=1), (3, 4), {"i": np.int64(2)})
    yield "gather-matrix", model(node("Gather", "x i", axis=-1), (2, 4), {"i": ints(0, -1, 2, 0).reshape(2, 2)})
    yield "gather-int32", model(node("Gather", "x i"), (4,), {"i": np.array([3, 1], np.int32)})
    yield "pad-attribute", model(node("Pad", "x", pads=[1, 0, 0, 2], value=.5), (2, 3), opset=2)
    yield "pad-paddings", model(node("Pad", "x", paddings=[1, 0, 0, 2]), (2, 3), opset=1, ir=3)
    yield "pad-input", model(node("Pad", "x p v"), (2, 3), {"p": ints(0, 1, 2, 0), "v": np.float32(-1)})
    yield "pad-negative", model(node("Pad", "x p"), (3, 4), {"p": ints(-1, 1, 1, -2)})
    yield "pad-axes", model(node("Pad", "x p v a"), (3, 4), {"p": ints(1, 2), "v": np.float32(3), "a": ints(-1)}, opset=18)
    yield "pad-axes-no-value", model(node("Pad", ["x", "p", "", "a"]), (3, 4), {"p": ints(1, 2), "a": ints(0)}, opset=18)
    yield "pad-edge", model(node("Pad", "x p", mode="edge"), (3, 4), {"p": ints(2, 1, 0, 3)})
    yield "pad-reflect", model(node("Pad", "x p", mode="reflect"), (3, 4), {"p": ints(2, 1, 0, 3)})
    yield "pad-conv", model([node("Pad", "x p", "z"), node("Conv", "z w")], (1, 3, 4, 4),
                            {"p": ints(0, 0, 1, 1, 0, 0, 1, 1), "w": weights(2, 3, 3, 3)})
    yield "slice-gemm", model([node("Slice", "x s e", "z"), node("Flatten", "z", "f", axis=0), node("Gemm", "f w")],
                              (40,), {"s": ints(3), "e": ints(6), "w": weights(3, 2)})


def graphs():
    w, v = weights(3, 4), weights(4, 3)
    skip = [node("Gemm", "x w", "a"), node("Relu", "a", "b"), node("Gemm", "b v", "c"), node("Add", "c x", "d"), node("Relu", "d")]
    yield "skip", model(skip, (1, 3), {"w": w, "v": v})
    yield "unsorted", model(skip[::-1], (1, 3), {"w": w, "v": v})
    yield "branches", model(
        [node("Gemm", "x w", "a"), node("Relu", "a", "p"), node("Neg", "a", "b"), node("Relu", "b", "q"), node("Add", "p q")],
        (1, 3), {"w": w})
    yield "pre-activation-residual", model(
        [node("Gemm", "x w", "h0"), node("Relu", "h0", "r0"), node("Gemm", "r0 v", "g0"), node("Gemm", "g0 w", "k0"),
         node("Add", "h0 k0", "h1"), node("Relu", "h1", "r1"), node("Gemm", "r1 u", "k1"), node("Add", "h1 k1", "h2"),
         node("Relu", "h2", "r2"), node("Sub", "r2 h1")], (1, 3), {"w": w, "v": v, "u": weights(4, 4)})
    yield "join-gemm", model(
        [node("Gemm", "x w", "a"), node("Relu", "a", "b"), node("Concat", "x b", "c", axis=1), node("Gemm", "c u")],
        (1, 3), {"w": w, "u": weights(7, 2)})
    yield "sum-gemm", model(
        [node("Gemm", "x w", "a"), node("Relu", "a", "b"), node("Gemm", "b v", "c"), node("Relu", "c", "d"),
         node("Add", "d x", "e"), node("Gemm", "e w")], (1, 3), {"w": w, "v": v})
    yield "same-source-dense", model([node("Gemm", "x w", "a"), node("Gemm", "x v", "b"), node("Add", "a b")],
                                     (1, 3), {"w": w, "v": weights(3, 4)})
    yield "same-source-conv", model([node("Conv", "x w", "a"), node("Conv", "x v", "b"), node("Sub", "a b")],
                                    (1, 2, 4, 4), {"w": weights(3, 2, 2, 2), "v": weights(3, 2, 2, 2)})
    yield "relu-relu", model([node("Relu", "x", "a"), node("Relu", "a")], (3,))
    yield "relu-output-not-last", model(
        [node("Relu", "x", "y"), node("Neg", "x", "z"), node("Relu", "z", "u"), node("Add", "y u", "t")], (3,))
    yield "dead-unsupported-node", model([node("Sigmoid", "x", "z"), node("Relu", "x")], (3,))
    yield "newest-opset", model(node("Gemm", "x w"), (1, 3), {"w": w}, opset=NEWEST_OPSET)
    same = model(node("Gemm", "x w"), (1, 3), {"w": w})
    same.opset_import.append(helper.make_opsetid("ai.onnx", 13))
    same.opset_import.append(helper.make_opsetid("com.example", 1))
    yield "same-opset-twice", same
    absent = model(node("Relu", ["x", ""]), (3,))
    yield "absent-surplus-input", absent
    bare = model(node("Concat", "x x", axis=0), (2, 3))
    bare.graph.node[0].attribute[0].ClearField("i")  # protocol buffers 3 leave out zeros
    yield "zero-attribute-left-out", bare
    bare = model(node("Flatten", "x", axis=2), (2, 3, 4))
    bare.graph.node[0].attribute[0].ClearField("type")
    yield "attribute-without-type", bare
    yield "free-batch", model(node("Gemm", "x w"), ("N", 3), {"w": w})
    yield "zero-batch", model(node("Gemm", "x w"), (0, 3), {"w": w})
    listed = [helper.make_tensor_value_info("w", TensorProto.FLOAT, (3, 4))]
    yield "ir3-initialisers-as-inputs", model(node("Gemm", "x w c"), (1, 3), {"w": w, "c": weights(4)}, opset=7, ir=3,
                                              extra_inputs=listed)
    yield "double-input", model(node("Relu", "x"), (3,), input_type=TensorProto.DOUBLE)
    typed = model(node("Gemm", "x w"), (1, 3))
    typed.graph.initializer.append(helper.make_tensor("w", TensorProto.FLOAT, (3, 2), weights(6)))
    yield "typed-float-data", typed
    for kind in ("FLOAT16", "DOUBLE"):
        typed = model([node("Cast", "w", "v", to=1), node("Gemm", "x v")], (1, 3))
        typed.graph.initializer.append(helper.make_tensor("w", getattr(TensorProto, kind), (3, 2), weights(6)))
        yield f"typed-{kind}", typed
    for kind in ("INT8", "UINT8", "INT16", "UINT16", "INT32", "UINT32", "INT64", "UINT64", "BOOL"):
        values = np.array([0, 1, 1, 0, 1, 1]) if kind == "BOOL" else np.arange(6)
        low = -3 if kind.startswith("I") else 0
        for raw in (False, True):
            made = model([node("Cast", "w", "v", to=1), node("Gemm", "x v")], (1, 3))
            if raw:
                dtype = onnx.mapping.TENSOR_TYPE_TO_NP_TYPE[getattr(TensorProto, kind)]
                tensor = numpy_helper.from_array((values + low).reshape(3, 2).astype(dtype), "w")
            else:
                tensor = helper.make_tensor("w", getattr(TensorProto, kind), (3, 2), values + low)
            made.graph.initializer.append(tensor)
            yield f"{kind}-{'raw' if raw else 'typed'}", made


def agreeing():
    for group in (elementwise, batch_norm, matrices, windows, window_sweep, reductions, shapes, selections, graphs):
        yield from group()


# ---- Refusals ----------------------------------------------------------------------------------

LATER = "LeakyRelu MaxPool Clip Abs PRelu Max Min GlobalMaxPool HardSigmoid".split()
CURVED = "Sigmoid Tanh Exp Log Sqrt Pow Erf Softplus Elu Sin LSTM Reciprocal".split()


def bad_attributes():
    twice = model(node("Flatten", "x", axis=1), (2, 3))
    twice.graph.node[0].attribute.append(helper.make_attribute("axis", 0))
    yield "attribute-twice", twice, ["attribute 'axis' is given twice"]
    twice = model(node("Dropout", "x", seed=1), (3,))
    twice.graph.node[0].attribute.append(helper.make_attribute("seed", 2))
    yield "ignored-attribute-twice", twice, ["attribute 'seed' is given twice"]
    other = model(node("Flatten", "x", axis=1.5), (2, 3))
    other.graph.node[0].attribute[0].ClearField("type")
    yield "attribute-in-other-field", other, ["attribute 'axis' must hold an integer, found a value of another type"]
    other = model(node("Flatten", "x", axis=1.5), (2, 3))
    other.graph.node[0].attribute[0].type = onnx.AttributeProto.INT
    yield "attribute-typed-in-other-field", other, ["must hold an integer, found a value of another type"]
    other = model(node("Flatten", "x", axis=["a"]), (2, 3))
    other.graph.node[0].attribute[0].type = onnx.AttributeProto.INT
    yield "attribute-in-unread-field", other, ["must hold an integer, found a value of another type"]
    none = model(node("Transpose", "x", perm=[1, 0]), (2, 3))
    none.graph.node[0].attribute[0].ClearField("ints")
    none.graph.node[0].attribute[0].ClearField("type")
    yield "attribute-without-value", none, ["attribute 'perm' must hold a list of integers, found no value"]
    two = model(node("Flatten", "x", axis=1), (2, 3))
    two.graph.node[0].attribute[0].ints.append(0)
    yield "attribute-with-two-values", two, ["attribute 'axis' must hold one value, found 2"]
    many = model(node("Relu", "x"), (3,))
    for i in range(65):
        many.graph.node[0].attribute.append(helper.make_attribute(f"a{i}", i))
    yield "many-attributes", many, ["at most 64 attributes, found 65"]


def bad_inputs():
    axes = {"a": ints(1)}
    for op, opset in (("ReduceMean", 13), ("ReduceMean", 17), ("ReduceSum", 11), ("Squeeze", 12), ("Unsqueeze", 12)):
        yield f"{op}-{opset}-axes-input", model(node(op, "x a"), (2, 1, 3), axes, opset=opset), [
            f"at most 1 input for this operator in opset {opset}, found 2"]
    for opset in (1, 12):
        yield f"split-{opset}-input", model(node("Split", "x s", "y z", axis=0), (6,), {"s": ints(2, 4)}, opset=opset), [
            f"at most 1 input for this operator in opset {opset}, found 2"]
    yield "slice-9-inputs", model(node("Slice", "x s e", starts=[0], ends=[1]), (6,), {"s": ints(2), "e": ints(4)}, opset=9), ["at most 1 input"]
    yield "pad-10-input", model(node("Pad", "x p", pads=[1, 1]), (3,), {"p": ints(0, 1)}, opset=10), ["at most 1 input"]
    yield "pad-17-axes", model(node("Pad", "x p v a"), (3, 4), {"p": ints(1, 2), "v": np.float32(3), "a": ints(1)}, opset=17), ["at most 3 inputs"]
    yield "reshape-4-input", model(node("Reshape", "x s", shape=[3]), (3,), {"s": ints(1, 3)}, opset=4), ["at most 1 input"]
    yield "dropout-7-input", model(node("Dropout", "x r", ratio=.5), (3,), {"r": np.float32(.5)}, opset=7), ["at most 1 input"]
    for op, most in (("Relu", 1), ("Identity", 1), ("Neg", 1), ("Transpose", 1), ("GlobalAveragePool", 1)):
        yield f"{op}-surplus-input", model(node(op, "x c"), (1, 3, 2), {"c": weights(1)}), [f"at most {most} input"]
    for op in ("Add", "Sub", "Mul", "Div", "MatMul"):
        yield f"{op}-surplus-input", model(node(op, "x c c"), (2, 2), {"c": weights(2, 2)}), ["at most 2 inputs"]
    yield "gemm-surplus-input", model(node("Gemm", "x c c c"), (2, 2), {"c": weights(2, 2)}), ["at most 3 inputs"]
    yield "constant-surplus-input", model([node("Constant", "k", "c", value_float=.5), node("Add", "x c")], (2,), {"k": weights(2)}), ["at most 0 inputs"]
    for op in "Add Sub Mul Div".split():
        for name, shape, other, more in [("full-rank-axis", (2, 3, 3), (2, 3, 3), {"axis": 1}), ("overhang", (3, 3), (3, 3), {"axis": 1}),
                                         ("middle", (2, 3, 4), (2, 3), {}), ("longer", (3,), (2, 3), {}), ("wider", (1, 3), (2, 3), {})]:
            yield f"{op}-opset6-{name}", model(node(op, "x c", broadcast=1, **more), shape, {"c": weights(*other)}, opset=6), [
                "cannot be stretched to the first"]


def bad_models():
    w = {"w": weights(3, 4)}
    for op in LATER:
        yield op, model(node(op, "x"), (1, 3)), [f"{op} is not supported yet", "output 'y'"]
    for op in CURVED:
        yield op, model(node(op, "x"), (1, 3)), [f"{op} is not piecewise linear", "output 'y'"]
    for op in ("Softmax", "LogSoftmax"):
        yield op, model([node("Gemm", "x w", "z"), node(op, "z")], (1, 3), w), [op, "strip it", "'z'"]
    yield "named-node", model(helper.make_node("Frobnicate", ["x"], ["y"], name="n7"), (3,)), ["node 'n7' (Frobnicate)"]
    yield "domain", model(helper.make_node("Relu", ["x"], ["y"], domain="com.example"), (3,)), ["com.example"]
    yield "attribute", model(node("Relu", "x", slope=.1), (3,)), ["attribute 'slope' is not known"]
    yield "attribute-type", model(node("Flatten", "x", axis=1.5), (2, 3)), ["attribute 'axis' must be an integer"]
    yield from bad_attributes()
    yield from bad_inputs()
    yield "product", model(node("Mul", "x x"), (3,)), ["both factors depend"]
    yield "matrix-product", model(node("MatMul", "x x"), (3, 3)), ["both factors depend"]
    yield "quotient", model([node("Div", "c x")], (3,), {"c": weights(3)}), ["divisor depends"]
    yield "zero-division", model(node("Div", "x c"), (3,), {"c": np.array([1, 0, 2], np.float32)}), ["division by zero"]
    yield "variable-weights", model([node("Reshape", "x s", "v"), node("Conv", "c v")], (16,),
                                    {"s": ints(1, 1, 4, 4), "c": weights(1, 1, 5, 5)}), ["weights depend"]
    yield "two-outputs", model([node("Relu", "x", "a"), node("Neg", "x", "b")], (3,), outputs="a b"), ["one output", "'a'", "'b'"]
    yield "two-inputs", model(node("Add", "x z"), (3,), extra_inputs=[
        helper.make_tensor_value_info("z", TensorProto.FLOAT, (3,))]), ["one input", "'x'", "'z'"]
    yield "cycle", model([node("Add", "x b", "a"), node("Relu", "a", "b"), node("Neg", "b")], (3,)), ["cycle"]
    yield "self-cycle", model([node("Add", "x y")], (3,)), ["cycle"]
    yield "undefined", model(node("Add", "x nowhere"), (3,)), ["nothing defines", "'nowhere'"]
    yield "undefined-output", model(node("Relu", "x", "z"), (3,)), ["nothing defines", "'y'"]
    yield "defined-twice", model([node("Relu", "x"), node("Neg", "x")], (3,)), ["defined twice", "'y'"]
    yield "too-few-inputs", model(node("Add", "x"), (3,)), ["input number 2"]
    yield "free-dimension", model(node("Relu", "x"), (1, "H")), ["only the first dimension", "'H'"]
    yield "integer-input", model(node("Relu", "x"), (3,), input_type=TensorProto.INT64), ["input 'x'", "INT64"]
    yield "huge-input", model(node("Relu", "x"), (2**40, 2**40)), ["too large"]
    yield "wide-input", model(node("Relu", "x"), (1,) * 17), ["at most 16 dimensions, found 17"]
    yield "huge-constant", model([node("ConstantOfShape", "s", "c"), node("Add", "x c")], (1,), {"s": ints(2**31, 2**31)}), ["too large"]
    yield "negative-constant", model([node("ConstantOfShape", "s", "c"), node("Add", "x c")], (1,), {"s": ints(-2)}), ["at least 0, found -2"]
    yield "huge-broadcast", model(node("Add", "x c"), (2**20, 1), {"c": weights(1, 1000)}), ["too large"]
    yield "huge-product", model(node("MatMul", "x w"), (4096, 2048), {"w": weights(2048, 8)}), ["matrix of"]
    yield "budget", model([node("Relu", f"t{i}" if i else "x", f"t{i + 1}") for i in range(30)] + [node("Neg", "t30")],
                          (2**22,)), ["needs more numbers"]
    yield "shapes", model(node("Add", "x c"), (3,), {"c": weights(4)}), ["shapes 3 and 4 do not fit"]
    yield "mixed-kinds", model(node("Add", "x c"), (3,), {"c": ints(1, 2, 3)}), ["FLOAT and INT64"]
    yield "gemm-rank", model(node("Gemm", "x w"), (1, 1, 3), w), ["must be a matrix", "1x1x3"]
    yield "gemm-shapes", model(node("Gemm", "x w"), (1, 5), w), ["1x5 and 3x4"]
    yield "gemm-bias", model(node("Gemm", "x w c"), (1, 3), {**w, "c": weights(2, 4)}), ["third input", "2x4"]
    yield "matmul-scalar", model(node("MatMul", "x w"), (), w), ["scalar"]
    yield "conv-channels", model(node("Conv", "x w"), (1, 2, 5, 5), {"w": weights(4, 3, 2, 2)}), ["do not fit", "1x2x5x5"]
    yield "conv-groups", model(node("Conv", "x w", group=2), (1, 3, 5, 5), {"w": weights(4, 3, 2, 2)}), ["do not fit"]
    yield "conv-zero-groups", model(node("Conv", "x w", group=0), (1, 3, 5, 5), {"w": weights(4, 3, 2, 2)}), ["1 to 3 groups, found 0"]
    yield "conv-large-kernel", model(node("Conv", "x w"), (1, 3, 2, 2), {"w": weights(4, 3, 3, 3)}), ["does not fit an image"]
    yield "conv-3d", model(node("Conv", "x w"), (1, 1, 4, 4, 4), {"w": weights(1, 1, 2, 2, 2)}), ["one or two spatial"]
    yield "conv-strides", model(node("Conv", "x w", strides=[0, 1]), (1, 3, 5, 5), {"w": weights(4, 3, 2, 2)}), ["positive entries of attribute strides, found 0"]
    yield "conv-pads", model(node("Conv", "x w", pads=[-1, 0, 0, 0]), (1, 3, 5, 5), {"w": weights(4, 3, 2, 2)}), ["at least 0, found -1"]
    yield "conv-npads", model(node("Conv", "x w", pads=[1, 1]), (1, 3, 5, 5), {"w": weights(4, 3, 2, 2)}), ["pads has 2 entries"]
    yield "conv-kernel-shape", model(node("Conv", "x w", kernel_shape=[3, 3]), (1, 3, 5, 5), {"w": weights(4, 3, 2, 2)}), ["kernel_shape"]
    yield "conv-auto-pad", model(node("Conv", "x w", auto_pad="SOME"), (1, 3, 5, 5), {"w": weights(4, 3, 2, 2)}), ["auto_pad 'SOME'"]
    yield "conv-bias", model(node("Conv", "x w b"), (1, 3, 5, 5), {"w": weights(4, 3, 2, 2), "b": weights(3)}), ["bias has 3"]
    yield "pool-kernel", model(node("AveragePool", "x"), (1, 3, 5, 5)), ["kernel_shape is missing"]
    yield "pool-overrun", model(node("AveragePool", "x", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1, count_include_pad=1),
                                (1, 1, 5, 5)), ["different things"]
    yield "pool-empty-window", model(node("AveragePool", "x", kernel_shape=[1, 1], pads=[1, 1, 1, 1]), (1, 1, 3, 3)), ["wholly in the padding"]
    stats = {"s": weights(3), "b": weights(3), "m": weights(3), "v": weights(3) ** 2}
    yield "bn-training", model(node("BatchNormalization", "x s b m v", "y p q", training_mode=1), (1, 3), stats, opset=15), ["training mode"]
    yield "bn-legacy-training", model(node("BatchNormalization", "x s b m v"), (1, 3), stats, opset=6), ["training mode"]
    yield "bn-spatial", model(node("BatchNormalization", "x s b m v", spatial=0), (1, 3), stats, opset=7), ["spatial"]
    yield "bn-channels", model(node("BatchNormalization", "x s b m v"), (1, 4), stats), ["3 numbers for 4 channels"]
    yield "bn-variance", model(node("BatchNormalization", "x s b m v"), (1, 3), {**stats, "v": -weights(3) ** 2 - 1}), ["not positive"]
    yield "dropout-training", model(node("Dropout", "x r t"), (3,), {"r": np.float32(.5), "t": np.bool_(True)}), ["training mode"]
    yield "dropout-mask", model([node("Dropout", "x", "a mask"), node("Cast", "mask", "m", to=1), node("Relu", "m")], (3,)), ["not supported"]
    yield "cast-to-integer", model(node("Cast", "x", to=TensorProto.INT64), (3,)), ["not piecewise linear"]
    yield "cast-overflow", model([node("Cast", "c", "d", to=TensorProto.INT8), node("Cast", "d", "e", to=1), node("Add", "x e")],
                                 (1,), {"c": ints(300)}), ["300", "INT8"]
    yield "reshape-size", model(node("Reshape", "x s"), (2, 3), {"s": ints(4, 2)}), ["2x3", "cannot take"]
    yield "reshape-two-unknown", model(node("Reshape", "x s"), (2, 3), {"s": ints(-1, -1)}), ["entry 1", "-1"]
    yield "reshape-indivisible", model(node("Reshape", "x s"), (2, 3), {"s": ints(4, -1)}), ["cannot take"]
    yield "reshape-overflow", model(node("Reshape", "x s"), (2, 3), {"s": ints(2**62, 2**62, -1)}), ["too large"]
    yield "reshape-variable", model(node("Reshape", "x x"), (1,)), ["must be a constant"]
    yield "reshape-float-shape", model(node("Reshape", "x s"), (2, 3), {"s": weights(2)}), ["must hold integers"]
    yield "flatten-axis", model(node("Flatten", "x", axis=4), (2, 3)), ["axis 4 is outside"]
    yield "transpose-perm", model(node("Transpose", "x", perm=[0, 0]), (2, 3)), ["no permutation"]
    yield "transpose-length", model(node("Transpose", "x", perm=[0]), (2, 3)), ["perm has 1"]
    yield "squeeze-length", model(node("Squeeze", "x a"), (2, 3), {"a": ints(0)}), ["has not length 1"]
    yield "squeeze-old-form", model(node("Squeeze", "x", axes=[0]), (1, 3), opset=13), ["attribute 'axes' is not known"]
    yield "unsqueeze-twice", model(node("Unsqueeze", "x a"), (3,), {"a": ints(0, 0)}), ["given twice"]
    yield "unsqueeze-outside", model(node("Unsqueeze", "x a"), (3,), {"a": ints(5)}), ["axis 5 is outside"]
    yield "concat-shapes", model(node("Concat", "x c", axis=0), (2, 3), {"c": weights(2, 4)}), ["2x3 and 2x4"]
    yield "concat-no-axis", model(node("Concat", "x c"), (2, 3), {"c": weights(2, 3)}, opset=4), ["attribute axis is missing"]
    yield "concat-axis", model(node("Concat", "x c", axis=2), (2, 3), {"c": weights(2, 3)}), ["axis 2 is outside"]
    yield "split-sizes", model(node("Split", "x s", "y z"), (6,), {"s": ints(1, 3)}), ["cannot be split"]
    yield "split-odd", model(node("Split", "x", "y z"), (5,)), ["cannot be split"]
    yield "split-negative", model(node("Split", "x s", "y z"), (6,), {"s": ints(-1, 7)}), ["cannot be split"]
    yield "slice-step", model(node("Slice", "x s e a k"), (6,), {"s": ints(0), "e": ints(3), "a": ints(0), "k": ints(0)}), ["step other than 0"]
    yield "slice-backwards-before-start", model(node("Slice", "x s e a k"), (6,), {
        "s": ints(-9), "e": ints(-12), "a": ints(0), "k": ints(-1)}), ["different things in different runtimes"]
    yield "slice-lists", model(node("Slice", "x s e"), (6,), {"s": ints(0), "e": ints(3, 4)}), ["lists of one length"]
    yield "slice-empty", model(node("Slice", "x s e"), (6,), {"s": ints(4), "e": ints(2)}), ["no elements"]
    yield "gather-outside", model(node("Gather", "x i"), (6,), {"i": ints(6)}), ["index 6 is outside"]
    yield "gather-variable", model(node("Gather", "c x"), (1,), {"c": weights(3)}), ["must be a constant"]
    yield "pad-mode", model(node("Pad", "x p", mode="wrap"), (3,), {"p": ints(1, 1)}), ["mode 'wrap'"]
    yield "pad-length", model(node("Pad", "x p"), (3,), {"p": ints(1, 1, 1)}), ["expected 2 paddings"]
    yield "pad-crop", model(node("Pad", "x p"), (3,), {"p": ints(-2, -2)}), ["cannot pad"]
    yield "pad-reflect", model(node("Pad", "x p", mode="reflect"), (3,), {"p": ints(3, 0)}), ["too short"]
    for mode in ("constant", "edge"):
        yield f"pad-axes-twice-{mode}", model(node("Pad", ["x", "p", "", "a"], mode=mode), (3, 4), {
            "p": ints(1, 0, 0, 1), "a": ints(1, -1)}, opset=18), ["axis 1 is given twice"]
    yield "pad-huge", model(node("Pad", "x p"), (3,), {"p": ints(2**62, 2**62)}), ["cannot pad"]
    yield "string-constant", model([node("Constant", "", "c", value_string="text"), node("Add", "x c")], (3,)), ["value_float(s)"]
    yield "opset", model(node("Relu", "x"), (3,), opset=0), ["operator set"]
    for opset in (NEWEST_OPSET + 1, 99, 2**62):
        yield f"opset-{opset}", model(node("Relu", "x"), (3,), opset=opset), [
            f"operator set is read up to version {NEWEST_OPSET}, this model needs {opset}"]
    for first, second in ((13, 11), (11, 13)):
        conflict = model(node("Relu", "x"), (3,), opset=first)
        conflict.opset_import.append(helper.make_opsetid("ai.onnx", second))
        yield f"opsets-{first}-{second}", conflict, [f"one version of the standard operator set, found {first} and {second}"]
    yield "printable", model(helper.make_node("Frobnicate", ["x"], ["y"], name="a\x1b[2J\n\u009bb\u20ac"), (3,)), [
        "node 'a?[2J???b\u20ac'"]
    yield "old-ir", model(node("Relu", "x"), (3,), ir=2), ["IR version 3"]
    yield "integer-output", model([node("Shape", "x")], (3,)), ["output 'y'", "INT64"]
    for bad in (np.nan, np.inf):
        yield f"{bad}-weight", model(node("Mul", "x c"), (3,), {"c": np.array([1, bad, 2], np.float32)}), [
            "initialiser 'c'", "finite", "element 1"]
    yield "overflow", model(node("Mul", "z c", "y"), (3,), {"c": np.array([1e300], np.float64)}), ["'z'"]
    big = {"c": np.array([1e300], np.float64)}
    yield "fold-overflow", model([node("Mul", "x c", "z"), node("Mul", "z c")], (3,), big), ["overflows"]
    truncated = model(node("Mul", "x c"), (3,), {"c": weights(3)})
    truncated.graph.initializer[0].raw_data = b"1234567"
    yield "short-raw-data", truncated, ["needs 12 bytes", "has 7"]
    truncated = model(node("Mul", "x c"), (3,))
    truncated.graph.initializer.append(TensorProto(name="c", dims=[3], data_type=1, float_data=[1, 2]))
    yield "short-typed-data", truncated, ["needs 3 numbers", "has 2"]
    strange = model(node("Mul", "x c"), (3,))
    strange.graph.initializer.append(TensorProto(name="c", dims=[1 << 40, 1 << 40], data_type=1))
    yield "huge-initialiser", strange, ["too large"]
    strange = model(node("Mul", "x c"), (3,))
    strange.graph.initializer.append(TensorProto(name="c", dims=[-1], data_type=1))
    yield "negative-initialiser", strange, ["negative dimension"]
    strange = model(node("Mul", "x c"), (3,))
    strange.graph.initializer.append(TensorProto(name="c", dims=[1], data_type=14, float_data=[1, 2]))
    yield "complex-initialiser", strange, ["COMPLEX64"]
    shapeless = model(node("Relu", "x"), (3,))
    shapeless.graph.input[0].type.tensor_type.ClearField("shape")
    yield "no-shape", shapeless, ["expected a tensor with a shape"]
    empty = model(node("Relu", "x"), (3,))
    empty.ClearField("graph")
    yield "no-graph", empty, ["expected one graph"]
    sparse = model(node("Relu", "x"), (3,))
    sparse.graph.sparse_initializer.add()
    yield "sparse-initialiser", sparse, ["sparse"]


def refused():
    for name, made, fragments in bad_models():
        yield name, made.SerializeToString(), fragments
    good = model([node("Gemm", "x w", "h"), node("Relu", "h")], (1, 3), {"w": weights(3, 4)}).SerializeToString()
    for cut in (len(good) - 1, len(good) // 2, len(good) // 3):
        yield f"truncated-{cut}", good[:cut], []
