"""Finding the programs that come with the library: lipcheck, and lipcert, which draws pictures.

A program is looked for where its variable says, else beside the library (a wheel has it there, a build in a
folder of its own, an installation in bin/), else in PATH.
"""
import os
import shutil
from typing import List, Optional

from ._errors import LibraryError
from ._library import library

VARIABLES = {"lipcheck": "LIPCERT_LIPCHECK", "lipcert": "LIPCERT_PROGRAM"}
BUILD_FOLDERS = {"lipcheck": "check", "lipcert": "cli"}


def places(name: str, path: Optional[str]) -> List[str]:
    """Where a program is if the library is at path: its folder is lib/ in a wheel, src/ of a build tree, or
    lib/ or lib/MACHINE of an installation."""
    if not path:
        return []
    folder = os.path.dirname(os.path.realpath(path))
    up, base = os.path.split(folder)
    found = [os.path.join(folder, name)]
    if base == "src":
        found.append(os.path.join(up, BUILD_FOLDERS[name], name))
    if os.path.basename(up).startswith("lib"):
        up, base = os.path.split(up)
    if base.startswith("lib"):
        found.append(os.path.join(up, "bin", name))
    return found


def find(name: str) -> str:
    """The path of a program."""
    variable = VARIABLES[name]
    wanted = os.environ.get(variable)
    if wanted:
        if not os.path.isfile(wanted):
            raise LibraryError("expected the program {}, found no file at {}".format(name, wanted), variable)
        return wanted
    looked = places(name, library().path)
    for place in looked:
        if os.path.isfile(place):
            return place
    found = shutil.which(name)
    if not found:
        raise LibraryError("expected the program {} beside the library ({}) or in PATH, found none; set {} to "
                           "its path".format(name, ", ".join(looked) or "its place is not known", variable))
    return found
