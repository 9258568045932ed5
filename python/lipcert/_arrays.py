"""Arrays of the user, checked, and turned into what the library takes."""
import math
import numbers
import operator
import warnings
from typing import TYPE_CHECKING, Any, Tuple

import numpy as np

from ._errors import ArgumentError, InputTypeError

if TYPE_CHECKING:
    import numpy.typing as npt
    Array = npt.NDArray[np.float64]
else:
    Array = np.ndarray


def as_doubles(value: Any, place: str) -> Array:
    """A contiguous float64 array of the same shape; torch tensors and lists are welcome."""
    if hasattr(value, "detach") and hasattr(value, "cpu"):
        value = value.detach().cpu().double().numpy()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # older numpy only warns of rows of different lengths
            array = np.asarray(value)
    except (ValueError, TypeError) as problem:
        raise InputTypeError("expected real numbers in an array, found: {}".format(
            str(problem).split("\n")[0]), place) from None
    if array.dtype.kind not in "buif":
        raise InputTypeError("expected real numbers, found {}".format(
            "an array of type {}".format(array.dtype) if array.size else "nothing"), place)
    if array.dtype.itemsize > 8 and array.dtype.kind == "f":
        raise InputTypeError("expected numbers that a double holds, found {}".format(array.dtype),
                             place)
    return np.array(array, dtype=np.float64, order="C", ndmin=1)


def describe(shape: Tuple[int, ...]) -> str:
    """A shape in words: 3 x 4."""
    return " x ".join(map(str, shape))


def as_point(value: Any, n: int, place: str) -> Array:
    """n numbers; one number stands for all of them, and any shape of n entries will do."""
    array = as_doubles(value, place).ravel()
    if array.size == 1 and n != 1:
        array = np.full(n, array[0])
    if array.size != n:
        raise ArgumentError("expected {} numbers, one for each input, or one for all of them, "
                            "found {}".format(n, array.size), place)
    finite = np.isfinite(array)
    if not finite.all():
        at = int(np.argmin(finite))
        raise ArgumentError("expected finite numbers, found {} at index {}".format(
            float(array[at]), at), place)
    return array


def as_number(value: Any, place: str) -> float:
    """One real number, NaN excluded."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise InputTypeError("expected a number, found {!r}".format(value), place)
    if math.isnan(value):
        raise ArgumentError("expected a number, found nan", place)
    return float(value)


def as_index(value: Any, place: str) -> int:
    """A whole number; True and 1.0 are none."""
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        return operator.index(value)
    except TypeError:
        raise InputTypeError("expected a whole number, found {!r}".format(value), place) from None
