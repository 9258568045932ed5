"""What can go wrong, as exceptions.

Every exception of lipcert is a `LipcertError` and, besides, the built-in exception that a Python
programmer would expect: a file that cannot be read is an `OSError`, a wrong value a `ValueError`.
The text is one sentence that says where, what was expected, and what was found.
"""
from typing import Any, Dict, Tuple, Type

__all__ = ["ArgumentError", "FileError", "FormatError", "InputTypeError", "InternalError",
           "Interrupted", "LibraryError", "LipcertError", "OutOfMemoryError", "UnsupportedError"]


class LipcertError(Exception):
    """The base of all errors of lipcert.

    `file`, `place` (where in it, or which argument) and `message` are its parts; `file` and `place`
    may be empty.
    """

    def __init__(self, message: str, place: str = "", file: str = "") -> None:
        super().__init__(": ".join(part for part in (file, place, message) if part))
        self.message = message
        self.place = place
        self.file = file

    def __reduce__(self) -> Tuple[Type["LipcertError"], Tuple[str, str, str]]:
        return type(self), (self.message, self.place, self.file)


class FileError(LipcertError, OSError):
    """A file could not be opened, read or written."""


class FormatError(LipcertError, ValueError):
    """A file, or bytes, are not what their format demands."""


class UnsupportedError(LipcertError, NotImplementedError):
    """Well-formed, but outside what lipcert handles: a sigmoid, say."""


class ArgumentError(LipcertError, ValueError):
    """A value is out of range, or does not fit the network."""


class InputTypeError(LipcertError, TypeError):
    """An object of a kind that lipcert does not know."""


class OutOfMemoryError(LipcertError, MemoryError):
    """Memory is short."""


class InternalError(LipcertError, RuntimeError):
    """A self-check failed: a defect of lipcert; please report it."""


class LibraryError(LipcertError, OSError):
    """The shared library, or the program lipcheck or lipcert, is missing or of another version."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a call with on_interrupt="raise"; `result` holds the best bounds so far."""

    def __init__(self, result: Any) -> None:
        super().__init__("interrupted; the attribute 'result' holds the best bounds so far")
        self.result = result


# by lip_status
BY_STATUS = {1: OutOfMemoryError, 2: FileError, 3: FormatError, 4: UnsupportedError,
             5: ArgumentError, 6: InternalError}  # type: Dict[int, Type[LipcertError]]
