"""The shared library: finding it, its structures and functions, and a check that it is the right one.

The structures repeat include/lipcert.h; tests/python compares every offset, size and enumerator with
what a C compiler says of the header.  The settings are not repeated: `_settings` reads their header.

Where the library is looked for, in this order:
  1. LIPCERT_LIBRARY, a file or a folder; if it is set nothing else is tried;
  2. the folder lib/ of this package: a wheel has it there;
  3. in a checkout, build/src;
  4. lib/ of the Python installation or virtual environment, and where the system's loader looks.

ctypes releases the global interpreter lock while a function of the library runs.
"""
import ctypes
import os
import sys
import threading
from ctypes import POINTER, c_bool, c_char, c_char_p, c_double, c_int, c_size_t, c_void_p
from typing import Any, Dict, List, Optional, Tuple

from . import _settings
from ._errors import BY_STATUS, LibraryError, LipcertError
from ._version import __version__

DOUBLES = POINTER(c_double)


class lip_error(ctypes.Structure):
    _fields_ = [("status", c_int), ("file", c_char * 256), ("place", c_char * 160),
                ("message", c_char * 512)]


class lip_read_options(ctypes.Structure):
    _fields_ = [("nnet_normalise", c_bool)]


class lip_network_info(ctypes.Structure):
    _fields_ = [("inputs", c_size_t), ("outputs", c_size_t), ("layers", c_size_t),
                ("relu_layers", c_size_t), ("neurons", c_size_t), ("parameters", c_size_t),
                ("chain", c_bool), ("folds", c_size_t), ("sha256", c_char * 65),
                ("format", c_char * 32)]


class lip_layer_info(ctypes.Structure):
    _fields_ = [("width", c_size_t), ("relu", c_bool), ("terms", c_size_t), ("source", c_size_t),
                ("op_kind", c_char_p), ("nonzeros", c_size_t)]


class lip_output(ctypes.Structure):
    _fields_ = [("kind", c_int), ("i", c_size_t), ("j", c_size_t)]


class lip_query(ctypes.Structure):
    _fields_ = [("norm_in", c_int), ("norm_out", c_int), ("output", lip_output),
                ("region", c_void_p), ("point", DOUBLES)]


class lip_step(ctypes.Structure):
    _fields_ = [("method", c_char_p), ("side", c_int), ("value", c_double), ("evidence", c_int),
                ("seconds", c_double), ("complete", c_bool), ("note", c_char * 160)]


class lip_unfinished(ctypes.Structure):
    _fields_ = [("method", c_char_p), ("reason", c_char_p)]


class lip_result(ctypes.Structure):
    _fields_ = [("lower", c_double), ("upper", c_double), ("lower_method", c_char_p),
                ("upper_method", c_char_p), ("n", c_size_t), ("witness_x", DOUBLES),
                ("witness_t", DOUBLES), ("neurons", c_size_t), ("stable_active", c_size_t),
                ("stable_inactive", c_size_t), ("steps", c_size_t), ("step", POINTER(lip_step)),
                ("stop", c_int), ("seconds", c_double), ("certified", c_double),
                ("proof", c_void_p), ("unfinished_count", c_size_t),
                ("unfinished", POINTER(lip_unfinished))]


class lip_margins(ctypes.Structure):
    _fields_ = [("outputs", c_size_t), ("pairs", c_size_t), ("lower", DOUBLES), ("upper", DOUBLES),
                ("largest_lower", c_double), ("largest_upper", c_double),
                ("lower_pair", c_size_t), ("upper_pair", c_size_t),
                ("result", POINTER(POINTER(lip_result))), ("stop", c_int), ("seconds", c_double)]


class lip_progress(ctypes.Structure):
    _fields_ = [("method", c_char_p), ("lower", c_double), ("upper", c_double),
                ("seconds", c_double)]


class lip_radius_query(ctypes.Structure):
    _fields_ = [("x", DOUBLES), ("norm", c_int), ("label", c_size_t), ("clip_lo", c_double),
                ("clip_hi", c_double), ("precision", c_double)]


