"""bound and margins: the question, the call, and what can happen while it runs.

Ctrl-C.  While C code runs Python handles no signals; they wait until the library calls back, which it
does now and then.  Two things have to be avoided there: a KeyboardInterrupt that comes up inside the
callback, where ctypes would print and forget it, and one that comes up after the callback has looked.  So
during the call SIGINT has a handler of ours, which runs the program's own handler and keeps what that
raises.  The callback sees it and stops the library, which returns its best bounds; then they are
returned, or the exception is raised with them.

All this needs the main thread, the only one in which Python handles signals; in other threads no handler is
installed.  The library calls back when a bound or the method has changed and else some twenty times a
second.  `bound` keeps the bounds of every call: the history of its result.
"""
import ctypes
import math
import signal
import threading
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

from ._arrays import as_index, as_number, as_point
from ._errors import ArgumentError, InputTypeError, Interrupted
from ._library import DOUBLES, ENUMERATORS, NORMS, OUTPUT_KINDS, PROGRESS, Handle, doubles, \
    library, lip_margins, lip_output, lip_query, lip_result, text
from ._networks import Network
from ._regions import as_region, region_info
from ._results import Margins, Moment, Question, Result, write_certificate

__all__ = ["GradientNorm", "Progress", "bound", "gradient_norm", "margins"]

Norm = Union[str, int, float]
Output = Union[None, int, str, Tuple[int, int]]
Progress = NamedTuple("Progress", [("method", str), ("lower", float), ("upper", float),
                                   ("seconds", float)])
Progress.__doc__ = "What is known while a call runs: the method at work, both bounds, the time."
GradientNorm = NamedTuple("GradientNorm", [("lower", float), ("upper", float), ("decided", bool)])
GradientNorm.__doc__ = """lower <= |J(x)| <= upper, proved; if x is too close to a kink, `decided` is
False and the bounds are 0 and inf."""

INTERRUPTED = 2  # index in STOPS
MOST_MOMENTS = 512


# ---- The question -------------------------------------------------------------------------------


def as_norm(value: Any, place: str) -> str:
    """"1", "2" or "inf", from a number or text."""
    name = value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        name = {1: "1", 2: "2", math.inf: "inf"}.get(value)
    if not isinstance(name, str) or name not in NORMS:
        raise ArgumentError("expected 1, 2 or 'inf', found {!r}".format(value), place)
    return name


def as_output(value: Any, outputs: int) -> Tuple[Any, ...]:
    """(kind,), (kind, i) or (kind, i, j); the only output is the row 0."""
    if value is None or (isinstance(value, str) and value == "all"):
        return ("row", 0) if outputs == 1 else ("all",)
    if isinstance(value, str):
        raise ArgumentError("expected an index, a pair (i, j) or 'all', found {!r}".format(value),
                            "output")
    pair = isinstance(value, (tuple, list))
    chosen = tuple(as_index(item, "output") for item in (value if pair else [value]))
    if len(chosen) != (2 if pair else 1):
        raise ArgumentError("expected an index, a pair (i, j) or 'all', found {!r}".format(value),
                            "output")
    for index in chosen:
        if not 0 <= index < outputs:
            raise ArgumentError("found output {}, but the network has {} output{}, counted from 0".format(
                index, outputs, "" if outputs == 1 else "s"), "output")
    if pair and chosen[0] == chosen[1]:
        raise ArgumentError("expected two different outputs, found {!r}".format(value), "output")
    return ("margin" if pair else "row",) + chosen


def as_methods(value: Any) -> str:
    """Names joined by commas."""
    if isinstance(value, (list, tuple)) and value and all(isinstance(v, str) for v in value):
        value = ",".join(value)
    if not isinstance(value, str):
        raise InputTypeError("expected the name of a method, or a list of names, found {!r}".format(
            value), "method")
    if "\0" in value:
        raise ArgumentError("expected the name of a method, found {!r}".format(value), "method")
    return value


