"""A recipe on a user's own files with a tiny encoder: all stages in seconds."""

from pathlib import Path

from tests.tiny import build

RECIPE = """\
name: own
encoder: {encoder}
head: {head}
seeds: [0]
tasks:
  rooms:
    problem: classification
    files: {{en: rooms.csv, de: rooms.csv}}
    columns: {{text: sentence, label: room}}
targets:
  rooms: {{train: {{steps: 4, precision: fp32, max_length: 32}}}}
fewshot:
  shots: [1]
  draws: 1
  methods: [lora]
  train: {{steps: 2, precision: fp32, max_length: 32}}
keep_fewshot_weights: true
"""


def write_recipe(folder: Path, head: str = "pooled") -> Path:
    """Writes encoder, data and recipe into `folder`; the path of the recipe."""
    rooms = ("kitchen", "cellar", "attic")
    rows = [f"turn on lamp {number} in the {room},{room}" for number in range(30) for room in rooms]
    (folder / "rooms.csv").write_text("\n".join(["sentence,room", *rows]) + "\n", encoding="utf-8")
    path = folder / "own.yaml"
    path.write_text(RECIPE.format(encoder=build("xlm-roberta", folder / "encoder"), head=head), encoding="utf-8")
    return path
