"""Regions: where the network's input may lie.

A region is written down before the network is known, so `Box(0.5, 0.1)` fits networks of any size;
`resolve` makes it the region of a network with n inputs, and `RegionInfo` says which numbers that
gave: the box that a bound holds for is the one with the doubles lo and hi.
"""
import ctypes
import math
import os
from typing import Any, NamedTuple, Optional, Tuple, Union

import numpy as np

from ._arrays import Array, as_doubles, as_number, as_point, describe
from ._errors import ArgumentError, InputTypeError
from ._library import REGION_KINDS, Handle, doubles, library

__all__ = ["Ball", "Box", "Everywhere", "Region", "RegionInfo"]

RegionInfo = NamedTuple("RegionInfo", [("kind", str), ("n", int), ("lo", Array), ("hi", Array),
                                       ("centre", Array), ("radius", float)])
RegionInfo.__doc__ = """The region of a result: `kind` is "everywhere", "box" or "ball", `n` the
dimension, `lo` and `hi` the box (of a ball: the smallest box around it; infinite for R^n), `centre`
and `radius` those of a ball (of a box: its midpoint, and 0)."""


class Region:
    """The base of all regions."""

    def resolve(self, n: int) -> Handle:
        """The region in R^n, as the library knows it."""
        raise NotImplementedError


class Everywhere(Region):
    """All of R^n.

    >>> Everywhere()
    Everywhere()
    """

    def resolve(self, n: int) -> Handle:
        return _create("lip_region_everywhere", n)

    def __repr__(self) -> str:
        return "Everywhere()"


class Box(Region):
    """The box centre - eps <= x <= centre + eps, cut with clip = (lowest, highest) if given.

    `centre` is an array of any shape with one entry for each input, or one number for all inputs;
    `eps` is one number.  centre +- eps is rounded outwards to doubles.  `Box.from_bounds` takes the
    two corners instead.

    >>> Box([0.5, 1.0], 0.25, clip=(0, 1))
    Box(array of 2, 0.25, clip=(0.0, 1.0))
    >>> Box.from_bounds([0, -1], [1, 2])
    Box.from_bounds(array of 2, array of 2)
    """

    def __init__(self, centre: Any, eps: Any,
                 clip: Optional[Tuple[Optional[float], Optional[float]]] = None) -> None:
        self.centre = as_doubles(centre, "centre of the box")  # type: Optional[Array]
        self.eps = as_number(eps, "eps of the box")
        if not 0 <= self.eps < math.inf:
            raise ArgumentError("expected a finite number >= 0, found {}".format(self.eps),
                                "eps of the box")
        self.clip = as_clip(clip, "clip of the box")
        self.lo = self.hi = None  # type: Optional[Array]

    @classmethod
    def from_bounds(cls, lo: Any, hi: Any) -> "Box":
        """The box lo <= x <= hi; each end is an array, or one number for all inputs."""
        box = cls.__new__(cls)
        box.centre, box.eps, box.clip = None, 0.0, (-math.inf, math.inf)
        box.lo, box.hi = as_doubles(lo, "lo of the box"), as_doubles(hi, "hi of the box")
        return box

    def resolve(self, n: int) -> Handle:
        if self.centre is None:
            lo, hi = as_point(self.lo, n, "lo of the box"), as_point(self.hi, n, "hi of the box")
            if np.any(lo > hi):
                at = int(np.argmax(lo > hi))
                raise ArgumentError("expected lo <= hi, found lo = {!r} and hi = {!r} at index {}"
                                    .format(float(lo[at]), float(hi[at]), at), "box")
            return _create("lip_region_box", n, doubles(lo), doubles(hi))
        centre = as_point(self.centre, n, "centre of the box")
        return _create("lip_region_box_around", n, doubles(centre), self.eps, *self.clip)

    def __repr__(self) -> str:
        if self.centre is None:
            return "Box.from_bounds({}, {})".format(_short(self.lo), _short(self.hi))
        cut = "" if self.clip == (-math.inf, math.inf) else ", clip={}".format(self.clip)
        return "Box({}, {}{})".format(_short(self.centre), self.eps, cut)


class Ball(Region):
    """The Euclidean ball |x - centre| <= radius.

    >>> Ball(0, 1.5)
    Ball(0.0, 1.5)
    """

    def __init__(self, centre: Any, radius: Any) -> None:
        self.centre = as_doubles(centre, "centre of the ball")
        self.radius = as_number(radius, "radius of the ball")
        if not 0 <= self.radius < math.inf:
            raise ArgumentError("expected a finite number >= 0, found {}".format(self.radius),
                                "radius of the ball")

    def resolve(self, n: int) -> Handle:
        centre = as_point(self.centre, n, "centre of the ball")
        return _create("lip_region_ball", n, doubles(centre), self.radius)

    def __repr__(self) -> str:
        return "Ball({}, {})".format(_short(self.centre), self.radius)


class _VnnLib(Region):
    """The input box of a VNN-LIB file."""

    def __init__(self, path: Union[str, "os.PathLike[str]"]) -> None:
        self.path = os.fspath(path)

    def resolve(self, n: int) -> Handle:
        pointer = ctypes.c_void_p()
        library().call("lip_region_load_vnnlib", os.fsencode(self.path), n, ctypes.byref(pointer))
        return Handle(pointer, "lip_region_free")

    def __repr__(self) -> str:
        return "VNN-LIB {!r}".format(self.path)


def as_region(region: Any) -> Region:
    """What `bound` takes as a region: a Region, None for all of R^n, or the path of a VNN-LIB file."""
    if region is None:
        return Everywhere()
    if isinstance(region, Region):
        return region
    if isinstance(region, (str, os.PathLike)):
        return _VnnLib(region)
    raise InputTypeError("expected Box, Ball, Everywhere, None or the path of a VNN-LIB file, found "
                         "an object of type {}".format(type(region).__name__), "region")


def region_info(handle: Handle, n: int) -> RegionInfo:
    """The numbers of a region."""
    functions = library().functions
    lo, hi, centre = np.empty(n), np.empty(n), np.empty(n)
    functions.lip_region_get_box(handle.pointer, doubles(lo), doubles(hi), doubles(centre))
    kind = REGION_KINDS[functions.lip_region_get_kind(handle.pointer)]
    return RegionInfo(kind, n, lo, hi, centre, functions.lip_region_get_radius(handle.pointer))


def _create(function: str, *arguments: Any) -> Handle:
    pointer = ctypes.c_void_p()
    library().call(function, *arguments, ctypes.byref(pointer))
    return Handle(pointer, "lip_region_free")


def as_clip(clip: Any, place: str) -> Tuple[float, float]:
    """The two ends; None is no end."""
    if clip is None:
        return -math.inf, math.inf
    try:
        lowest, highest = clip
    except (TypeError, ValueError):
        raise InputTypeError("expected a pair (lowest, highest), found {!r}".format(clip),
                             place) from None
    ends = (-math.inf if lowest is None else as_number(lowest, place),
            math.inf if highest is None else as_number(highest, place))
    if ends[0] > ends[1]:
        raise ArgumentError("expected lowest <= highest, found {} and {}".format(*ends),
                            place)
    return ends


def _short(array: Optional[Array]) -> str:
    if array is None:
        return "None"
    return str(float(array.flat[0])) if array.size == 1 else "array of " + describe(array.shape)