class lip_radius_class(ctypes.Structure):
    _fields_ = [("radius", c_double), ("margin", c_double), ("upper", c_double),
                ("region", c_double), ("method", c_char_p)]


class lip_radius_result(ctypes.Structure):
    _fields_ = [("radius", c_double), ("label", c_size_t), ("nearest", c_size_t),
                ("outputs", c_size_t), ("of_class", POINTER(lip_radius_class)),
                ("trials", c_size_t), ("stop", c_int), ("seconds", c_double), ("note", c_char * 160)]


class lip_method(ctypes.Structure):
    _fields_ = [("name", c_char_p), ("side", c_char_p), ("help", c_char_p), ("source", c_char_p)]


STRUCTURES = [lip_error, lip_read_options, lip_network_info, lip_layer_info, lip_output, lip_query,
              lip_step, lip_unfinished, lip_result, lip_margins, lip_progress, lip_radius_query, lip_radius_class,
              lip_radius_result, lip_method]

# enumerators of the header
ENUMERATORS = {
    "LIP_OK": 0, "LIP_OUT_OF_MEMORY": 1, "LIP_IO": 2, "LIP_FORMAT": 3, "LIP_UNSUPPORTED": 4,
    "LIP_ARGUMENT": 5, "LIP_INTERNAL": 6, "LIP_EVERYWHERE": 0, "LIP_BOX": 1, "LIP_BALL": 2,
    "LIP_NORM_1": 1, "LIP_NORM_2": 2, "LIP_NORM_INF": 3, "LIP_OUTPUT_ROW": 0,
    "LIP_OUTPUT_MARGIN": 1, "LIP_OUTPUT_ALL": 2, "LIP_LOWER": 0, "LIP_UPPER": 1, "LIP_PROVED": 0,
    "LIP_COMPUTED": 1, "LIP_FINISHED": 0, "LIP_OUT_OF_TIME": 1, "LIP_INTERRUPTED": 2}
NORMS = ("1", "2", "inf")                                # LIP_NORM_1 + index
REGION_KINDS = ("everywhere", "box", "ball")             # by lip_region_kind
OUTPUT_KINDS = ("row", "margin", "all")                  # by lip_output_kind
SIDES = ("lower", "upper")                               # by lip_side
EVIDENCE = ("proved", "computed")                        # by lip_evidence
STOPS = ("finished", "out of time", "interrupted")       # by lip_stop

PROGRESS = ctypes.CFUNCTYPE(c_bool, POINTER(lip_progress), c_void_p)

