"""The settings, read from the header that defines them.

`lipcert_settings.h` is a table: LIP_SETTINGS(X) lists X(type, field, option, default, smallest,
largest, help), and the C struct, the range check and the documents come from it.  So do the ctypes
structure and the keyword arguments of this package: the header lies in the wheel (and in a checkout,
in include/), and is parsed when the library is loaded.  Whether the loaded library was built from the
same table is found out from the library itself, see `_library.check_settings`.
"""
import ctypes
import os
import re
from typing import Any, Dict, List, NamedTuple, Type, Union

from ._errors import LibraryError

__all__ = ["Setting"]

Number = Union[int, float]
Setting = NamedTuple("Setting", [("name", str), ("type", type), ("default", Number),
                                 ("smallest", Number), ("largest", Number), ("option", str),
                                 ("help", str)])
Setting.__doc__ = """One setting: its name, type (int or float), default, range, the option of the
program `lipcert` that sets it, and one line of help."""

HEADER = "lipcert_settings.h"
TOKEN = re.compile(r'\s*(?:([A-Za-z_]\w*)|([-+]?(?:\d|\.\d)[\w.]*(?:(?<=[eE])[-+]\d+)?)|"((?:[^"\\]|\\.)*)"'
                   r"|([(),]))")


def header_path() -> str:
    """The header: beside this file (installed), else in include/ of the checkout."""
    here = os.path.dirname(os.path.abspath(__file__))
    places = [os.path.join(here, HEADER),
              os.path.join(here, os.pardir, os.pardir, "include", HEADER)]
    for place in places:
        if os.path.isfile(place):
            return place
    raise LibraryError("expected {} beside {} or in include/ of a checkout, found none".format(
        HEADER, os.path.basename(__file__)))


class _Tokens:
    """The tokens of the table, taken one after another."""

    def __init__(self, text: str) -> None:
        body = re.sub(r"/\*.*?\*/", " ", text, flags=re.S).replace("\\\n", " ")
        start = re.search(r"^[ \t]*#[ \t]*define[ \t]+LIP_SETTINGS\(X\)", body, flags=re.M)
        if not start:
            raise LibraryError("expected '#define LIP_SETTINGS(X)', found none", "", HEADER)
        end = body.find("\n", start.end())
        self.text = body[start.end():end if end >= 0 else len(body)].rstrip()
        self.at = 0

    def left(self) -> bool:
        return self.at < len(self.text)

    def take(self, kind: int, wanted: str) -> str:
        """The next token, which must be of this kind (group of TOKEN)."""
        match = TOKEN.match(self.text, self.at)
        if not match or match.group(kind) is None or (kind == 4 and match.group(4) != wanted):
            raise LibraryError("expected {} in the table of settings, found '{}'".format(
                wanted, self.text[self.at:self.at + 30].strip()), "", HEADER)
        self.at = match.end()
        return match.group(kind)

    def strings(self) -> str:
        """One string or several in a row, joined."""
        parts = [self.take(3, "a string")]
        while self.text[self.at:].lstrip().startswith('"'):
            parts.append(self.take(3, "a string"))
        return "".join(parts).replace('\\"', '"').replace("\\\\", "\\")


def parse(text: str) -> List[Setting]:
    """The settings of a header, in the order of the struct."""
    tokens, settings = _Tokens(text), []  # type: _Tokens, List[Setting]
    while tokens.left():
        if tokens.take(1, "X") != "X":
            raise LibraryError("expected X(...) in the table of settings", "", HEADER)
        tokens.take(4, "(")
        kind = tokens.take(1, "a type")
        if kind not in ("int", "double"):
            raise LibraryError("expected a setting of type int or double, found " + kind, "", HEADER)
        number = int if kind == "int" else float  # type: Any
        tokens.take(4, ",")
        name = tokens.take(1, "a name")
        tokens.take(4, ",")
        option = tokens.strings()
        values = []
        for _ in range(3):
            tokens.take(4, ",")
            values.append(number(tokens.take(2, "a number")))
        tokens.take(4, ",")
        settings.append(Setting(name, number, values[0], values[1], values[2], option,
                                tokens.strings()))
        tokens.take(4, ")")
    return settings


def read() -> Dict[str, Setting]:
    """The settings by name."""
    with open(header_path(), encoding="utf-8") as file:
        return {setting.name: setting for setting in parse(file.read())}


def structure(settings: Dict[str, Setting]) -> Type[ctypes.Structure]:
    """The C struct lip_settings."""
    c_type = {int: ctypes.c_int, float: ctypes.c_double}  # type: Dict[type, Any]
    fields = [(setting.name, c_type[setting.type]) for setting in settings.values()]
    return type("lip_settings", (ctypes.Structure,), {"_fields_": fields})