def as_settings(given: Dict[str, Any]) -> Any:
    """The C struct of settings, with defaults where nothing is given; ranges checked."""
    known = library().settings
    settings = library().settings_structure()
    library().functions.lip_settings_default(ctypes.addressof(settings))
    for name, value in given.items():
        if name not in known:
            raise InputTypeError("unknown setting '{}'; the settings are {}".format(
                name, ", ".join(known)), "settings")
        if value is None:
            continue
        of = known[name]
        wanted = as_number(value, name) if of.type is float else \
            as_index(int(value) if isinstance(value, bool) else value, name)
        if not of.smallest <= wanted <= of.largest:
            raise ArgumentError("expected a value from {:.15g} to {:.15g}, found {}".format(
                of.smallest, of.largest, value), name)
        setattr(settings, name, wanted)
    return settings


class _Query:
    """The library's query, with everything that it points to."""

    def __init__(self, net: Any, norm: Norm, norm_out: Optional[Norm], region: Any, output: Output,
                 point: Any, input_shape: Optional[Sequence[int]]) -> None:
        self.norm = as_norm(norm, "norm")
        self.norm_out = self.norm if norm_out is None else as_norm(norm_out, "norm_out")
        where = as_region(region)
        self.net = net if isinstance(net, Network) else Network(net, input_shape)
        n = self.net.inputs
        self.output = as_output(output, self.net.outputs)
        self.region = where.resolve(n)  # type: Handle
        self.point = None if point is None else as_point(point, n, "point")

    def raw(self, output: Tuple[Any, ...]) -> lip_query:
        """The C struct, for one selection of outputs."""
        selection = lip_output(OUTPUT_KINDS.index(output[0]), *output[1:])
        return lip_query(ENUMERATORS["LIP_NORM_" + self.norm.upper()],
                         ENUMERATORS["LIP_NORM_" + self.norm_out.upper()], selection,
                         self.region.pointer, DOUBLES() if self.point is None else doubles(self.point))

    def question(self, method: str, settings: Any, output: Tuple[Any, ...],
                 given: Dict[str, Any]) -> Question:
        """The same for people."""
        values = {name: getattr(settings, name) for name in library().settings}
        return Question(self.net, self.norm, self.norm_out, output,
                        region_info(self.region, self.net.inputs), method, values, given)


# ---- The call -----------------------------------------------------------------------------------


class History(List[Moment]):
    """The bounds whenever one of them changed; with too many, every second one is forgotten."""

    def keep(self, seconds: float, lower: float, upper: float) -> None:
        """Keep the bounds if they differ from the last ones."""
        if (lower, upper) == (self[-1][1:] if self else (0, math.inf)):
            return
        if len(self) == MOST_MOMENTS:
            del self[::2]
        self.append(Moment(seconds, lower, upper))


class Watch:
    """Progress, history and Ctrl-C during one call; a context manager."""

    def __init__(self, progress: Optional[Callable[[Progress], Any]], interval: float,
                 on_interrupt: str, history: Optional[History] = None) -> None:
        if progress is not None and not callable(progress):
            raise InputTypeError("expected a function, found an object of type {}".format(
                type(progress).__name__), "progress")
        if on_interrupt not in ("return", "raise"):
            raise ArgumentError("expected 'return' or 'raise', found {!r}".format(on_interrupt),
                                "on_interrupt")
        self.progress, self.on_interrupt, self.history = progress, on_interrupt, history
        self.interval = as_number(interval, "progress_interval")
        self.next_report = 0.0
        self.problem = None  # type: Optional[BaseException]
        self.interrupted = self.installed = False
        self.former = None  # type: Any

    def __enter__(self) -> "Watch":
        self.former = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is threading.main_thread() and callable(self.former):
            signal.signal(signal.SIGINT, self._on_signal)
            self.installed = True
        return self

    def __exit__(self, *problem: Any) -> None:
        if self.installed:
            signal.signal(signal.SIGINT, self.former)

    def _on_signal(self, number: int, frame: Any) -> None:
        try:
            self.former(number, frame)
        except KeyboardInterrupt:
            self.interrupted = True
        except BaseException as problem:  # pylint: disable=broad-except
            self.problem = problem

    def callback(self) -> Any:
        """The function for the library, or NULL if nobody needs it."""
        if self.installed or self.progress is not None or self.history is not None:
            return PROGRESS(self._look)
        return None

    def _look(self, raw: Any, user: Any) -> bool:
        del user
        at = raw.contents
        if self.history is not None:
            self.history.keep(at.seconds, at.lower, at.upper)
        if self.interrupted or self.problem is not None:
            return True
        if self.progress is None:
            return False
        try:
            now = time.monotonic()
            if now < self.next_report:
                return False
            self.next_report = now + self.interval
            return bool(self.progress(Progress(text(at.method), at.lower, at.upper, at.seconds)))
        except KeyboardInterrupt:
            self.interrupted = True
        except BaseException as problem:  # pylint: disable=broad-except
            self.problem = problem
        return True

    def finish(self, answer: Any) -> Any:
        """Return the answer, or raise what came up."""
        if self.interrupted and self.on_interrupt == "raise":
            raise Interrupted(answer)
        return answer


