#!/usr/bin/env python3
"""Every .npz, .mat and .nnet network of the shared data, against a second implementation.

usage: test_reader_files.py PROGRAM DATA

PROGRAM eval FILE --input x.npy must agree with numpy (and scipy.io for .mat) to 1e-6 relative at
random points, or refuse the file as REFUSED says.  A file that is in neither group is an error, as is
an entry of REFUSED that does not exist.  Exit 77 (skip) without the data.
"""
import hashlib
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import scipy.io

# file (relative to DATA) -> pieces that the sentence on stderr must hold
REFUSED = {f"nets/exlipbab/{name}_ReLU_biases.mat": ["biases", "holds biases only"]
           for name in ["bike_net_13x20x16x8x3", "iris_net_4x6x6x3", "wine_net_11x12x12x1",
                        "wine_net_11x24x24x1"]}
REFUSED |= {
    "witness/sdp-nn-box10.npy": ["a single array"],
    "witness/sdp-nn-box0.1.npy": ["a single array"],
    "nets/images/mnist_test.csv": ["line 1", "layers, inputs, outputs"],
    "nets/acasxu/acasxu_prop1.vnnlib": ["expected an ONNX"],
    "reference/reference.json": ["expected an ONNX"],
}

# VNN-LIB files (relative to DATA/nets/vnnlib) -> None, or what the sentence must hold
PROPERTIES = {
    "acasxu_prop1": None, "test_add_var": None, "test_and": None, "test_exp_notation": None,
    "test_nano_vnncomp": None, "test_prop_vnncomp": None, "test_small_vnncomp": None,
    "test_sub_var": None, "test_tiny_vnncomp": None,
    "test_add_const": "line 4", "test_sub_const": "line 4", "test_mul_var_const": "line 4",
    "test_mul_var_var": "line 4", "test_assert_operator_not_implemented": "'xor'",
    "test_command_not_implemented": "'declare-sore'",
}


def numbered(arrays, letter):
    names = [n for n in arrays if re.fullmatch(letter + r"\d+", n)]
    return sorted(names, key=lambda n: int(n[1:]))


def layers_of_arrays(arrays):
    """(weight, bias) per layer from names, by the conventions of the data's README."""
    bias = lambda name: np.ravel(arrays[name]) if name in arrays else 0.0
    if "A" in arrays:
        return [(arrays["A"], bias("b")), (np.ravel(arrays["c"])[None], 0.0)]
    names = next(n for n in (numbered(arrays, letter) for letter in "WwA") if n)
    layers = [(arrays[n], bias("b" + n[1:])) for n in names]
    if names[0][0] == "A":
        layers.append((np.ravel(arrays["c"])[None], 0.0))
    return layers


def layers_of_mat(path):
    variables = scipy.io.loadmat(path)
    weights = variables.get("weights", variables.get("W"))
    if weights is None or weights.dtype != object:
        return layers_of_arrays(variables)
    biases = variables.get("biases", variables.get("b"))
    weights = list(weights.ravel())
    biases = [0.0] * len(weights) if biases is None else [np.ravel(b) for b in biases.ravel()]
    return list(zip(weights, biases))


def layers_of_nnet(path):
    lines = [line for line in path.read_text().splitlines() if not line.startswith("//")]
    numbers = lambda line: [float(v) for v in line.replace(",", " ").split()]
    count = int(numbers(lines[0])[0])
    widths = [int(v) for v in numbers(lines[1])][:count + 1]
    rows, layers = iter(lines[7:]), []
    for width in widths[1:]:
        weight = np.array([numbers(next(rows)) for _ in range(width)])
        layers.append((weight, np.array([numbers(next(rows))[0] for _ in range(width)])))
    return layers


def layers_of(path):
    if path.suffix == ".npz":
        return layers_of_arrays(dict(np.load(path)))
    return layers_of_mat(path) if path.suffix == ".mat" else layers_of_nnet(path)


def evaluate(layers, x):
    for i, (weight, bias) in enumerate(layers):
        x = weight.astype(float) @ x + bias
        if i + 1 < len(layers):
            x = np.maximum(x, 0)
    return x


def canonical_terms(rows, count):
    """The terms of a layer as functions of their source; docs/canonical-format.md is the reference."""
    for _ in range(count):
        _, source, kind, *sizes = next(rows)
        sizes = [int(v) for v in sizes]
        if kind == "conv":
            taps = sizes[0] // sizes[14] * sizes[6] * sizes[7]
            weight = np.array([[float.fromhex(v) for v in next(rows)] for _ in range(sizes[3])])
            assert weight.shape == (sizes[3], taps)
            yield int(source), lambda x, w=weight, s=sizes: convolve(w, s, x)
            continue
        matrix = np.zeros(sizes[:2])
        for i in range(sizes[0]):
            row = next(rows)
            if kind == "dense":
                matrix[i] = [float.fromhex(v) for v in row]
            else:
                assert len(row) == 1 + 2 * int(row[0])
                matrix[i, [int(v) for v in row[1::2]]] = [float.fromhex(v) for v in row[2::2]]
        yield int(source), lambda x, m=matrix: m @ x


