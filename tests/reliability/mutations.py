"""Damages the content of files at random, by their structure where it is known. A number determines the damage."""

import gzip
import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import deepcopy

HOSTILE = [b'"', b"\\", b"\t", b"\n", b"\r", b",", b";", b"[", b"{", b"]", b"}", b":", b"0", b"-", b"9" * 30, b"1e999"]
HOSTILE += [b"\\ud83d", b"null", b"NaN", b"true", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xf0\x9f\x98\x80", b"#"]
HOSTILE += [b"[" * 200, b"{" * 200, b"&a ", b"*a", b"<<: ", b"!!python/object:os.system", b"\xe2\x80\xa8", b"\xff\xfe"]
HOSTILE += [b"=1+1", b"../../etc/passwd", b"%s%n", b"\x1b[2J", b"-0.0", b"Infinity", b"\n\n", b"\r\n", b"_", b"()"]
HOSTILE += [b"\\u0000", b"~x/", b"9" * 400]
VALUES = [None, "", "a", 0, -1, 1.5, 10**30, True, [], {}, [0, 1, "A"], [[]], ["a", "b"], {"text": 1}, float("nan")]
NUMBERS = [b"0", b"-1", b"1e9", b"1e-9", b"1e308", b"99999999999999999999", b"NaN", b"50%", b""]


def damaged(seeds: Sequence[bytes], number: int) -> bytes:
    """One of the contents after random damage that `number` determines."""
    generator = random.Random(number)
    content = generator.choice(seeds)
    if generator.random() < 0.5:
        for prefix, change in STRUCTURES.items():
            if content.startswith(prefix):
                with suppress(ValueError, LookupError):  # the seed only looks like it
                    return change(content, generator)
    return edited(content, generator, seeds)


def edited(content: bytes, generator: random.Random, seeds: Sequence[bytes] = ()) -> bytes:
    """One to four edits: bits flipped, the end cut off, a piece overwritten, inserted, deleted, moved or repeated."""
    data = bytearray(content)
    for _ in range(generator.randint(1, 4)):
        start = generator.randrange(len(data) + 1)
        stop = min(len(data), start + generator.choice((0, 1, 1, 2, 8, 64)))
        match generator.randrange(10):
            case 0 if data:
                data[start % len(data)] ^= 1 << generator.randrange(8)
            case 1:
                del data[start:]
            case 2 if seeds:
                other = generator.choice(seeds)
                data[start:stop] = other[generator.randrange(len(other) + 1) :]
            case 3:
                data[start:stop] = generator.randbytes(generator.randint(1, 4))
            case 4:
                data[start:start] = data[start:stop] * generator.randint(1, 50)
            case 5:
                data[start:stop] = data[:stop][-9:]
            case 6:
                del data[start:stop]
            case _:
                data[start:stop] = generator.choice(HOSTILE)
    return bytes(data)


def with_other_values(content: bytes, generator: random.Random) -> bytes:
    """JSON, or JSON lines, with one to three of its values replaced by values of other types."""
    lines = content.decode().split("\n")
    values = [json.loads(line) for line in lines if line.strip()]
    for _ in range(generator.randint(1, 3)):
        parent: object = values
        while isinstance(parent, list | dict) and parent:
            key = generator.choice(list(parent) if isinstance(parent, dict) else range(len(parent)))
            if generator.random() < 0.3 or not isinstance(parent[key], list | dict):
                parent[key] = deepcopy(generator.choice(VALUES))
                break
            parent = parent[key]
    return "".join(f"{json.dumps(value)}\n" for value in values).encode()


def _zip(content: bytes, generator: random.Random) -> bytes:
    """A zip archive with one part edited."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = generator.choice(list(parts))
    parts[name] = _xml(parts[name], generator) if generator.random() < 0.5 else edited(parts[name], generator)
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(zipfile.ZipInfo(name), part)
    return output.getvalue()


def _gzip(content: bytes, generator: random.Random) -> bytes:
    """A complete gzip file of edited content."""
    inner = gzip.decompress(content)
    return gzip.compress(edited(inner, generator), mtime=0)


def _png(content: bytes, generator: random.Random) -> bytes:
    """A PNG with one chunk edited, repeated or left out, and valid checksums."""
    chunks, position = [], 8
    while position < len(content):
        (size,) = struct.unpack(">I", content[position : position + 4])
        chunks.append((content[position + 4 : position + 8], content[position + 8 : position + 8 + size]))
        position += 12 + size
    number = generator.randrange(len(chunks))
    kind, data = chunks[number]
    changed = [[], [(kind, data)] * 2, [(kind, edited(data, generator))], [(kind, _integers(data, generator))]]
    chunks[number : number + 1] = generator.choice(changed)
    if generator.random() < 0.1:
        chunks.insert(1, (b"zTXt", b"a\0\0" + zlib.compress(bytes(10_000_000))))
    encoded = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return content[:8] + b"".join(encoded)


def _integers(content: bytes, generator: random.Random) -> bytes:
    """A four-byte integer replaced by an extreme one, as in headers of images."""
    data = bytearray(content)
    if len(data) >= 4:
        start = generator.randrange(len(data) - 3)
        extreme = generator.choice([0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x10000, 30000])
        data[start : start + 4] = struct.pack(generator.choice("<>") + "I", extreme)
    return bytes(data)


def _xml(content: bytes, generator: random.Random) -> bytes:
    """XML with a value between quotes or an element replaced, repeated or nested."""
    data = content
    for _ in range(generator.randint(1, 3)):
        pieces = data.split(b'"')
        elements = data.split(b">")
        match generator.randrange(3):
            case 0 if len(pieces) > 2:
                pieces[generator.randrange(1, len(pieces), 2)] = generator.choice([*NUMBERS, *HOSTILE])
                data = b'"'.join(pieces)
            case 1 if len(elements) > 2:
                number = generator.randrange(len(elements) - 1)
                elements[number:number] = [elements[number]] * generator.choice((1, 2, 500))
                data = b">".join(elements)
            case _:
                data = edited(data, generator)
    return data


def _indented(content: bytes, generator: random.Random) -> bytes:
    """YAML with lines moved, repeated, indented differently, or with another value."""
    lines = content.decode().split("\n")
    for _ in range(generator.randint(1, 3)):
        number = generator.randrange(len(lines))
        key = lines[number].partition(":")[0]
        values = [
            "null",
            "[]",
            "{}",
            "0",
            "-1",
            "1e99",
            "''",
            "&a [*a]",
            "*b",
            "[1, x]",
            "true",
            "!x 1",
            "|",
            "2025-01-01",
        ]
        match generator.randrange(4):
            case 0:
                lines.insert(generator.randrange(len(lines)), lines.pop(number))
            case 1:
                lines.insert(number, lines[number])
            case 2:
                lines[number] = " " * generator.randrange(6) + lines[number].strip()
            case _:
                lines[number] = f"{key}: {generator.choice(values)}"
    return "\n".join(lines).encode()


STRUCTURES: dict[bytes, Callable[[bytes, random.Random], bytes]] = {
    b"{": with_other_values,
    b"[": with_other_values,
    b"PK\3\4": _zip,
    b"\x1f\x8b": _gzip,
    b"\x89PNG": _png,
    b"<": _xml,
    b"name:": _indented,
    b"PAR1": _integers,
    b"\xff\xd8": _integers,
    b"BM": _integers,
    b"II*": _integers,
    b"\x93NUMPY": _integers,
}
"""Changes by the first bytes of a content."""