_ERROR, _OUT, _SIZE = POINTER(lip_error), POINTER(c_void_p), c_size_t
_QUERY, _INFO = POINTER(lip_query), POINTER(lip_network_info)
_BOUND = [c_void_p, _QUERY, c_char_p, c_void_p, c_void_p, c_void_p]
# name: (result, arguments); a result of c_int is a lip_status
FUNCTIONS = {
    "lip_version": (c_char_p, []),
    "lip_build_info": (c_char_p, []),
    "lip_network_load": (c_int, [c_char_p, POINTER(lip_read_options), _OUT, _ERROR]),
    "lip_network_load_memory": (c_int, [c_char_p, _SIZE, c_char_p, POINTER(lip_read_options), _OUT,
                                        _ERROR]),
    "lip_network_create_dense": (c_int, [_SIZE, POINTER(_SIZE), POINTER(DOUBLES), POINTER(DOUBLES),
                                         _OUT, _ERROR]),
    "lip_network_free": (None, [c_void_p]),
    "lip_network_save": (c_int, [c_void_p, c_char_p, _ERROR]),
    "lip_network_get_info": (None, [c_void_p, _INFO]),
    "lip_network_get_layer": (c_int, [c_void_p, _SIZE, POINTER(lip_layer_info), _ERROR]),
    "lip_network_eval": (c_int, [c_void_p, DOUBLES, DOUBLES, _ERROR]),
    "lip_network_preactivations": (c_int, [c_void_p, DOUBLES, DOUBLES, _ERROR]),
    "lip_network_jacobian": (c_int, [c_void_p, DOUBLES, DOUBLES, _ERROR]),
    "lip_region_everywhere": (c_int, [_SIZE, _OUT, _ERROR]),
    "lip_region_box": (c_int, [_SIZE, DOUBLES, DOUBLES, _OUT, _ERROR]),
    "lip_region_box_around": (c_int, [_SIZE, DOUBLES, c_double, c_double, c_double, _OUT, _ERROR]),
    "lip_region_ball": (c_int, [_SIZE, DOUBLES, c_double, _OUT, _ERROR]),
    "lip_region_load_vnnlib": (c_int, [c_char_p, _SIZE, _OUT, _ERROR]),
    "lip_region_free": (None, [c_void_p]),
    "lip_region_get_kind": (c_int, [c_void_p]),
    "lip_region_get_box": (None, [c_void_p, DOUBLES, DOUBLES, DOUBLES]),
    "lip_region_get_radius": (c_double, [c_void_p]),
    "lip_preactivation_bounds": (c_int, [c_void_p, c_void_p, c_bool, DOUBLES, DOUBLES, _ERROR]),
    "lip_gradient_norm": (c_int, [c_void_p, _QUERY, DOUBLES, DOUBLES, DOUBLES, POINTER(c_bool),
                                  _ERROR]),
    "lip_settings_default": (None, [c_void_p]),
    "lip_methods": (POINTER(lip_method), []),
    "lip_bound": (c_int, _BOUND + [POINTER(POINTER(lip_result)), _ERROR]),
    "lip_result_free": (None, [POINTER(lip_result)]),
    "lip_bound_margins": (c_int, _BOUND + [POINTER(POINTER(lip_margins)), _ERROR]),
    "lip_margins_free": (None, [POINTER(lip_margins)]),
    "lip_margin_number": (_SIZE, [_SIZE, _SIZE, _SIZE]),
    "lip_radius": (c_int, [c_void_p, POINTER(lip_radius_query)] + _BOUND[2:] +
                   [POINTER(POINTER(lip_radius_result)), _ERROR]),
    "lip_radius_free": (None, [POINTER(lip_radius_result)]),
    "lip_certificate": (c_int, [c_void_p, _QUERY, POINTER(lip_result), POINTER(c_void_p),
                                POINTER(_SIZE), _ERROR]),
}  # type: Dict[str, Tuple[Any, List[Any]]]


def text(raw: Optional[bytes]) -> str:
    """A C string; bytes that are not UTF-8 become U+FFFD."""
    return raw.decode("utf-8", "replace") if raw else ""


def error_of(err: lip_error) -> LipcertError:
    """The exception that says what a lip_error says."""
    kind = BY_STATUS.get(err.status, LipcertError)
    return kind(text(err.message), text(err.place), text(err.file))


# ---- Finding it ---------------------------------------------------------------------------------


def _names() -> List[str]:
    """File names of the library, the versioned one first."""
    if sys.platform == "darwin":
        return ["liblipcert.0.dylib", "liblipcert.dylib"]
    return ["liblipcert.so.0", "liblipcert.so"]


def _in_folders(folders: List[str]) -> Optional[str]:
    """The first file of one of the names."""
    for folder in folders:
        for name in _names():
            if os.path.isfile(os.path.join(folder, name)):
                return os.path.join(folder, name)
    return None


def _folders() -> List[str]:
    here = os.path.dirname(os.path.abspath(__file__))
    root = os.path.dirname(os.path.dirname(here))
    folders = [os.path.join(here, "lib")]
    if os.path.isfile(os.path.join(root, "include", "lipcert.h")):
        folders.append(os.path.join(root, "build", "src"))
    return folders + [os.path.join(sys.prefix, "lib")]


def find() -> Optional[str]:
    """The path of the library, or None: let the system's loader look for it."""
    wanted = os.environ.get("LIPCERT_LIBRARY")
    if not wanted:
        return _in_folders(_folders())
    found = wanted if os.path.isfile(wanted) else _in_folders([wanted])
    if not found:
        raise LibraryError("expected the shared library or a folder that holds {}, found none at "
                           "{}".format(_names()[0], wanted), "LIPCERT_LIBRARY")
    return found


