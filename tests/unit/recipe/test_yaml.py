import time

import pytest

from xstilts.recipe.yaml import YamlError, read


def test_scalars_are_those_of_yaml_1_2():
    text = "[no, on, yes, off, true, False, ~, null, 1e-4, .5, 010, 1:30, 2020-01-01, '3', !!str 4, -1]"
    assert read(text).value == [
        *("no", "on", "yes", "off"),
        *(True, False, None, None),
        *(1e-4, 0.5, 10, "1:30", "2020-01-01", "3", "4", -1),
    ]


def test_keys_are_strings_so_norwegian_stays_no():
    assert read("no: a.csv\non: b.csv\n1: c.csv").value == {"no": "a.csv", "on": "b.csv", "1": "c.csv"}


def test_every_key_and_item_has_its_line():
    lines = read("a: 1\nb:\n  c: [x,\n      y]\n").lines
    assert [lines["a",], lines["b",], lines["b", "c"], lines["b", "c", 0], lines["b", "c", 1]] == [1, 2, 3, 3, 4]


def test_repeated_keys_have_the_line_of_the_second():
    document = read("a:\n  b: 1\n  b: 2\n")
    assert document.repeated == {("a", "b"): 3}
    assert document.value == {"a": {"b": 1}}


def test_an_alias_repeats_its_anchor():
    assert read("a: &x {t: 1}\nb: *x").value == {"a": {"t": 1}, "b": {"t": 1}}


@pytest.mark.parametrize(
    ("text", "line", "name"),
    [
        ("a: 1\nb: [1", 2, "','"),
        ("a: 1\n\tb: 2", 2, "'\\t'"),
        ("a: 1\n---\nb: 2", 2, "document"),
        ("a: 1\nb: !!python/name:os.system x", 2, "python/name:os.system"),
        ("a: !!int x", 1, "'x'"),
        ("a: 1\n? [b]\n: 2", 2, "key"),
        ("a: &x\n  b: *x", 2, "alias 'b'"),
        ("a: 1\nb: \x07", 2, r"'\x07'"),
    ],
)
def test_unsupported_yaml_is_refused_with_its_line(text: str, line: int, name: str):
    with pytest.raises(YamlError) as caught:
        read(text)
    assert caught.value.line == line
    assert name in caught.value.message


def test_a_merge_adds_the_keys_that_the_block_does_not_set():
    document = read("a: &a {x: 1, y: 2}\nb: {y: 3, <<: *a, z: 4}\nc: {<<: [{x: 5}, *a]}\n")
    assert document.value == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3, "z": 4}, "c": {"x": 5, "y": 2}}
    assert document.lines["b", "y"] == 2
    with pytest.raises(YamlError, match="'<<'"):
        read("a: {<<: 3}")


def bomb(item: str) -> str:
    lines = [f"{chr(98 + i)}: &{chr(98 + i)} {item.format(','.join(['*' + chr(97 + i)] * 10))}" for i in range(9)]
    return "\n".join(["a: &a {x: 1}", *lines])


@pytest.mark.parametrize(
    "text",
    [
        "[" * 10_000,
        "a: " + "[" * 10_000 + "]" * 10_000,
        "{a: " * 10_000,
        "- " * 10_000,
        "\n".join(f"{' ' * i}a:" for i in range(900)),
        bomb("[{}]"),
        bomb("{{<<: [{}]}}"),
        "a: [" + "1," * 240_000 + "]",
        "a: '" + "x" * 600_000 + "'",
    ],
)
def test_very_large_texts_are_refused_at_once(text: str):
    started = time.perf_counter()
    with pytest.raises(YamlError) as caught:
        read(text)
    assert time.perf_counter() - started < 2
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("number", ["1" * 5000, "1" * 400, "1" * 20, "1e999", "-1e999", "9223372036854775808"])
def test_numbers_that_are_too_large_are_refused(number: str):
    with pytest.raises(YamlError) as caught:
        read(f"a: {number}")
    assert len(caught.value.message) < 200
    assert read("a: 9223372036854775807").value == {"a": 2**63 - 1}


def test_blocks_may_be_nested():
    value = read("a: " + "[" * 48 + "]" * 48).value
    assert isinstance(value, dict)
