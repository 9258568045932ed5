"""Writing small ONNX models without the onnx package.

A torch Sequential becomes a graph in a straight line; the library reads it as it reads any ONNX file, so
that what a layer means is decided in one place.  All numbers are stored as doubles: float32 weights
arrive exactly.

The wire format of protocol buffers needs two kinds of fields here: numbers (varint) and byte strings with
their length in front.  A message is the concatenation of its fields, each preceded by
8 * (number of the field) + kind.  The numbers are those of onnx.proto.
"""
import struct
from typing import List, Sequence, Union

import numpy as np

from ._arrays import Array

DOUBLE = 11  # TensorProto.DOUBLE
FLOAT_ATTRIBUTE, INT_ATTRIBUTE, INTS_ATTRIBUTE = 1, 2, 7  # AttributeProto.AttributeType
OPSET = 13
Attribute = Union[int, float, Sequence[int]]


def _varint(value: int) -> bytes:
    if value < 0:
        raise ValueError("no field here is negative, found {}".format(value))
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(field: int, value: int) -> bytes:
    return _varint(8 * field) + _varint(value)


def _bytes(field: int, value: Union[bytes, str]) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return _varint(8 * field + 2) + _varint(len(raw)) + raw


def _attribute(name: str, value: Attribute) -> bytes:
    head = _bytes(1, name)
    if isinstance(value, float):
        return head + _varint(8 * 2 + 5) + struct.pack("<f", value) + _number(20, FLOAT_ATTRIBUTE)
    if isinstance(value, int):
        return head + _number(3, value) + _number(20, INT_ATTRIBUTE)
    return head + b"".join(_number(8, item) for item in value) + _number(20, INTS_ATTRIBUTE)


def _value_info(name: str, shape: Sequence[int]) -> bytes:
    dims = b"".join(_bytes(1, _number(1, size)) for size in shape)
    return _bytes(1, name) + _bytes(2, _bytes(1, _number(1, DOUBLE) + _bytes(2, dims)))


class Chain:
    """A graph in which every node reads the output of the one before it, and constants."""

    def __init__(self) -> None:
        self._nodes = []  # type: List[bytes]
        self._constants = []  # type: List[bytes]
        self._last = "input"

    def constant(self, name: str, array: Array) -> str:
        """Store an array of doubles; its name is what `add` takes."""
        self._constants.append(
            b"".join(_number(1, size) for size in array.shape) + _number(2, DOUBLE) +
            _bytes(8, name) + _bytes(9, np.ascontiguousarray(array, "<f8").tobytes()))
        return name

    def add(self, operator: str, name: str, constants: Sequence[str] = (),
            **attributes: Attribute) -> None:
        """Append a node."""
        output = "{} ({})".format(name, len(self._nodes))
        node = b"".join(_bytes(1, item) for item in (self._last, *constants))
        node += _bytes(2, output) + _bytes(3, name) + _bytes(4, operator)
        node += b"".join(_bytes(5, _attribute(*item)) for item in attributes.items())
        self._nodes.append(node)
        self._last = output

    def model(self, shape: Sequence[int]) -> bytes:
        """The finished model, whose input has this shape."""
        graph = b"".join(_bytes(1, node) for node in self._nodes) + _bytes(2, "chain")
        graph += b"".join(_bytes(5, item) for item in self._constants)
        graph += _bytes(11, _value_info("input", shape)) + _bytes(12, _bytes(1, self._last))
        return _number(1, 7) + _bytes(2, "lipcert") + _bytes(7, graph) + \
            _bytes(8, _bytes(1, "") + _number(2, OPSET))