def _open() -> Tuple[ctypes.CDLL, Optional[str]]:
    path = find()
    for name in [path] if path else _names():
        try:
            return ctypes.CDLL(name), path
        except OSError as problem:
            reason = str(problem)
    if path:
        raise LibraryError("the library cannot be loaded: " + reason, "", path)
    raise LibraryError(
        "expected the shared library {} in {}, or known to the system's loader, found none; set "
        "LIPCERT_LIBRARY to its path".format(_names()[0], ", ".join(_folders())))


# ---- Is it the right one? -----------------------------------------------------------------------


def written_by_default(functions: ctypes.CDLL, size: int) -> Tuple[List[bool], bytes]:
    """Which bytes of `size` and some more lip_settings_default writes, and what it writes there.

    It is called on two patterns; where the results agree the byte was written.
    """
    room = size + 256
    results = []
    for pattern in (0x5A, 0xA5):
        memory = (ctypes.c_ubyte * room)(*([pattern] * room))
        functions.lip_settings_default(ctypes.addressof(memory))
        results.append(bytes(memory))
    return [a == b for a, b in zip(*results)], results[0]


def check_settings(functions: ctypes.CDLL, settings: Dict[str, _settings.Setting],
                   structure: Any) -> None:
    """Refuse a library whose struct of settings is not the one of our header."""
    size = ctypes.sizeof(structure)
    written, memory = written_by_default(functions, size)
    expected = [False] * len(written)
    for name in settings:
        field = getattr(structure, name)
        expected[field.offset:field.offset + field.size] = [True] * field.size
    values = structure.from_buffer_copy(memory)
    if written != expected or any(getattr(values, s.name) != s.default for s in settings.values()):
        raise LibraryError("its settings differ from those of lipcert_settings.h, version {}: the "
                           "library and the Python package do not belong together".format(
                               __version__))


class Library:
    """The loaded library: `functions`, `path` (None: found by the system), `settings`."""

    def __init__(self) -> None:
        self.functions, self.path = _open()
        name = self.path or _names()[0]
        try:
            self._declare()
            version = text(self.functions.lip_version())
            if version != __version__:
                raise LibraryError("expected version {}, found {}".format(__version__, version))
            self.settings = _settings.read()
            self.settings_structure = _settings.structure(self.settings)
            check_settings(self.functions, self.settings, self.settings_structure)
        except LibraryError as problem:
            raise LibraryError(problem.message, problem.place, problem.file or name) from None
        self._free = ctypes.CDLL(None).free
        self._free.argtypes, self._free.restype = [c_void_p], None

    def _declare(self) -> None:
        for name, (result, arguments) in FUNCTIONS.items():
            try:
                function = getattr(self.functions, name)
            except AttributeError:
                raise LibraryError("expected a function {}, found none: not liblipcert, or another "
                                   "version".format(name)) from None
            function.restype, function.argtypes = result, arguments

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function that returns a lip_status and takes a lip_error as its last argument."""
        err = lip_error()
        if getattr(self.functions, name)(*arguments, ctypes.byref(err)) != 0:
            raise error_of(err)

    def build_info(self) -> Dict[str, str]:
        """What was compiled in: lines "name value"."""
        lines = (line.partition(" ") for line in text(self.functions.lip_build_info()).splitlines())
        return {name: value for name, _, value in lines if name}

    def take_text(self, pointer: c_void_p, size: int) -> bytes:
        """Copy and free what the library allocated for the caller."""
        try:
            return ctypes.string_at(pointer, size)
        finally:
            self._free(pointer)


_lock = threading.Lock()
_loaded = None  # type: Optional[Library]


def library() -> Library:
    """The library, loaded at the first call."""
    global _loaded
    with _lock:
        if _loaded is None:
            _loaded = Library()
        return _loaded


class Handle:
    """An object of the library, freed with its last reference."""

    def __init__(self, pointer: c_void_p, free: str) -> None:
        self.pointer = pointer
        self._free = getattr(library().functions, free)

    def __del__(self) -> None:
        free = getattr(self, "_free", None)
        if free is not None:
            free(self.pointer)


def doubles(array: Any) -> Any:
    """A pointer to the numbers of a contiguous float64 array."""
    return array.ctypes.data_as(DOUBLES)
