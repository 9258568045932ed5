#!/usr/bin/python3
"""Write the seeds of the ONNX fuzzing corpus: make_corpus.py FOLDER

The seeds are chosen among the models of models.py, good and bad, none above 700 bytes.  They were found
greedily: each one, in this order, adds the most lines and branches of the reader to those that the
ones before it reach; together they reach nine tenths of what all small models reach (the rest is
mostly one refusal per model, which a mutation of a seed finds).  Files of the folder that are no
seeds any more are removed."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import models

GOOD = [
    "split-join", "conv-slice", "shape-arithmetic", "constant-int", "gemm-10-(2, 1)",
    "pool-count-pads", "batchnorm-grouped-conv", "mean-of-gemm", "two-transposed-convs",
    "concat-branches", "Div-opset6-front", "pad-input", "shape-slice", "dropout-13",
    "constant-matmul", "typed-FLOAT16", "integer-arithmetic", "join-gemm",
    "slice-backwards-from-before", "slice-gemm", "conv-dilated-2d-into-padding",
    "same-source-conv", "sum-3", "cast-name", "constant-floats", "global-pool", "constant-float",
    "UINT32-typed", "pool-ceil-pads", "ReduceSum-all", "constant-output", "matmul-left-(3,)-(3,)",
    "pad-reflect", "same-source-dense", "pre-activation-residual", "reshape-[2, 0, 4]",
    "BOOL-typed", "squeeze-attribute",
]
BAD = [
    "pad-axes-twice-edge", "short-typed-data", "named-node", "squeeze-old-form",
    "attribute-in-unread-field", "cycle", "split-sizes", "Add-opset6-longer", "free-dimension",
    "defined-twice", "attribute-without-value", "huge-constant", "bn-legacy-training",
    "truncated-45", "undefined", "opsets-13-11", "Neg-surplus-input", "pool-empty-window",
    "gemm-shapes", "Softmax",
]


def seeds():
    """name: content, for the chosen names; a name that models.py does not know is an error."""
    good = {name: model.SerializeToString() for name, model in models.agreeing()}
    bad = {name: content for name, content, _ in models.refused()}
    return {**{name: good[name] for name in GOOD}, **{"bad-" + name: bad[name] for name in BAD}}


def file_name(name):
    return "".join(c if c.isalnum() or c in "+-" else "_" for c in name) + ".onnx"


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    files = {file_name(name): content for name, content in seeds().items()}
    for name in os.listdir(folder):
        if name.endswith(".onnx") and name not in files:
            os.remove(os.path.join(folder, name))
    for name, content in files.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content)


if __name__ == "__main__":
    main()
