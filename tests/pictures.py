"""A recipe on a user's own pictures, some of them broken, with a tiny text encoder and a tiny vision encoder."""

import csv
import json
import struct
import zlib
from pathlib import Path

import torch
from PIL import Image
from tests.tiny import build
from transformers import ViTConfig, ViTModel

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (40, 60, 230), "white": (250, 250, 250)}
LANGUAGES = ("en", "sw")
BROKEN = ("gone.png", "cut.png", "bomb.png", "words.png")
"""One that is missing, one that is cut short, one of too many pixels, one that is no image."""

RECIPE = """\
name: colours
encoder: {text}+{vision}
fusion: {{layer: 1, image_size: 32, grid: 2}}
seeds: [0]
tasks:
  colour-match:
    problem: image-text
    files: {{en: match-en.csv, sw: match-sw.csv}}
    columns: {{id: id, group: group, text: text, images: image, label: label}}
    fractions: {{train: 0.5, dev: 0.2, test: 0.3}}
  colour-find:
    problem: image-retrieval
    files: {{en: find-en.csv, sw: find-sw.csv}}
    columns: {{id: id, group: group, text: text, image: image}}
    fractions: {{train: 0.5, dev: 0.2, test: 0.3}}
  topic:
    problem: classification
    files: {{en: match-en.csv}}
    columns: {{id: id, group: group, text: text, label: label}}
intermediate:
  none:
  pictures: {{tasks: [topic, colour-find], train: &train {{steps: 4, batch_size: 8, precision: fp32, max_length: 32}}}}
  blind: {{modality: text}}
  image-only: {{modality: images}}
targets:
  colour-match: {{train: {{<<: *train, evaluations: 2}}}}
  colour-find: {{intermediates: [none, pictures], train: {{<<: *train, evaluations: 2}}}}
fewshot:
  shots: [2]
  draws: 1
  train: {{<<: *train, steps: 2}}
"""


def build_vision(folder: Path) -> Path:
    """A tiny random ViT that says how its images are prepared."""
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = ViTModel(ViTConfig(image_size=32, patch_size=8, **sizes))
    model.eval().save_pretrained(folder)
    shown = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "rescale_factor": 1 / 255, "resample": 2}
    (folder / "preprocessor_config.json").write_text(json.dumps(shown))
    return folder


def write_recipe(folder: Path, count: int = 40) -> Path:
    """Writes encoders, pictures, data and recipe into `folder`; the path of the recipe."""
    (folder / "pictures").mkdir()
    for number in range(count):
        _picture(folder / "pictures" / f"{number}.png", number)
    _break(folder / "pictures")
    names = [f"{number}.png" for number in range(count)]
    for language in LANGUAGES:
        _write(
            folder / f"match-{language}.csv", [_match(n, name, language) for n, name in enumerate([*names, *BROKEN])]
        )
        _write(folder / f"find-{language}.csv", [_find(n, name, language) for n, name in enumerate(names)])
    text, vision = build("xlm-roberta", folder / "encoder"), build_vision(folder / "vision")
    path = folder / "colours.yaml"
    path.write_text(RECIPE.format(text=text, vision=vision), encoding="utf-8")
    return path


def _picture(path: Path, number: int) -> None:
    colour = list(COLOURS.values())[number % len(COLOURS)]
    Image.new("RGB", (20 + number, 24), tuple(max(0, shade - number) for shade in colour)).save(path)


def _break(folder: Path) -> None:
    whole = (folder / "0.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "words.png").write_text("this is no picture")
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    (folder / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + whole[33:])


def _match(number: int, name: str, language: str) -> dict[str, str]:
    colours = list(COLOURS)
    right = number % 2 == 0
    told = colours[number % 4] if right else colours[(number + 1) % 4]
    place = {"id": f"m{number}", "group": f"g{number}", "text": f"the light is {told} {language}"}
    return place | {"image": f"pictures/{name}", "label": "yes" if right else "no"}


def _find(number: int, name: str, language: str) -> dict[str, str]:
    text = f"light number {number} in the kitchen {language}"
    return {"id": f"f{number}", "group": f"g{number}", "text": text, "image": f"pictures/{name}"}


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