def run(function: str, free: str, net: Network, query: Any, method: str, settings: Any,
        watch: Watch, out: Any) -> Handle:
    """Call lip_bound or one of its kind; `out` receives the pointer to the result, which `free` frees."""
    with watch:
        callback = watch.callback()
        library().call(function, net._handle.pointer, ctypes.byref(query), method.encode(),
                       ctypes.addressof(settings), ctypes.cast(callback, ctypes.c_void_p), None,
                       ctypes.byref(out))
    owner = Handle(out, free)
    if watch.problem is not None:
        raise watch.problem
    if watch.interrupted:
        out.contents.stop = INTERRUPTED  # also if the run was over a moment earlier
    return owner


def bound(net: Any, norm: Norm = "inf", region: Any = None, output: Output = None,
          method: Union[str, Sequence[str]] = "auto", *, norm_out: Optional[Norm] = None,
          time_limit: Optional[float] = None, point: Any = None,
          progress: Optional[Callable[[Progress], Any]] = None, progress_interval: float = 0.1,
          on_interrupt: str = "return", input_shape: Optional[Sequence[int]] = None,
          **settings: Any) -> Result:
    """Bound the Lipschitz constant of a network from both sides, with proof.

    net            a path, bytes, a list of (W, b), an onnx.ModelProto, a torch module, an MLP of
                   scikit-learn, or a Network
    norm           the norm of the input: 1, 2 or "inf"
    region         Box, Ball, Everywhere() or None (all of R^n), or the path of a VNN-LIB file
    output         an index, a margin (i, j), or None or "all": the vector of all outputs
    method         one of methods(), or several: a list, or names joined by commas
    norm_out       the norm of the output (default: norm); of no effect for a single output or margin
    time_limit     in seconds (default 60); the best bounds by then are returned
    point          a point of the region, for the method "point"
    progress       called with a Progress now and then; if it returns something true the call ends with
                   the best bounds; what it raises ends the call and is raised again
    progress_interval  seconds between two calls of it at least
    on_interrupt   what Ctrl-C does: "return" the best bounds (a Result with stop = "interrupted"), or
                   "raise" Interrupted, a KeyboardInterrupt whose attribute `result` holds them
    input_shape    see Network
    **settings     the other settings(), by name, such as seed=2

    Other threads run meanwhile.

    >>> from lipcert import Box
    >>> result = bound("examples/controller.onnx", region=Box(0, 0.1))
    >>> print("%.3f <= L <= %.3f" % (result.lower, result.upper))
    26.022 <= L <= 26.022
    >>> result.witness.x.shape, result.stop
    ((2,), 'finished')
    """
    methods, history = as_methods(method), History()
    watch = Watch(progress, progress_interval, on_interrupt, history)
    values = as_settings(dict(settings, time_limit=time_limit))
    query = _Query(net, norm, norm_out, region, output, point, input_shape)
    out = ctypes.POINTER(lip_result)()
    owner = run("lip_bound", "lip_result_free", query.net, query.raw(query.output), methods, values,
                watch, out)
    question = query.question(methods, values, query.output, given_options(settings, time_limit, methods))
    raw = out.contents
    history.keep(raw.seconds, raw.lower, raw.upper)
    return watch.finish(_result(query, question, out, owner, history))  # type: ignore[no-any-return]


