#!/usr/bin/env python3
"""Train the two example networks and write them as ONNX files.

    digits.onnx       64-32-32-10 ReLU classifier of the 8 x 8 digits that scikit-learn carries,
                      input pixel / 16 in [0, 1], output one score per digit
    controller.onnx   2-10-10-1 ReLU controller: (angle, angular velocity) of an inverted pendulum
                      -> torque, trained to imitate a torque-limited linear-quadratic regulator
    digits.csv        ten test images, one per digit: label, then 64 raw pixels 0..16

Plain numpy (Adam, decoupled weight decay) and fixed seeds; nothing is downloaded.  The graphs have
the form in which PyTorch's exporter writes nn.Sequential(Flatten, Linear, ReLU, ...): float32
initialisers named after their module, Flatten, Gemm with transB = 1, Relu.

    usage: train.py [FOLDER]      (default: the folder of this script)
"""
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from scipy.linalg import solve_continuous_are
from sklearn.datasets import load_digits

PIXEL_SCALE = 1 / 16

# The pendulum: angle'' = (g / l) angle + torque / (m l^2) about the upright position.
GRAVITY, LENGTH, MASS = 9.81, 1.0, 1.0
TORQUE_LIMIT = 8.0
STATE_BOX = np.array([1.0, 4.0])  # |angle| <= 1 rad, |angular velocity| <= 4 rad/s


# ---- Training ----------------------------------------------------------------------------------

def initialise(sizes, rng):
    """He initialisation: a list of (W, b), W of shape (outputs, inputs)."""
    return [(rng.normal(0, np.sqrt(2 / n), (m, n)), np.zeros(m))
            for n, m in zip(sizes[:-1], sizes[1:])]


def forward(layers, x):
    """The activations of all layers for rows x, input first, output (no ReLU) last."""
    h = [x]
    for k, (w, b) in enumerate(layers):
        z = h[-1] @ w.T + b
        h.append(z if k == len(layers) - 1 else np.maximum(z, 0))
    return h


def gradients(layers, h, delta):
    """Backpropagate delta = d loss / d output; returns one (dW, db) per layer."""
    grads = []
    for k in range(len(layers) - 1, -1, -1):
        grads.append((delta.T @ h[k], delta.sum(axis=0)))
        if k > 0:
            delta = (delta @ layers[k][0]) * (h[k] > 0)
    return grads[::-1]


def cross_entropy(output, target):
    """d loss / d output of the mean softmax cross entropy; target holds class numbers."""
    p = np.exp(output - output.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(target)), target] -= 1
    return p / len(target)


def squared_error(output, target):
    return 2 * (output - target[:, None]) / len(target)


def train(layers, x, y, loss, epochs, batch, rate, decay, rng):
    """Adam (Kingma and Ba 2015) with decoupled weight decay and a cosine step size."""
    mean = [np.zeros_like(p) for layer in layers for p in layer]
    square = [np.zeros_like(p) for layer in layers for p in layer]
    steps = epochs * (len(x) // batch)
    step = 0
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x) - batch + 1, batch):
            rows = order[start:start + batch]
            h = forward(layers, x[rows])
            grads = [g for pair in gradients(layers, h, loss(h[-1], y[rows])) for g in pair]
            step += 1
            now = rate * 0.5 * (1 + np.cos(np.pi * step / steps))
            for p, g, m, s in zip([p for layer in layers for p in layer], grads, mean, square):
                m += 0.1 * (g - m)
                s += 0.001 * (g * g - s)
                p -= now * (m / (1 - 0.9**step)) / (np.sqrt(s / (1 - 0.999**step)) + 1e-8)
                if p.ndim == 2:
                    p -= now * decay * p
    return layers


# ---- The two tasks -----------------------------------------------------------------------------

