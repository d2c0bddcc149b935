import json

import pytest

from xstilts.platform.sealed import seal, unseal

TEXT = json.dumps({"scores": {"accuracy": 0.5}, "name": "ä"}, indent=1)


def test_a_sealed_text_is_the_same_json():
    value = json.loads(unseal(seal(TEXT).encode()))
    assert value.pop("sha256")
    assert value == json.loads(TEXT)


def test_every_flipped_bit_is_noticed():
    content = seal(TEXT).encode()
    for byte in range(len(content)):
        for bit in range(8):
            damaged = bytearray(content)
            damaged[byte] ^= 1 << bit
            with pytest.raises(ValueError):
                unseal(bytes(damaged))


@pytest.mark.parametrize("content", [b"", b"{}", TEXT.encode(), seal(TEXT).encode()[:-1], seal(TEXT).encode() + b"\n"])
def test_unsealed_and_shortened_files_are_refused(content: bytes):
    with pytest.raises(ValueError):
        unseal(content)
