"""Pictures of results, drawn by the program `lipcert plot`, which a wheel has beside the library.

The program gets the JSON document of the result, and for a gradient the network in the canonical form, in a
folder that exists only meanwhile.
"""
import os
import re
import subprocess
import tempfile
from typing import Any, List, Optional, Sequence, Tuple, Union

from . import _programs
from ._arrays import as_index
from ._errors import ArgumentError, InputTypeError, LibraryError
from ._files import Path, write_text

__all__ = ["Picture"]

Kind = Union[None, str, Sequence[str]]
Shape = Union[None, str, Sequence[int]]

MOST_SIDE = 4096  # the program's
MOST_DIGITS = 30  # of a number in a string: more than any number of inputs has
MOST_FOUND = 100  # characters of what was found, in a sentence


class Picture(str):
    """An SVG picture: its text, which a notebook shows as the picture."""

    def _repr_svg_(self) -> str:
        return str(self)

    def save(self, path: Path) -> None:
        """Write it to a file."""
        write_text(path, str(self))

    def __repr__(self) -> str:
        size = re.search(r'width="(\d+)" height="(\d+)"', str(self))
        return "<Picture{}>".format(", {} x {}".format(*size.groups()) if size else "")


def as_kinds(value: Any, known: Tuple[str, ...]) -> List[str]:
    """The figures asked for; all but the gradient if value is None."""
    if value is None:
        return [name for name in known if name != "gradient"]
    kinds = [value] if isinstance(value, str) else value
    if not isinstance(kinds, (list, tuple)) or not kinds or not all(isinstance(k, str) for k in kinds):
        raise InputTypeError("expected the name of a figure, or a list of names, found {!r}".format(value),
                             "kind")
    for name in kinds:
        if name not in known:
            raise ArgumentError("expected {}, found {!r}".format(" or ".join(map(repr, known)), name), "kind")
    return list(kinds)


def _found(value: Any) -> str:
    """What was found, if that is short."""
    try:
        text = repr(value)
    except ValueError:  # a whole number with more digits than Python writes
        return "numbers with thousands of digits"
    return text if len(text) <= MOST_FOUND else text[:MOST_FOUND] + "..."


def _sizes(value: Any) -> List[int]:
    expected = "expected (H, W), (H, W, C) or (C, H, W), found "
    if isinstance(value, str):
        if not re.fullmatch("[0-9]+(x[0-9]+)*", value):
            raise ArgumentError(expected + _found(value), "shape")
        # int() refuses thousands of digits, and so many are too large in any case
        return [int(word.lstrip("0")[:MOST_DIGITS] or "0") for word in value.split("x")]
    if isinstance(value, (list, tuple)):
        return [as_index(size, "shape") for size in value]
    raise InputTypeError(expected + _found(value), "shape")


def as_shape(value: Any, inputs: int) -> str:
    """HxW, HxWxC or CxHxW, with one number for every input."""
    sizes, pixels = _sizes(value), 1
    plausible = len(sizes) in (2, 3) and 1 <= min(sizes) and max(sizes) <= inputs
    for size in sizes if plausible else ():
        pixels *= size
    if not plausible or pixels != inputs:
        raise ArgumentError("expected (H, W), (H, W, C) or (C, H, W) with {} numbers in all, found {}".format(
            inputs, _found(value)), "shape")
    if max(sizes) > MOST_SIDE:
        raise ArgumentError("expected numbers up to {}, found {}".format(MOST_SIDE, _found(value)), "shape")
    return "x".join(map(str, sizes))


def check_gradient(result: Any) -> None:
    """There is a gradient only of a single number, at a witness."""
    if result.output == "all":
        raise ArgumentError("expected the result of a single output or margin, found all outputs", "shape")
    if result.witness is None:
        raise ArgumentError("expected a result with a witness, found none", "shape")


def _run(command: List[str], folder: str) -> str:
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    except OSError as problem:
        raise LibraryError("cannot run the program: {}".format(problem.strerror), "", command[0]) from None
    picture = done.stdout.decode("utf-8", "replace")
    if done.returncode == 0 and picture.startswith("<svg ") and picture.endswith("</svg>\n"):
        return picture
    said = done.stderr.decode("utf-8", "replace").replace(folder + os.sep, "").strip().splitlines()
    raise LibraryError("the program drew no picture, exit status {}{}".format(
        done.returncode, ": " + said[-1] if said else ""), "", command[0])


def plot(result: Any, known: Tuple[str, ...], path: Optional[Path], kind: Kind, shape: Shape = None
         ) -> Picture:
    """What Result.plot and its kin do; `known` are the figures that there are."""
    kinds = as_kinds(kind, known)
    options = []  # type: List[str]
    if shape is not None:
        if kind is None:
            kinds.append("gradient")
        elif "gradient" not in kinds:
            raise ArgumentError("is of no use without the figure 'gradient'", "shape")
        options = ["--shape", as_shape(shape, result.network.inputs)]
        check_gradient(result)
    elif "gradient" in kinds:
        raise ArgumentError("expected the shape of the input for the figure 'gradient', found None", "shape")
    program = _programs.find("lipcert")
    with tempfile.TemporaryDirectory(prefix="lipcert-") as folder:
        document, network = os.path.join(folder, "result.json"), os.path.join(folder, "network")
        result.to_json(document)
        if options:
            result.network.save(network)
            options += ["--network", network]
        picture = Picture(_run([program, "plot", document, "--figure", ",".join(kinds), *options], folder))
    if path is not None:
        picture.save(path)
    return picture
