"""Results as the JSON documents that the program `lipcert` writes (docs/cli.md).

A bound appears three times: as a number, which JSON readers turn back into the same double (null if
infinite); in hexadecimal as C's %a writes it, exactly; and as decimal text rounded outwards, a bound even
in exact decimal arithmetic.
"""
import decimal as _decimal
import math
import re
from typing import Any, Dict, List, Optional

from ._library import library
from ._version import __version__


def relative_gap(lower: float, upper: float) -> float:
    """(upper - lower) / upper, from 0 to 1; nan if upper is infinite."""
    if not math.isfinite(upper):
        return math.nan
    return (upper - lower) / upper if upper > 0 else 0.0


def number(value: float) -> Optional[float]:
    """A number, or null if JSON has none for it."""
    return float(value) if math.isfinite(value) else None


def numbers(array: Any) -> List[Optional[float]]:
    """A list of numbers."""
    return [number(value) for value in array]


def hexadecimal(value: float) -> str:
    """As C's %a: the shortest hexadecimal form.

    >>> hexadecimal(1.5), hexadecimal(0.0), hexadecimal(16.0), hexadecimal(math.inf)
    ('0x1.8p+0', '0x0p+0', '0x1p+4', 'inf')
    """
    return re.sub(r"\.?0*p", "p", float(value).hex(), count=1) if value != 0 else "0x0p+0"


def decimal(value: float, up: bool, digits: int = 17) -> str:
    """A bound rounded outwards, written in the manner of %g.

    >>> decimal(0.1, False), decimal(0.1, True)
    ('0.1', '0.10000000000000001')
    >>> decimal(2.5, True), decimal(1e300, False, 3), decimal(1e300, True, 3), decimal(math.inf, True)
    ('2.5', '1e+300', '1.01e+300', 'inf')
    """
    if not math.isfinite(value) or value == 0:
        return "nan" if math.isnan(value) else "0" if value == 0 else "inf" if value > 0 else "-inf"
    rounding = _decimal.ROUND_CEILING if up else _decimal.ROUND_FLOOR
    context = _decimal.Context(prec=digits, rounding=rounding)
    rounded = context.create_decimal_from_float(value)
    figures = "".join(map(str, rounded.as_tuple().digits)).rstrip("0")
    return ("-" if value < 0 else "") + _lay_out(figures, rounded.adjusted(), digits)


def _lay_out(figures: str, exponent: int, digits: int) -> str:
    """The number d.ddd * 10^exponent."""
    if exponent < -4 or exponent >= digits:
        tail = "." + figures[1:] if len(figures) > 1 else ""
        return "{}{}e{:+03d}".format(figures[0], tail, exponent)
    if exponent < 0:
        return "0." + "0" * (-exponent - 1) + figures
    whole = figures[:exponent + 1].ljust(exponent + 1, "0")
    return whole + ("." + figures[exponent + 1:] if len(figures) > exponent + 1 else "")


def bound(key: str, value: float, up: bool) -> Dict[str, Any]:
    """A bound in its three forms."""
    return {key: number(value), key + "_hex": hexadecimal(value), key + "_decimal": decimal(value, up)}


def matrix(key: str, value: Any, up: bool) -> Dict[str, Any]:
    """A matrix in its three forms."""
    return {key: [[number(v) for v in row] for row in value],
            key + "_hex": [[hexadecimal(v) for v in row] for row in value],
            key + "_decimal": [[decimal(v, up) for v in row] for row in value]}


# ---- Parts --------------------------------------------------------------------------------------


def _program() -> Dict[str, Any]:
    return {"name": "lipcert", "version": __version__, "build": library().build_info()}


def _network(net: Any) -> Dict[str, Any]:
    info = net.info
    return {"path": net.name.encode("utf-8", "replace").decode(), "format": info.format,
            "sha256": info.sha256, "inputs": info.inputs, "outputs": info.outputs,
            "layers": info.layers, "relu_layers": info.relu_layers, "neurons": info.neurons,
            "parameters": info.parameters, "chain": info.chain, "folds": info.folds}


def _output(output: Any) -> Dict[str, Any]:
    return dict(zip(("kind", "i", "j"), output))


