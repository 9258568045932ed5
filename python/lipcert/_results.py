"""Results: everything the library found out, copied into Python objects.

Only the certificate is made when it is asked for, because it can be large: until then the library's own
result is kept alive with the network and the query that it belongs to.
"""
import ctypes
import json
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from . import _json, _plot
from ._arrays import Array
from ._errors import ArgumentError, LipcertError
from ._files import Path, write_text
from ._library import EVIDENCE, SIDES, STOPS, library, text
from ._networks import Network
from ._regions import RegionInfo

__all__ = ["Margins", "Moment", "Result", "Step", "Unfinished", "Witness"]

Step = NamedTuple("Step", [("method", str), ("side", str), ("value", float), ("evidence", str),
                           ("seconds", float), ("complete", bool), ("note", str)])
Step.__doc__ = """What one method contributed: `side` is "lower" or "upper", `value` its bound (0 or inf if it found
none), `evidence` "proved" or "computed", `complete` whether it ran to its end, `note` why not."""

Moment = NamedTuple("Moment", [("seconds", float), ("lower", float), ("upper", float)])
Moment.__doc__ = "The best bounds, and when one of them had become what it is."

Unfinished = NamedTuple("Unfinished", [("method", str), ("reason", str)])
Unfinished.__doc__ = """A method that more time would go to; `reason` says why it was left: "not begun", "stopped by
the time limit" and others."""

Witness = NamedTuple("Witness", [("x", Array), ("t", Optional[Array])])
Witness.__doc__ = """A point `x` of the region and a direction `t` with |J(x) t| >= lower |t|."""

Question = NamedTuple("Question", [
    ("network", Network), ("norm", str), ("norm_out", str), ("output", Tuple[Any, ...]),
    ("region", RegionInfo), ("method", str), ("settings", Dict[str, Union[int, float]]),
    ("given", Dict[str, Any])])
Question.__doc__ = "What was asked; output is (kind,), (kind, i) or (kind, i, j)."


class Result:
    """lower <= L <= upper, both proved, rounding errors included.

    Of the answer: `lower`, `upper`, `gap` = (upper - lower) / upper, `lower_method`, `upper_method`,
    `witness` (x, t) or None, `steps`, `neurons` and how many of them are `stable_active` and
    `stable_inactive` on the region, `stop` ("finished", "out of time" or "interrupted"), `seconds`,
    `unfinished`, what more time would go to, and `history`, the bounds whenever one of them changed.

    Of the question: `network`, `norm`, `norm_out`, `output`, `region`, `method`, `settings`.

    Of the proof: `certificate`, `certified` (the upper bound that the certificate states: `upper`, or a
    weaker one if the format cannot hold the proof of that), `save_certificate(path)`.
    """

    lower: float
    upper: float
    certified: float
    lower_method: str
    upper_method: str
    witness: Optional[Witness]
    steps: Tuple[Step, ...]
    unfinished: Tuple[Unfinished, ...]
    history: Tuple[Moment, ...]
    neurons: int
    stable_active: int
    stable_inactive: int
    stop: str
    seconds: float

    def __init__(self, raw: Any, question: Question, write: Callable[[], bytes],
                 history: Sequence[Moment] = ()) -> None:
        self.lower, self.upper, self.certified = raw.lower, raw.upper, raw.certified
        self.lower_method, self.upper_method = text(raw.lower_method), text(raw.upper_method)
        self.witness = None
        if raw.witness_x:
            self.witness = Witness(_copy(raw.witness_x, raw.n), _copy(raw.witness_t, raw.n)
                                   if raw.witness_t else None)
        self.steps = tuple(_step(raw.step[k]) for k in range(raw.steps))
        self.unfinished = tuple(Unfinished(text(left.method), text(left.reason)) for left in
                                (raw.unfinished[k] for k in range(raw.unfinished_count)))
        self.history = tuple(history)
        self.neurons, self.seconds = raw.neurons, raw.seconds
        self.stable_active, self.stable_inactive = raw.stable_active, raw.stable_inactive
        self.stop = STOPS[raw.stop]
        self._question = question
        self._write = write  # type: Optional[Callable[[], bytes]]
        self._certificate = None  # type: Union[None, str, LipcertError]

    # ---- The question ----

    @property
    def network(self) -> Network:
        """The network, as it was read."""
        return self._question.network

    @property
    def norm(self) -> str:
        """The norm of the input: "1", "2" or "inf"."""
        return self._question.norm

    @property
    def norm_out(self) -> str:
        """The norm of the output; of no effect for a single number."""
        return self._question.norm_out

    @property
    def output(self) -> Union[str, int, Tuple[int, int]]:
        """The output: its number i, the margin (i, j), or "all"."""
        kind, numbers = self._question.output[0], self._question.output[1:]
        return kind if kind == "all" else numbers[0] if kind == "row" else (numbers[0], numbers[1])

    @property
    def region(self) -> RegionInfo:
        """The region, in the doubles that the bounds hold for."""
        return self._question.region

    @property
    def method(self) -> str:
        """The methods asked for."""
        return self._question.method

    @property
    def settings(self) -> Dict[str, Union[int, float]]:
        """Every setting, also those that were left at their default."""
        return dict(self._question.settings)

    @property
    def gap(self) -> float:
        """(upper - lower) / upper, from 0 to 1; nan if the upper bound is infinite."""
        return _json.relative_gap(self.lower, self.upper)

    # ---- The proof ----

    @property
    def certificate(self) -> str:
        """The certificate, which lipcheck verifies; docs/certificate.md is the format."""
        if self._certificate is None and self._write is not None:
            self._certificate = self._write().decode("ascii")
            self._write = None
        if not isinstance(self._certificate, str):
            raise self._certificate or ArgumentError("the result came without a certificate")
        return self._certificate

    def save_certificate(self, path: Path) -> None:
        """Write the certificate to a file."""
        write_text(path, self.certificate)

    # ---- For programs and people ----

    def plot(self, path: Optional[Path] = None, kind: _plot.Kind = None, *, shape: _plot.Shape = None
             ) -> _plot.Picture:
        """A picture of the result as SVG, written to a file if a path is given; a notebook shows it.

        kind     "time" (bounds against time), "methods" (what each method found), "gradient" (at the
                 witness, as an image), a list of these, or None: all, the gradient if a shape is given
        shape    of the input as an image: (H, W), (H, W, C) or (C, H, W)

        >>> from lipcert import bound
        >>> result = bound("examples/digits.onnx", output=3, method="product,lbs", samples=50)
        >>> result.plot(kind="methods")
        <Picture, 720 x 204>
        >>> result.plot(kind="gradient", shape=(8, 8)).count("<title>")
        64
        """
        return _plot.plot(self, ("time", "methods", "gradient"), path, kind, shape)

    def to_dict(self) -> Dict[str, Any]:
        """The document that `lipcert bound --json` writes; docs/cli.md describes its keys."""
        return _json.bound_document(self, self._question)

    def to_json(self, path: Optional[Path] = None) -> str:
        """The same as JSON text, and written to a file if a path is given."""
        return to_json(self.to_dict(), path)

    def __repr__(self) -> str:
        return "<Result {} <= L <= {}, {}>".format(
            _json.decimal(self.lower, False, 10), _json.decimal(self.upper, True, 10), self.stop)

    def __getstate__(self) -> Dict[str, Any]:
        """For pickle and copy: with the certificate, and without the library's result."""
        try:
            self.certificate  # pylint: disable=pointless-statement
        except LipcertError as problem:
            self._certificate = problem
        return dict(self.__dict__, _write=None)


