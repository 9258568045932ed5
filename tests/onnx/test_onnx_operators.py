#!/usr/bin/python3
"""Every operator, form and refusal of the ONNX reader, on small models.

    test_onnx_operators.py PROGRAM

Three parts: models of models.py against numpy; models that must be refused; and the node tests that
ONNX publishes (Debian package libonnx-testdata), whose outputs come from neither implementation.
"""
import glob
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
import harness
import models
import numpy_onnx

NODE_TESTS = "/usr/share/libonnx-testdata/data"
FEWEST_NODE_TESTS = 210
FEWEST_MODELS = 743
OUTSIDE = ("training", "3d", "dropout_random_old", "_mask")


def test_agreeing(test, scratch):
    path = os.path.join(scratch, "model.onnx")
    rng = np.random.default_rng(5)
    count = 0
    for name, model in models.agreeing():
        onnx.save(model, path)
        x = rng.standard_normal(numpy_onnx.input_shape(model))
        test.agrees(name, path, x, numpy_onnx.evaluate(model, x)[0], 1e-9)
        count += 1
    if count < FEWEST_MODELS:
        test.fail("models", f"only {count} models ran, expected {FEWEST_MODELS}")
    print(f"{count} models compared with numpy")


def test_refused(test, scratch):
    path = os.path.join(scratch, "model.onnx")
    for name, content, fragments in models.refused():
        with open(path, "wb") as file:
            file.write(content)
        test.refused(name, path, 1, *fragments)


# ---- External data -----------------------------------------------------------------------------


