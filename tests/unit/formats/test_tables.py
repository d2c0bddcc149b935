"""The registry of formats."""

import pytest

from xstilts.errors import DataError
from xstilts.formats.tables import rows


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.json", "a.conll"])
def test_nul_bytes_are_refused_with_their_line(write, name):
    with pytest.raises(DataError, match=rf"{name}:2: "):
        list(rows(write(name, "text\na\0b\n")))


@pytest.mark.parametrize("name", ["a.pdf", "a.csv.zip", "a.gz", "a"])
def test_other_suffixes_are_refused_with_the_readable_ones(write, name):
    with pytest.raises(DataError) as error:
        rows(write(name, "text\na\n"))
    assert ".xlsx" in error.value.hint and ".gz" in error.value.hint