class Margins:
    """The bounds on all margins f_i - f_j of a network with m outputs.

    `lower` and `upper` are m x m matrices, symmetric, 0 on the diagonal: lower[i, j] <= L_ij <=
    upper[i, j].  `largest_lower` <= the largest L_ij <= `largest_upper`, and these two belong to the
    pairs `lower_margin` and `upper_margin`.  `margins[i, j]` is the Result of a pair.  `stop` is
    "finished" if every pair did.
    """

    lower: Array
    upper: Array
    largest_lower: float
    largest_upper: float
    lower_margin: Tuple[int, int]
    upper_margin: Tuple[int, int]
    stop: str
    seconds: float

    def __init__(self, raw: Any, question: Question, results: List[Result]) -> None:
        m = raw.outputs
        self.lower, self.upper = (_copy(a, m * m).reshape(m, m) for a in (raw.lower, raw.upper))
        self.largest_lower, self.largest_upper = raw.largest_lower, raw.largest_upper
        self.pairs = [(i, j) for i in range(m) for j in range(i + 1, m)]
        self.lower_margin = self.pairs[raw.lower_pair]
        self.upper_margin = self.pairs[raw.upper_pair]
        self.stop, self.seconds = STOPS[raw.stop], raw.seconds
        self._question = question
        self._results = results

    def __getitem__(self, pair: Tuple[int, int]) -> Result:
        """The result of the pair (i, j); its output is (min, max)."""
        try:
            i, j = pair
            return self._results[self.pairs.index((min(i, j), max(i, j)))]
        except (TypeError, ValueError):
            raise ArgumentError("expected a pair of two different outputs below {}, found {!r}".format(
                len(self.lower), pair), "margin") from None

    @property
    def network(self) -> Network:
        """The network, as it was read."""
        return self._question.network

    @property
    def region(self) -> RegionInfo:
        """The region, in the doubles that the bounds hold for."""
        return self._question.region

    @property
    def results(self) -> Tuple[Result, ...]:
        """The results in the order of `pairs`: (0, 1), (0, 2), ..., (m - 2, m - 1)."""
        return tuple(self._results)

    def plot(self, path: Optional[Path] = None) -> _plot.Picture:
        """The matrix as a picture: SVG, written to a file if a path is given; a notebook shows it."""
        return _plot.plot(self, ("margins",), path, None)

    def to_dict(self) -> Dict[str, Any]:
        """The document that `lipcert bound --all-margins --json` writes."""
        return _json.margins_document(self, self._question)

    def to_json(self, path: Optional[Path] = None) -> str:
        """The same as JSON text, and written to a file if a path is given."""
        return to_json(self.to_dict(), path)

    def __repr__(self) -> str:
        return "<Margins of {} outputs, {} <= largest L_ij <= {}, {}>".format(
            len(self.lower), _json.decimal(self.largest_lower, False, 10),
            _json.decimal(self.largest_upper, True, 10), self.stop)


def _copy(pointer: Any, n: int) -> Array:
    return np.ctypeslib.as_array(pointer, (n,)).copy()


def _step(raw: Any) -> Step:
    return Step(text(raw.method), SIDES[raw.side], raw.value, EVIDENCE[raw.evidence], raw.seconds,
                raw.complete, text(raw.note))


def to_json(document: Dict[str, Any], path: Optional[Path]) -> str:
    content = json.dumps(document, indent=2, allow_nan=False) + "\n"
    if path is not None:
        write_text(path, content)
    return content


def write_certificate(net: Network, query: Any, raw: Any) -> bytes:
    """The certificate of a raw result."""
    pointer, size = ctypes.c_void_p(), ctypes.c_size_t()
    library().call("lip_certificate", net._handle.pointer, ctypes.byref(query), raw,
                   ctypes.byref(pointer), ctypes.byref(size))
    return library().take_text(pointer, size.value)

