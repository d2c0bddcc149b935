"""JSON files that contain their own checksum, so that a reader notices any changed byte."""

import hashlib

_HEAD = '{"sha256": "'
_TAIL = '", '


def seal(text: str) -> str:
    """A JSON object with its checksum as the first key. The text must be an object with at least one key."""
    if not text.startswith("{"):
        raise ValueError("only a JSON object can contain its checksum")
    return f"{_HEAD}{_digest(text[1:].encode())}{_TAIL}{text[1:]}"


def unseal(content: bytes) -> bytes:
    """The content of a sealed file, verified; still a JSON object with the checksum. Raises ValueError if a byte differs
    from what `seal` returned."""
    start = len(_HEAD) + 64 + len(_TAIL)
    if content[:start] != f"{_HEAD}{_digest(content[start:])}{_TAIL}".encode():
        raise ValueError("the checksum does not match the content")
    return content


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
