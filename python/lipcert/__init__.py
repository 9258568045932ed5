"""lipcert: certified Lipschitz constants of ReLU networks.

    >>> import lipcert
    >>> result = lipcert.bound("examples/controller.onnx", norm="inf", region=lipcert.Box(0, 0.1))
    >>> round(result.lower, 3), round(result.upper, 3)
    (26.022, 26.022)

lower <= L <= upper, and both are proved, rounding errors included: L is the largest norm of the Jacobian
over the region, the Lipschitz constant on a convex region.  `bound` is the one function to know;
`margins` bounds all differences of two outputs, `check` has a certificate verified by lipcheck, a
program that shares no code with the library, `Network` reads a network once for several questions.
docs/python.md is the guide.
"""
from typing import Dict, List

from ._bounds import GradientNorm, Progress, bound, gradient_norm, margins
from ._check import Check, check
from ._errors import ArgumentError, FileError, FormatError, InputTypeError, InternalError, \
    Interrupted, LibraryError, LipcertError, OutOfMemoryError, UnsupportedError
from ._library import library, text
from ._networks import Layer, Network, NetworkInfo
from ._plot import Picture
from ._radius import ClassRadius, Radius, radius
from ._regions import Ball, Box, Everywhere, Region, RegionInfo
from ._results import Margins, Moment, Result, Step, Unfinished, Witness
from ._settings import Setting
from ._version import __version__

__all__ = [
    "ArgumentError", "Ball", "Box", "Check", "ClassRadius", "Everywhere", "FileError", "FormatError", "GradientNorm",
    "InputTypeError", "InternalError", "Interrupted", "Layer", "LibraryError", "LipcertError",
    "Margins", "Method", "Moment", "Network", "NetworkInfo", "OutOfMemoryError", "Picture", "Progress", "Radius",
    "Region", "RegionInfo", "Result", "Setting", "Step", "Unfinished", "UnsupportedError", "Witness", "__version__", "bound",
    "build_info", "check", "gradient_norm", "library_path", "margins", "methods", "radius", "settings"]


class Method:
    """A method of `bound`: `name`, `side` ("lower", "upper" or "both"), `help`, and `source`, where
    it was published."""

    def __init__(self, name: str, side: str, text: str, source: str) -> None:
        self.name, self.side, self.help, self.source = name, side, text, source

    def __repr__(self) -> str:
        return "<Method {}, {}: {}>".format(self.name, self.side, self.help)


def methods() -> List[Method]:
    """The methods of `bound`.

    >>> [method.side for method in methods() if method.name in ("product", "ascent")]
    ['upper', 'lower']
    """
    found = []  # type: List[Method]
    raw = library().functions.lip_methods()
    while raw[len(found)].name:
        at = raw[len(found)]
        found.append(Method(text(at.name), text(at.side), text(at.help), text(at.source)))
    return found


def settings() -> Dict[str, Setting]:
    """The settings by name: type, default, range, and what they mean.

    >>> settings()["time_limit"].default
    60.0
    """
    return dict(library().settings)


def build_info() -> Dict[str, str]:
    """What was compiled into the library.

    >>> "compiler" in build_info()
    True
    """
    return library().build_info()


def library_path() -> str:
    """The file of the shared library ("" if the system's loader found it)."""
    return library().path or ""