def external_model(location, offset=None, length=None):
    model = models.model(models.node("Mul", "x c"), (3,))
    tensor = TensorProto(name="c", dims=[3], data_type=1, data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        if value is not None:
            tensor.external_data.add(key=key, value=str(value))
    model.graph.initializer.append(tensor)
    return model


def test_external(test, scratch):
    folder = os.path.join(scratch, "external")
    os.makedirs(os.path.join(folder, "sub"))
    values = np.array([1.5, -2, .25], np.float32)
    for name in ("w.bin", "sub/w.bin"):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(b"skip" + values.tobytes())
    with open(os.path.join(scratch, "outside.bin"), "wb") as file:
        file.write(values.tobytes())
    os.mkfifo(os.path.join(folder, "pipe"))
    path = os.path.join(folder, "model.onnx")
    x = np.array([1., 2, 3])
    for location, offset, length in [("w.bin", 4, 12), ("w.bin", 4, None), ("sub/w.bin", "4", 12),
                                     ("./w.bin", 4, 12), ("sub/./w.bin", 4, 12)]:
        onnx.save_model(external_model(location, offset, length), path)
        test.agrees(f"external {location}", path, x, values * x)
    for location, offset, length, fragment in [
        ("absent.bin", 0, 12, "is not there"), ("w.bin", 8, 12, "it has 16"), ("w.bin", 4, 16, "its length is 16"),
        ("w.bin", 2**60, 12, "number of bytes as offset"), ("w.bin", -4, 12, "number of bytes as offset"),
        ("w.bin", 2**50, 12, "it has 16"), ("w.bin", 4, "many", "number of bytes as length"),
        ("../outside.bin", 0, 12, "must lie in the model's folder"), ("sub/../../outside.bin", 0, 12, "must lie"),
        ("sub/..", 0, 12, "must lie"), (os.path.join(scratch, "outside.bin"), 0, 12, "must lie"),
        ("", 0, 12, "must lie"), (None, 0, 12, "must lie"), ("sub", 0, 12, "is not there"),
        ("pipe", 0, 12, "is not there")]:
        onnx.save_model(external_model(location, offset, length), path)
        test.refused(f"external {location}", path, 1, fragment)


def test_damaged(test, scratch):
    path = os.path.join(scratch, "model.onnx")
    good = models.model([models.node("Gemm", "x w", "h"), models.node("Relu", "h")], (1, 3),
                        {"w": models.weights(3, 4)})
    twice = good.SerializeToString()
    twice += onnx.ModelProto(graph=good.graph).SerializeToString()
    nested = b""
    for _ in range(2000):  # a graph in an attribute in a node in a graph ...
        for field in (6, 5, 1):
            head = bytes([field << 3 | 2])
            n, varint = len(nested), b""
            while n >= 128:
                varint += bytes([n & 127 | 128])
                n >>= 7
            nested = head + varint + bytes([n]) + nested
    deep = good.SerializeToString() + b"\x3a" + bytes([0x80 | len(nested) & 127, 0x80 | len(nested) >> 7 & 127,
                                                        len(nested) >> 14]) + nested
    crowd = onnx.ModelProto(ir_version=8).SerializeToString() + b"\x3a\x80\x80\x10" + b"\x0a\x00" * (2**17)
    for name, content in [("two graphs", twice), ("deep nesting", deep), ("empty nodes", crowd)]:
        with open(path, "wb") as file:
            file.write(content)
        test.refused(name, path, 1, "")


# ---- Published node tests ----------------------------------------------------------------------

def read_tensor(path):
    tensor = TensorProto()
    with open(path, "rb") as file:
        tensor.ParseFromString(file.read())
    return tensor


def supported_operators():
    return {name[3:] for name in dir(numpy_onnx) if name.startswith("op_")}


def fixed_inputs(model, folder):
    """Keep the first input; the others become initialisers with the test's data.  None: no such test."""
    constants = {t.name for t in model.graph.initializer}
    names = [i.name for i in model.graph.input]
    if not names or any(not i.type.HasField("tensor_type") for i in model.graph.input):
        return None
    if model.graph.input[0].type.tensor_type.elem_type not in numpy_onnx.FLOATS:
        return None
    first = read_tensor(os.path.join(folder, "input_0.pb"))
    declared = model.graph.input[0].type.tensor_type.elem_type
    if first.data_type != declared or not all(d > 0 for d in first.dims):  # two tests store other types
        return None
    for k, name in enumerate(names[1:], 1):
        if name not in constants:
            tensor = read_tensor(os.path.join(folder, f"input_{k}.pb"))
            tensor.name = name
            model.graph.initializer.append(tensor)
    for k, d in enumerate(model.graph.input[0].type.tensor_type.shape.dim):
        d.dim_value = first.dims[k]
    x = numpy_onnx.to_array(first)
    return x if np.isfinite(x).all() else None


def is_outside(name):
    """Tests of supported operators that the subset leaves out: training mode (batch statistics, random
    dropout), three spatial dimensions, masks of Dropout, and products of two varying tensors.  Tests
    whose first input is not one finite floating-point tensor, and outputs that are not floating-point
    or empty, are left out by the callers."""
    return any(word in name for word in OUTSIDE)


def tolerance_of(model):
    kinds = {model.graph.input[0].type.tensor_type.elem_type, model.graph.output[0].type.tensor_type.elem_type}
    return 2e-2 if TensorProto.BFLOAT16 in kinds else 2e-3 if TensorProto.FLOAT16 in kinds else 1e-5


def run_node_test(test, scratch, folder):
    """Number of outputs compared."""
    model = onnx.load(os.path.join(folder, "model.onnx"))
    data = os.path.join(folder, "test_data_set_0")
    name = os.path.basename(folder)
    if not {n.op_type.lower() for n in model.graph.node} <= supported_operators() or is_outside(name):
        return 0
    x = fixed_inputs(model, data)
    if x is None:
        return 0
    path = os.path.join(scratch, "node.onnx")
    outputs, count = list(model.graph.output), 0
    for k, output in enumerate(outputs):
        expected = read_tensor(os.path.join(data, f"output_{k}.pb"))
        if output.type.tensor_type.elem_type not in numpy_onnx.FLOATS or 0 in expected.dims:
            continue
        del model.graph.output[:]
        model.graph.output.append(output)
        onnx.save(model, path)
        test.agrees(f"{name} output {k}", path, x, numpy_onnx.to_array(expected), tolerance_of(model))
        count += 1
    return count


def test_published(test, scratch):
    if not os.path.isdir(NODE_TESTS):
        print("SKIPPED: the published node tests (package libonnx-testdata is not installed)")
        return
    folders = [os.path.dirname(p) for p in sorted(glob.glob(os.path.join(NODE_TESTS, "*", "*", "model.onnx")))]
    count = sum(run_node_test(test, scratch, folder) for folder in folders)
    if count < FEWEST_NODE_TESTS:
        test.fail("published", f"only {count} node tests ran, expected {FEWEST_NODE_TESTS}")
    print(f"{count} outputs of published node tests compared")


def main():
    with tempfile.TemporaryDirectory() as scratch:
        test = harness.Tester(sys.argv[1], scratch)
        for part in (test_agreeing, test_refused, test_external, test_damaged, test_published):
            part(test, scratch)
        test.finish()


if __name__ == "__main__":
    main()