def make_digits():
    """Returns layers, test images (raw), test labels and the test accuracy."""
    rng = np.random.default_rng(1)
    data = load_digits()
    order = rng.permutation(len(data.target))
    images, labels = data.data[order], data.target[order]
    split = 1437
    x, y = images[:split] * PIXEL_SCALE, labels[:split]
    layers = train(initialise([64, 32, 32, 10], rng), x, y, cross_entropy, epochs=80, batch=32,
                   rate=3e-3, decay=0.3, rng=rng)
    test_x, test_y = images[split:], labels[split:]
    guess = forward(layers, test_x * PIXEL_SCALE)[-1].argmax(axis=1)
    return layers, test_x, test_y, float((guess == test_y).mean())


def regulator_gain():
    """K of the linear-quadratic regulator: torque = -K (angle, angular velocity)."""
    a = np.array([[0.0, 1.0], [GRAVITY / LENGTH, 0.0]])
    b = np.array([[0.0], [1 / (MASS * LENGTH**2)]])
    cost = solve_continuous_are(a, b, np.eye(2), np.array([[1.0]]))
    return (b.T @ cost)[0]


def make_controller():
    """Returns layers, the gain K and the largest error of the imitation on a grid."""
    rng = np.random.default_rng(2)
    gain = regulator_gain()

    def law(state):
        return np.clip(-state @ gain, -TORQUE_LIMIT, TORQUE_LIMIT)

    x = rng.uniform(-1, 1, (8192, 2)) * STATE_BOX
    layers = train(initialise([2, 10, 10, 1], rng), x, law(x), squared_error, epochs=200, batch=64,
                   rate=1e-2, decay=0.01, rng=rng)
    axes = [np.linspace(-s, s, 81) for s in STATE_BOX]
    grid = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
    error = np.abs(forward(layers, grid)[-1][:, 0] - law(grid)).max()
    return layers, gain, float(error)


# ---- Writing -----------------------------------------------------------------------------------

def write_onnx(path, layers, shape, flatten):
    """nn.Sequential([Flatten,] Linear, ReLU, ..., Linear) as PyTorch's exporter lays it out."""
    nodes, weights = [], []
    value, module = "input", 0
    if flatten:
        nodes.append(helper.make_node("Flatten", [value], ["/0/Flatten_output_0"], "/0/Flatten",
                                      axis=1))
        value, module = "/0/Flatten_output_0", 1
    for k, (w, b) in enumerate(layers):
        names = [f"{module}.weight", f"{module}.bias"]
        for name, array in zip(names, (w, b)):
            weights.append(numpy_helper.from_array(array.astype(np.float32), name))
        last = k == len(layers) - 1
        out = "output" if last else f"/{module}/Gemm_output_0"
        nodes.append(helper.make_node("Gemm", [value, *names], [out], f"/{module}/Gemm",
                                      alpha=1.0, beta=1.0, transB=1))
        value, module = out, module + 1
        if not last:
            out = f"/{module}/Relu_output_0"
            nodes.append(helper.make_node("Relu", [value], [out], f"/{module}/Relu"))
            value, module = out, module + 1
    outputs = [shape[0], len(layers[-1][1])]
    graph = helper.make_graph(
        nodes, "main_graph",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, outputs)], weights)
    model = helper.make_model(graph, producer_name="lipcert examples/train.py",
                              opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 7
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def write_images(path, images, labels):
    """The first test image of every digit; label first."""
    rows = [np.flatnonzero(labels == digit)[0] for digit in range(10)]
    with open(path, "w", encoding="ascii") as out:
        for row in rows:
            numbers = [labels[row], *images[row].astype(int)]
            out.write(",".join(str(int(v)) for v in numbers) + "\n")


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    layers, images, labels, accuracy = make_digits()
    write_onnx(folder / "digits.onnx", layers, ["batch", 1, 8, 8], flatten=True)
    write_images(folder / "digits.csv", images, labels)
    print(f"digits.onnx: test accuracy {100 * accuracy:.2f} % on {len(labels)} images")
    layers, gain, error = make_controller()
    write_onnx(folder / "controller.onnx", layers, [1, 2], flatten=False)
    print(f"controller.onnx: largest error {error:.3f} against torque = clip(-K x, +-{TORQUE_LIMIT:g}),"
          f" K = ({gain[0]:.3f}, {gain[1]:.3f})")


if __name__ == "__main__":
    main()
