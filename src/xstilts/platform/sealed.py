"""Files that contain their own checksum, so that a reader notices any changed byte."""

import hashlib
import logging
from pathlib import Path

from xstilts.platform.files import write_file

_HEAD = '{"sha256": "'
_TAIL = '", '
_TRAILER = b"\nsha256:"
_log = logging.getLogger("xstilts")


def seal(text: str) -> str:
    """A JSON object with its checksum as the first key. The text must be an object with at least one key."""
    if not text.startswith("{"):
        raise ValueError("only a JSON object can contain its checksum")
    return f"{_HEAD}{_digest(text[1:].encode())}{_TAIL}{text[1:]}"


def unseal(content: bytes) -> bytes:
    """The content of a sealed file, verified; still a JSON object with the checksum.

    Raises ValueError if a byte differs from what `seal` returned.
    """
    start = len(_HEAD) + 64 + len(_TAIL)
    if content[:start] != f"{_HEAD}{_digest(content[start:])}{_TAIL}".encode():
        raise ValueError("the checksum does not match the content")
    return content


def write_sealed(path: Path, content: str | bytes, *, durable: bool = True) -> None:
    """Write a file for `read_sealed`, as `write_file` does: the content, then its checksum."""
    data = content.encode() if isinstance(content, str) else content
    write_file(path, data + _TRAILER + _digest(data).encode(), durable=durable)


def read_sealed(path: Path) -> bytes | None:
    """The content of a file of `write_sealed`; None if it is missing, or with a warning if it is damaged.

    Only for values that can be made again: the caller then makes them and writes the file anew.
    """
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        _log.warning("%s cannot be read (%s): it is made again", path, error.strerror)
        return None
    end = len(data) - len(_TRAILER) - 64
    if end < 0 or data[end:] != _TRAILER + _digest(data[:end]).encode():
        _log.warning("%s is damaged: it is made again", path)
        return None
    return data[:end]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