def margins(net: Any, norm: Norm = "inf", region: Any = None,
            method: Union[str, Sequence[str]] = "auto", *, time_limit: Optional[float] = None,
            point: Any = None, progress: Optional[Callable[[Progress], Any]] = None,
            progress_interval: float = 0.1, on_interrupt: str = "return",
            input_shape: Optional[Sequence[int]] = None, **settings: Any) -> Margins:
    """Bound every margin f_i - f_j, with shared work: how fast a preference between classes can change.

    The arguments are those of `bound`; `time_limit` holds for all margins together, and progress is
    about the largest L_ij.

    >>> found = margins([([[2.0], [-1.0]], None), ([[1, 0], [0, 1], [1, 1]], None)], method="product,ascent")
    >>> found.upper.shape, bool(found.upper[0, 1] == found[1, 0].upper)
    ((3, 3), True)
    """
    methods = as_methods(method)
    watch = Watch(progress, progress_interval, on_interrupt)
    values = as_settings(dict(settings, time_limit=time_limit))
    query = _Query(net, norm, None, region, None, point, input_shape)
    out = ctypes.POINTER(lip_margins)()
    owner = run("lip_bound_margins", "lip_margins_free", query.net, query.raw(query.output), methods,
                values, watch, out)
    raw, results = out.contents, []  # type: Any, List[Result]
    given = given_options(settings, time_limit, methods)
    pairs = [(i, j) for i in range(raw.outputs) for j in range(i + 1, raw.outputs)]
    first = query.question(methods, values, ("margins",), given)
    for k, (i, j) in enumerate(pairs):
        question = first._replace(output=("margin", i, j))
        results.append(_result(query, question, raw.result[k], owner))
    return watch.finish(Margins(raw, first, results))  # type: ignore[no-any-return]


def given_options(settings: Dict[str, Any], time_limit: Optional[float], methods: str
                  ) -> Dict[str, Any]:
    """What the caller said, under the names of the program's options."""
    given = {} if methods == "auto" else {"method": methods}
    for name, value in dict(settings, time_limit=time_limit).items():
        if value is not None:
            given[library().settings[name].option] = str(value)
    return given


def _result(query: _Query, question: Question, pointer: Any, owner: Handle,
            history: Sequence[Moment] = ()) -> Result:
    """A Result; the closure keeps alive what the certificate needs."""

    def write() -> bytes:
        del_guard = owner  # the library's result lives as long as this function
        assert del_guard is not None
        return write_certificate(query.net, query.raw(question.output), pointer)

    return Result(pointer.contents, question, write, history)


def gradient_norm(net: Any, x: Any, norm: Norm = "inf", region: Any = None, output: Output = None, *,
                  norm_out: Optional[Norm] = None, input_shape: Optional[Sequence[int]] = None
                  ) -> GradientNorm:
    """Enclose the operator norm of the Jacobian at the point x, with proof.

    x must lie in the region, whose stable neurons count as decided.

    >>> gradient_norm([([[3.0, -4.0]], [1.0])], [0, 0], norm=2).decided
    True
    """
    query = _Query(net, norm, norm_out, region, output, None, input_shape)
    point = as_point(x, query.net.inputs, "x")
    lower, upper, decided = ctypes.c_double(), ctypes.c_double(), ctypes.c_bool()
    library().call("lip_gradient_norm", query.net._handle.pointer,
                   ctypes.byref(query.raw(query.output)), doubles(point), ctypes.byref(lower),
                   ctypes.byref(upper), ctypes.byref(decided))
    return GradientNorm(lower.value, upper.value, decided.value)
