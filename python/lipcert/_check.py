"""Running lipcheck, the independent checker, which shares no code with the library.

_programs says where it is looked for.
"""
import os
import re
import subprocess
import tempfile
from typing import Any, List, Optional, Sequence

from . import _programs
from ._errors import FileError, InputTypeError, LibraryError
from ._networks import Network
from ._results import Result

__all__ = ["Check", "check"]

VERDICTS = ("verified", "rejected", "malformed")  # by exit status


class Check:
    """What lipcheck found: `verdict` is "verified", "rejected" or "malformed", `reason` why not;
    `lower` and `upper` are the bounds that it proved itself (None if it did not come so far), `output`
    is what it printed.  Only a verified one is true."""

    def __init__(self, status: int, output: str) -> None:
        self.verdict = VERDICTS[status]
        self.output = output
        self.lower, self.upper = _bound("lower", output), _bound("upper", output)
        found = re.search(r"^(?:lipcheck: |s (?:REJECTED|MALFORMED) )(.*)", output, flags=re.M)
        self.reason = found.group(1) if found else ""

    @property
    def verified(self) -> bool:
        """Did lipcheck prove what the certificate states?"""
        return self.verdict == "verified"

    def __bool__(self) -> bool:
        return self.verified

    def __repr__(self) -> str:
        return "<Check {}{}>".format(self.verdict, ": " + self.reason if self.reason else "")


def _bound(name: str, output: str) -> Optional[float]:
    found = re.search(r"^{} (\S+)$".format(name), output, flags=re.M)
    return float(found.group(1)) if found else None


def _as_bytes(certificate: Any) -> bytes:
    """A certificate from a Result, its text, or a file."""
    if isinstance(certificate, Result):
        return certificate.certificate.encode("ascii")
    if isinstance(certificate, (bytes, bytearray)):
        return bytes(certificate)
    if isinstance(certificate, str) and "\n" in certificate:
        return certificate.encode("utf-8", "replace")
    if not isinstance(certificate, (str, os.PathLike)):
        raise InputTypeError("expected a Result, the text of a certificate or a path, found an object "
                             "of type {}".format(type(certificate).__name__), "certificate")
    try:
        with open(certificate, "rb") as file:
            return file.read()
    except OSError as problem:
        raise FileError("cannot read the certificate: {}".format(problem.strerror), "",
                        str(os.fspath(certificate))) from None


def check(net: Any, certificate: Any, input_shape: Optional[Sequence[int]] = None) -> Check:
    """Let lipcheck verify a certificate for a network.

    `net` is whatever `bound` accepts, `certificate` a Result, the text of a certificate, or the path of
    one.  A certificate of another network is rejected.

    >>> from lipcert import bound
    >>> result = bound("examples/controller.onnx", method="product,ascent")
    >>> check("examples/controller.onnx", result)
    <Check verified>
    >>> bool(check([([[1.0, 2.0]], None)], result))
    False
    """
    network = net if isinstance(net, Network) else Network(net, input_shape)
    content, program = _as_bytes(certificate), _programs.find("lipcheck")
    found = re.match(rb"lipcert-certificate 1\nnetwork ([0-9a-f]{64})\n", content)
    if found and found.group(1).decode() != network.info.sha256:
        # what a certificate must look like depends on its network: lipcheck would call it malformed
        return Check(1, "s REJECTED the certificate is about another network, sha256 {}\n".format(
            found.group(1).decode()))
    with tempfile.TemporaryDirectory(prefix="lipcert-") as folder:
        paths = [os.path.join(folder, name) for name in ("network", "certificate")]
        network.save(paths[0])
        with open(paths[1], "wb") as file:
            file.write(content)
        return _run([program, *paths], folder)


def _run(command: List[str], folder: str) -> Check:
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    except OSError as problem:
        raise LibraryError("cannot run the checker: {}".format(problem.strerror), "",
                           command[0]) from None
    output = done.stdout.decode("utf-8", "replace").replace(folder + os.sep, "")
    last = output.splitlines()[-1] if output.strip() else ""
    # the exit status alone would make a checker of any program
    says = [last == "s VERIFIED", last.startswith("s REJECTED "),
            last.startswith(("s MALFORMED ", "lipcheck: "))]
    if not 0 <= done.returncode < len(says) or not says[done.returncode]:
        raise LibraryError("the checker ended without a verdict, exit status {}".format(
            done.returncode), "", command[0])
    return Check(done.returncode, output)