def _region(region: Any) -> Dict[str, Any]:
    what = {"kind": region.kind, "n": region.n}  # type: Dict[str, Any]
    if region.kind == "box":
        what.update(lo=numbers(region.lo), hi=numbers(region.hi))
    elif region.kind == "ball":
        what.update(centre=numbers(region.centre), radius=number(region.radius))
    return what


def _step(step: Any) -> Dict[str, Any]:
    return dict({"method": step.method, "side": step.side},
                **bound("value", step.value, step.side == "upper"), evidence=step.evidence,
                seconds=number(step.seconds), complete=step.complete, note=step.note)


def _unfinished(left: Any) -> List[Dict[str, str]]:
    return [{"method": method, "reason": reason} for method, reason in left]


def _history(history: Any) -> List[Dict[str, Optional[float]]]:
    return [{key: number(value) for key, value in moment._asdict().items()} for moment in history]


def _witness(witness: Any) -> Optional[Dict[str, Any]]:
    if witness is None:
        return None
    return {"x": numbers(witness.x), "t": None if witness.t is None else numbers(witness.t)}


def _question(name: str, quantity: str, question: Any) -> Dict[str, Any]:
    return {"document": name, "document_version": 1, "program": _program(),
            "network": _network(question.network), "quantity": quantity,
            "norm_in": question.norm, "norm_out": question.norm_out,
            "output": _output(question.output), "given": dict(question.given)}


def _run(question: Any, first: Any) -> Dict[str, Any]:
    return {"region": _region(question.region), "method": question.method,
            "seed": question.settings["seed"], "settings": dict(question.settings),
            "neurons": first.neurons, "stable_active": first.stable_active,
            "stable_inactive": first.stable_inactive}


def _answer(result: Any) -> Dict[str, Any]:
    answer = bound("lower", result.lower, False)
    answer.update(bound("upper", result.upper, True), **bound("certified", result.certified, True))
    answer.update(lower_method=result.lower_method or None, upper_method=result.upper_method or None,
                  gap=number(result.gap), steps=[_step(step) for step in result.steps],
                  unfinished=_unfinished(result.unfinished), witness=_witness(result.witness), stop=result.stop, seconds=result.seconds)
    return answer


# ---- Documents ----------------------------------------------------------------------------------


def bound_document(result: Any, question: Any) -> Dict[str, Any]:
    """What `lipcert bound --json` writes."""
    document = _question("lipcert bound", "lipschitz constant", question)
    document.update(_run(question, result))
    document.update(_answer(result))
    if result.history:  # the program keeps none of single margins either
        document["history"] = _history(result.history)
    document.update(evidence="proved")
    return document


def margins_document(margins: Any, question: Any) -> Dict[str, Any]:
    """What `lipcert bound --all-margins --json` writes."""
    document = _question("lipcert margins", "largest lipschitz constant of a margin", question)
    document.update(_run(question, margins.results[0]))
    document.update(bound("lower", margins.largest_lower, False))
    document.update(bound("upper", margins.largest_upper, True))
    document.update(lower_margin=list(margins.lower_margin), upper_margin=list(margins.upper_margin),
                    evidence="proved",
                    gap=number(relative_gap(margins.largest_lower, margins.largest_upper)))
    document.update(matrix("lower_matrix", margins.lower, False))
    document.update(matrix("upper_matrix", margins.upper, True))
    pairs = zip(margins.pairs, margins.results)
    document["margins"] = [dict({"i": i, "j": j}, **_answer(result), certificate=None)
                           for (i, j), result in pairs]
    document.update(stop=margins.stop, seconds=margins.seconds)
    return document


def radius_document(radius: Any, question: Any) -> Dict[str, Any]:
    """What `lipcert radius --json` writes."""
    document = _question("lipcert radius", "distance to the nearest other class", question)
    document.update(x=numbers(radius.x), label=radius.label)
    document.update(bound("radius", radius.radius, False), evidence="proved", nearest=radius.nearest)
    document["classes"] = [dict(
        {"class": j}, **bound("radius", c.radius, False), **bound("margin", c.margin, False),
        **bound("upper", c.upper, True), **bound("on_radius", c.on_radius, False),
        method=c.method or None) for j, c in enumerate(radius.classes) if j != radius.label]
    document.update(trials=radius.trials, note=radius.note, method=question.method,
                    settings=dict(question.settings), stop=radius.stop, seconds=radius.seconds)
    return document
