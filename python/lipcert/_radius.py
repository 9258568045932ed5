"""The certified radius at a point: how far it is at least from every other class."""
import ctypes
import math
from typing import Any, Callable, Dict, NamedTuple, Optional, Sequence, Tuple, Union

from . import _json, _plot
from ._arrays import as_index, as_number, as_point
from ._bounds import Norm, Progress, Watch, as_methods, as_norm, as_settings, given_options, run
from ._errors import ArgumentError
from ._files import Path
from ._library import NORMS, STOPS, doubles, library, lip_radius_query, lip_radius_result, text
from ._networks import Network
from ._regions import as_clip, region_info, Everywhere
from ._results import Question, to_json

__all__ = ["ClassRadius", "Radius", "radius"]

LARGEST_OUTPUT = 2 ** (8 * ctypes.sizeof(ctypes.c_size_t)) - 1  # LIP_LARGEST_OUTPUT

ClassRadius = NamedTuple("ClassRadius", [("radius", float), ("margin", float), ("upper", float),
                                         ("on_radius", float), ("method", str)])
ClassRadius.__doc__ = """What was proved against one class j: |x' - x| < `radius` implies f_k(x') > f_j(x'), because
f_k(x) - f_j(x) >= `margin` and f_k - f_j has the Lipschitz constant `upper` on the points within
`on_radius` of x, by `method` ("outputs": by bounds of all outputs there, `upper` is inf then)."""


class Radius:
    """No point closer to x than `radius` has another largest output than `label`, proved.

    `nearest` is a class with that radius, `classes` what was proved against each (a tuple of
    ClassRadius), `trials` how many regions were looked at, `stop` and `seconds` how it ended, `note`
    why the radius is 0. `network`, `x`, `norm`, `method` and `settings` are the question.
    """

    def __init__(self, raw: Any, x: Any, question: Question) -> None:
        self.radius, self.label, self.nearest = raw.radius, raw.label, raw.nearest
        self.classes = tuple(
            ClassRadius(c.radius, c.margin, c.upper, c.region, text(c.method))
            for c in (raw.of_class[j] for j in range(raw.outputs)))  # type: Tuple[ClassRadius, ...]
        self.trials, self.stop, self.seconds = raw.trials, STOPS[raw.stop], raw.seconds
        self.note, self.x = text(raw.note), x
        self.network, self.norm = question.network, question.norm
        self.method, self.settings = question.method, dict(question.settings)
        self._question = question

    def plot(self, path: Optional[Path] = None) -> _plot.Picture:
        """The radius against each class as a picture: SVG, written to a file if a path is given."""
        return _plot.plot(self, ("classes",), path, None)

    def to_dict(self) -> Dict[str, Any]:
        """The document that `lipcert radius --json` writes."""
        return _json.radius_document(self, self._question)

    def to_json(self, path: Optional[Path] = None) -> str:
        """The same as JSON text, and written to a file if a path is given."""
        return to_json(self.to_dict(), path)

    def __repr__(self) -> str:
        return "<Radius {} <= r, class {}, {}>".format(_json.decimal(self.radius, False, 10), self.label,
                                                       self.stop)


def radius(net: Any, x: Any, norm: Norm = "inf", label: Optional[int] = None,
           method: Union[str, Sequence[str]] = "auto", *,
           clip: Optional[Tuple[Optional[float], Optional[float]]] = None, precision: float = 1e-3,
           time_limit: Optional[float] = None, progress: Optional[Callable[[Progress], Any]] = None,
           progress_interval: float = 0.1, on_interrupt: str = "return",
           input_shape: Optional[Sequence[int]] = None, **settings: Any) -> Radius:
    """Prove how far x is at least from every point of another class (another largest output).

    norm           of the distance: 1, 2 or "inf"
    label          the class of x (default: its largest output); the radius is 0 if x is not of it
    method         methods for upper bounds; "auto" stands for product, interval and tangent
    clip           (lowest, highest): only points in this range count; needs the norm inf
    precision      relative width at which the search for the radius ends

    All else is as for `bound`; progress shows the radius proved so far as `lower`.

    >>> found = radius([([[1.0, 0.0], [0.0, 1.0]], None)], [3, 1])
    >>> found.label, 0.999 < found.radius <= 1
    (0, True)
    """
    methods = as_methods(method)
    watch = Watch(progress, progress_interval, on_interrupt)
    values = as_settings(dict(settings, time_limit=time_limit))
    name, ends = as_norm(norm, "norm"), as_clip(clip, "clip")
    width = as_number(precision, "precision")
    if not 0 < width < 1:
        raise ArgumentError("expected a number between 0 and 1, found {}".format(precision), "precision")
    if ends != (-math.inf, math.inf) and name != "inf":
        raise ArgumentError("needs the norm 'inf': the regions of other norms are balls", "clip")
    network = net if isinstance(net, Network) else Network(net, input_shape)
    point = as_point(x, network.inputs, "x")
    chosen = LARGEST_OUTPUT if label is None else as_index(label, "label")
    if label is not None and not 0 <= chosen < network.outputs:
        raise ArgumentError("found output {}, but the network has {} outputs, counted from 0".format(
            chosen, network.outputs), "label")
    query = lip_radius_query(doubles(point), 1 + NORMS.index(name), chosen, *ends, width)
    out = ctypes.POINTER(lip_radius_result)()
    owner = run("lip_radius", "lip_radius_free", network, query, methods, values, watch, out)
    known = {key: getattr(values, key) for key in library().settings}
    question = Question(network, name, name, ("all",), region_info(Everywhere().resolve(network.inputs),
                                                                  network.inputs),
                        methods, known, given_options(settings, time_limit, methods))
    found = Radius(out.contents, point, question)
    del owner  # what it held has been copied
    return watch.finish(found)  # type: ignore[no-any-return]
