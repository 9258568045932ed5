"""Writing files."""
import os
from typing import Union

from ._errors import FileError

Path = Union[str, "os.PathLike[str]"]


def write_text(path: Path, content: str) -> None:
    """Write a file that appears only when it is complete."""
    name = os.fspath(path)
    temporary = "{}.tmp{}".format(name, os.getpid())
    try:
        with open(temporary, "w", encoding="utf-8", newline="\n") as file:
            file.write(content)
        os.replace(temporary, name)
    except BaseException as problem:  # Ctrl-C as well
        if os.path.exists(temporary):
            os.unlink(temporary)
        if not isinstance(problem, OSError):
            raise
        raise FileError("cannot write the file: {}".format(problem.strerror), "", str(name)) from None