def convolve(weight, sizes, x):
    in_c, in_h, in_w, out_c, out_h, out_w, k_h, k_w, s_h, s_w, d_h, d_w, top, left, groups = sizes
    inside, each = in_c // groups, out_c // groups
    weight, x = weight.reshape(out_c, inside, k_h, k_w), x.reshape(in_c, in_h, in_w)
    out = np.zeros((out_c, out_h, out_w))
    for o in range(out_c):
        for dy in range(k_h):
            for dx in range(k_w):
                for y in range(out_h):
                    row = y * s_h + dy * d_h - top
                    cols = np.arange(out_w) * s_w + dx * d_w - left
                    ok = (cols >= 0) & (cols < in_w)
                    if 0 <= row < in_h:
                        block = x[o // each * inside:(o // each + 1) * inside, row, cols[ok]]
                        out[o, y, ok] += weight[o, :, dy, dx] @ block
    return out.ravel()


def canonical_eval(path, x):
    rows = (line.split(" ") for line in path.read_text(encoding="ascii").splitlines())
    assert next(rows) == ["lipcert-network", "1"]
    values = [x]
    assert next(rows) == ["input", str(len(x))]
    for number in range(1, int(next(rows)[1]) + 1):
        word, index, width, phase, terms = next(rows)
        assert (word, int(index)) == ("layer", number)
        z = np.array([float.fromhex(v) for v in next(rows)[1:]])
        assert len(z) == int(width)
        for source, apply in canonical_terms(rows, int(terms)):
            z = z + apply(values[source])
        values.append(np.maximum(z, 0) if phase == "relu" else z)
    assert list(rows) == [["end"]]
    return values[-1]


class Program:
    def __init__(self, program, folder):
        self.program, self.folder = program, Path(folder)

    def run(self, *arguments):
        return subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True,
                              timeout=60)

    def eval(self, path, x):
        """f(x) as the program computes it."""
        point = self.folder / "x.npy"
        np.save(point, x)
        done = self.run("eval", path, "--input", point)
        if done.returncode != 0:
            raise AssertionError(f"{path}: refused: {done.stderr.strip()}")
        return np.array([float(v) for v in done.stdout.split()])


def distance(a, b):
    if a.shape != b.shape:
        return np.inf
    return np.abs(a - b).max() / max(np.abs(a).max(), np.abs(b).max(), 1e-300)


def check_network(program, path, rng):
    layers = layers_of(path)
    inputs = layers[0][0].shape[1]
    for scale in (0, 1, 10):
        x = scale * rng.normal(size=inputs)
        found = distance(program.eval(path, x), evaluate(layers, x))
        assert found <= 1e-6, f"{path}: relative difference {found:.3g} at scale {scale}"
    # the canonical file is the same function, bit for bit
    canonical = program.folder / "canonical.lip"
    done = program.run("convert", path, canonical)
    assert done.returncode == 0, f"{path}: convert: {done.stderr.strip()}"
    assert (program.eval(canonical, x) == program.eval(path, x)).all(), f"{path}: convert changed it"


def check_canonical(program, path, rng):
    """A second reader of the canonical format, and the hash."""
    canonical = program.folder / "canonical.lip"
    done = program.run("convert", path, canonical)
    assert done.returncode == 0, f"{path}: convert: {done.stderr.strip()}"
    digest = hashlib.sha256(canonical.read_bytes()).hexdigest()
    assert digest in program.run("info", path).stdout, f"{path}: info does not show {digest}"
    text = canonical.read_text()
    x = rng.normal(size=int(text.split(maxsplit=4)[3]))
    found = distance(program.eval(path, x), canonical_eval(canonical, x))
    assert found <= 1e-9, f"{path}: canonical form differs by {found:.3g}"
    return set(re.findall(r"^term \d+ (\w+)", text, re.M))


def check_refusal(program, path, pieces):
    done = program.run("info", path)
    assert done.returncode not in (0, -6, -11), f"{path}: expected a refusal, got {done.returncode}"
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, f"{path}: expected one line, got {lines}"
    for piece in [path.name, *pieces]:
        assert piece in lines[0], f"{path}: '{lines[0]}' lacks '{piece}'"


