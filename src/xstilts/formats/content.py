"""The content of a file, decompressed and decoded, and the format that its name states."""

import gzip
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xstilts.errors import DataError

Row = Mapping[str, Any]

GZIP = ".gz"
MAX_BYTES = 4 << 30
"""The most bytes that a compressed file may decompress to."""
_CHUNK = 1 << 20
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def format_suffix(path: Path) -> str:
    """The lower-case suffix of the format: `.csv` for both `a.CSV` and `a.csv.gz`."""
    suffix = path.suffix.lower()
    return Path(path.stem).suffix.lower() if suffix == GZIP else suffix


def read_bytes(path: Path) -> bytes:
    """The content of a file, decompressed if its name ends in `.gz`.

    Raises DataError if it cannot be read, is damaged, or decompresses to more than `MAX_BYTES`.
    """
    try:
        return _decompress(path) if path.suffix.lower() == GZIP else path.read_bytes()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path}: not a complete gzip file: {error}", "compress or copy the file again") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}", "check the path") from None


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, without a byte-order mark. Raises DataError for other encodings and NUL bytes."""
    content = read_bytes(path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        encoding = "UTF-16, not UTF-8" if content[:2] in _UTF16 else "not UTF-8"
        raise DataError(f"{path}:{line}: {encoding}", "save the file as UTF-8") from None
    if (position := text.find("\0")) >= 0:
        line = text.count("\n", 0, position) + 1
        raise DataError(f"{path}:{line}: a NUL character", "save the file as UTF-8 text, or remove the character")
    return text


def _decompress(path: Path) -> bytes:
    content = bytearray()
    with gzip.open(path) as file:
        while chunk := file.read(_CHUNK):
            content += chunk
            if len(content) > MAX_BYTES:
                raise DataError(f"{path}: decompresses to more than {MAX_BYTES:,} bytes", "split the file")
    return bytes(content)
