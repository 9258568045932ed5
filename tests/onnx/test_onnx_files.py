#!/usr/bin/python3
"""Every .onnx file of the shared data: read and agreeing with numpy, or refused for the right reason.

    test_onnx_files.py PROGRAM [DATA]      DATA defaults to LIPCERT_DATA or ../shared/data
"""
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import numpy as np
import harness
import numpy_onnx

POINTS = 3

READ = """
acasxu/ACASXU_experimental_v2a_1_1 controllers/controllerTora
controllers/controller_single_pendulum conv/cifar_base_kw mnistfc/mnist-net_256x2
onnx-dialects/KJ_TinyTaxiNet onnx-dialects/constant_slice_test onnx-dialects/fc1
onnx-dialects/fc_2-2-3 onnx-dialects/fc_matMul onnx-dialects/layer-zoo/add
onnx-dialects/layer-zoo/batchnorm onnx-dialects/layer-zoo/cast_int_to_float
onnx-dialects/layer-zoo/constant onnx-dialects/layer-zoo/conv onnx-dialects/layer-zoo/dropout
onnx-dialects/layer-zoo/dropout_training_mode_false onnx-dialects/layer-zoo/flatten
onnx-dialects/layer-zoo/gemm onnx-dialects/layer-zoo/identity onnx-dialects/layer-zoo/matmul
onnx-dialects/layer-zoo/relu onnx-dialects/layer-zoo/reshape
onnx-dialects/layer-zoo/reshape_with_dimension_inference onnx-dialects/layer-zoo/squeeze
onnx-dialects/layer-zoo/squeeze_with_axes onnx-dialects/layer-zoo/sub
onnx-dialects/layer-zoo/transpose onnx-dialects/layer-zoo/unsqueeze
onnx-dialects/linear2-3_bn1-linear3-1 onnx-dialects/mnist2x10 onnx-dialects/resnet_2b
vnnlib/test_nano_vnncomp vnnlib/test_small_vnncomp vnnlib/test_tiny_vnncomp
""".split()

REFUSED = {
    "controllers/controller_5_20": ["Operation_1", "Gemm", "must be a matrix", "1x1x1x5"],
    "onnx-dialects/certificate_and_controller_mandal": ["one input", "'input_1'", "'input_2'"],
    "onnx-dialects/cnn_max_mninst2": ["MaxPool is not supported yet", "conv2d_15_1/Identity:0_pool"],
    "onnx-dialects/conv_mp1": ["MaxPool is not supported yet", "output '9'"],
    "onnx-dialects/layer-zoo/leakyRelu": ["LeakyRelu is not supported yet", "output 'y'"],
    "onnx-dialects/layer-zoo/maxpool": ["MaxPool is not supported yet", "output 'y'"],
    "onnx-dialects/layer-zoo/sigmoid": ["Sigmoid is not piecewise linear"],
    "onnx-dialects/layer-zoo/tanh": ["Tanh is not piecewise linear"],
    "onnx-dialects/mlp_L3_W16": ["LeakyRelu is not supported yet", "node_leaky_relu"],
    "onnx-dialects/mnist5x20_leaky_relu": ["LeakyRelu is not supported yet", "LeakyRelu_3"],
    "onnx-dialects/multiInput_add": ["one input", "'X1'", "'X2'"],
    "onnx-dialects/oneInput_twoBranches": ["one output", "'Y'", "'add1'"],
    "onnx-dialects/softmax-last-layer": ["Softmax", "strip it", "onnx::Softmax_13"],
}


def find_data(arguments):
    here = os.path.dirname(os.path.abspath(__file__))
    beside = os.path.join(here, "..", "..", "..", "shared", "data")
    return arguments[0] if arguments else os.environ.get("LIPCERT_DATA", beside)


def main():
    nets = os.path.join(find_data(sys.argv[2:]), "nets")
    if not os.path.isdir(nets):
        print(f"SKIPPED: no test data at {nets}")
        return 77
    files = {}
    for folder, _, names in os.walk(nets):
        for name in names:
            if name.endswith(".onnx"):
                path = os.path.join(folder, name)
                files[os.path.relpath(path, nets)[:-len(".onnx")]] = path
    rng = np.random.default_rng(2)
    with tempfile.TemporaryDirectory() as scratch:
        test = harness.Tester(sys.argv[1], scratch)
        for key in sorted(set(READ) | set(REFUSED) | set(files)):
            if key not in files:
                test.fail(key, "is listed but not there")
            elif key in REFUSED:
                test.refused(key, files[key], 1, *REFUSED[key])
            elif key in READ:
                model = numpy_onnx.load(files[key])
                for _ in range(POINTS):
                    x = rng.standard_normal(numpy_onnx.input_shape(model))
                    test.agrees(key, files[key], x, numpy_onnx.evaluate(model, x)[0])
            else:
                test.fail(key, "is neither expected to be read nor to be refused")
        test.finish()


if __name__ == "__main__":
    sys.exit(main())