def check_acasxu(program, data, rng):
    """The .nnet in normalised units is the .onnx, whose weights are its decimals rounded to float32:
    outputs of about .02 differ by 1e-9, and not at all once the decimals are rounded."""
    nnet = data / "nets/acasxu/ACASXU_run2a_1_1_batch_2000.nnet"
    onnx = data / "nets/acasxu/ACASXU_experimental_v2a_1_1.onnx"
    rounded = [(w.astype("f4"), b.astype("f4").astype(float)) for w, b in layers_of(nnet)]
    for _ in range(5):
        x = rng.uniform(-.5, .5, size=5)
        found = np.abs(program.eval(nnet, x) - program.eval(onnx, x)).max()
        assert found <= 1e-7, f"ACAS Xu: .nnet and .onnx differ by {found:.3g}"
        found = distance(evaluate(rounded, x), program.eval(onnx, x))
        assert found <= 1e-12, f"ACAS Xu: .nnet in float32 and .onnx differ by {found:.3g}"


def check_normalised(program, data, rng):
    """--nnet-normalise takes and gives the units of the file's header."""
    nnet = data / "nets/acasxu/ACASXU_run2a_1_1_batch_2000.nnet"
    lines = [line for line in nnet.read_text().splitlines() if not line.startswith("//")]
    mean, span = (np.array([float(v) for v in line.strip(",").split(",")]) for line in lines[5:7])
    scaled = program.folder / "scaled.lip"
    done = program.run("convert", nnet, scaled, "--nnet-normalise")
    assert done.returncode == 0, done.stderr
    for _ in range(3):
        u = rng.uniform(-.5, .5, size=5)
        wanted = evaluate(layers_of(nnet), u) * span[5] + mean[5]
        found = distance(program.eval(scaled, mean[:5] + span[:5] * u), wanted)
        assert found <= 1e-9, f"ACAS Xu normalised: relative difference {found:.3g}"


def check_pendulum(program, data, rng):
    nnet = data / "nets/controllers/controller_single_pendulum.nnet"
    for _ in range(3):  # the .nnet is printed with five decimals
        x = rng.uniform(-1, 1, size=2)
        found = np.abs(program.eval(nnet, x) - program.eval(nnet.with_suffix(".onnx"), x)).max()
        assert found <= 1e-3, f"pendulum: .nnet and .onnx differ by {found:.3g}"


def check_properties(program, data):
    """VNN-LIB files load or are refused, each on a network of its own input dimension."""
    folder = data / "nets/vnnlib"
    networks = {n: program.folder / f"n{n}.npz" for n in (1, 3, 5)}
    for n, path in networks.items():
        np.savez(path, W0=np.ones((1, n)))
    found = {p.stem for p in folder.glob("*.vnnlib")}
    assert found == set(PROPERTIES), f"VNN-LIB: {found ^ set(PROPERTIES)} not in the table, or missing"
    cases = [(folder / f"{name}.vnnlib", words) for name, words in PROPERTIES.items()]
    cases += [(path, "VNN-LIB 2.0") for path in sorted((folder / "vnnlib2").glob("*.vnnlib"))]
    for path, words in cases:
        n = max(path.read_text().count("declare-const X_"), 1)
        done = program.run("bound", networks[n], "--vnnlib", path, "--method", "product")
        if words is None:
            assert done.returncode == 0, f"{path}: {done.stderr.strip()}"
        else:
            assert done.returncode not in (0, -6, -11) and words in done.stderr, f"{path}: {done}"
    return len(cases)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    data = Path(sys.argv[2])
    if not data.is_dir():
        print(f"skipped: {data} is absent")
        sys.exit(77)
    rng = np.random.default_rng(7)
    networks = [p for p in sorted(data.rglob("*")) if p.suffix in (".npz", ".mat", ".nnet")]
    networks = [p for p in networks if str(p.relative_to(data)) not in REFUSED]
    assert len(networks) > 40, f"expected more than 40 networks in {data}, found {len(networks)}"
    with tempfile.TemporaryDirectory() as folder:
        program = Program(sys.argv[1], folder)
        for path in networks:
            check_network(program, path, rng)
        for name, pieces in REFUSED.items():
            check_refusal(program, data / name, pieces)
        kinds = set()
        for name in ["nets/SDP-NN.mat", "nets/conv/cifar_base_kw.onnx",
                     "nets/onnx-dialects/resnet_2b.onnx"]:
            kinds |= check_canonical(program, data / name, rng)
        assert {"dense", "conv"} <= kinds, f"expected networks with convolutions, found {kinds}"
        check_acasxu(program, data, rng)
        check_normalised(program, data, rng)
        check_pendulum(program, data, rng)
        properties = check_properties(program, data)
    print(f"{len(networks)} networks agree, {len(REFUSED)} files refused, {properties} properties")


if __name__ == "__main__":
    main()
