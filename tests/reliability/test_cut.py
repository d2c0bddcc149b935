"""A few cases of each part of the reliability suite. `make reliability` runs all of them."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest
from tests.reliability.__main__ import PARTS
from tests.reliability.mutations import damaged
from tests.reliability.options import CUT, Options
from tests.reliability.table import END, START, Tally, markdown, write_table
from tests.reliability.targets import targets

from xstilts.formats.tables import SUFFIXES


@pytest.mark.parametrize("name", ["kills", "writes", "bytes", "damage", "runners"])
def test_nothing_is_lost(tmp_path: Path, name: str) -> None:
    logging.getLogger("xstilts").disabled = True
    try:
        tallies = list(PARTS[name](Options(folder=tmp_path, size=CUT, jobs=2)))
    finally:
        logging.getLogger("xstilts").disabled = False
    assert tallies and all(tally.cases for tally in tallies)
    assert [problem for tally in tallies for problem in tally.lost] == []


def test_damaged_files(tmp_path: Path) -> None:
    """In a process of its own; `tests/property/test_formats.py` reads many more in this process."""
    (tally,) = PARTS["fuzz"](Options(folder=tmp_path, size=replace(CUT, binary_files=60), target=".xlsx"))
    assert (tally.cases, tally.lost) == (60, [])


def test_every_registered_suffix_is_fuzzed() -> None:
    assert set(SUFFIXES) <= set(targets())


def test_a_number_determines_the_damage() -> None:
    for target in targets().values():
        assert damaged(target.contents, 7) == damaged(target.contents, 7)
        assert any(damaged(target.contents, number) not in target.contents for number in range(9))


def test_the_table_is_written_between_its_markers(tmp_path: Path) -> None:
    tally = Tally(fault="kill")
    tally.count(None)
    tally.count("half-written")
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n{START}\nold\n{END}\nend\n")
    write_table(page, [tally])
    text = page.read_text()
    assert text.startswith(f"# Title\n{START}\n") and text.endswith(f"{END}\nend\n") and "old" not in text
    assert "| kill | 2 | 1 | 1 |" in text and markdown([tally]) in text
    write_table(page, [Tally(fault="stop", cases=1000)], keep=True)
    assert "| kill | 2 | 1 | 1 |\n| stop | 1,000 | 1,000 | 0 |\n| all | 1,002 | 1,001 | 1 |" in page.read_text()
    write_table(page, [tally])
    assert "stop" not in page.read_text()
