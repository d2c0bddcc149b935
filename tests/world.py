"""A small experiment over files and a tiny encoder, that runs every kind of stage in a second or two."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.tiny import build as build_encoder

from xstilts.config.recipe import Recipe
from xstilts.data.corpora import Corpus, corpora
from xstilts.data.user_files import user_task
from xstilts.execution.environment import Environment, Event
from xstilts.execution.preview import preview
from xstilts.execution.progress import Progress
from xstilts.planning.expand import Graph, expand
from xstilts.planning.specs import Spec
from xstilts.recipe.resolve import text_settings
from xstilts.stages.job import run_job
from xstilts.store.store import Store

WORDS = ["turn", "on", "the", "light", "in", "the", "kitchen", "what", "is", "the", "weather", "like", "today"]
LANGUAGES = ("en", "de", "sw")
TRAIN = {"steps": 4, "batch_size": 8, "max_length": 32, "precision": "fp32", "evaluations": 2}


def _row(number: int, language: str) -> dict[str, str]:
    """Item `number` says the same in every language: the label is whether it speaks of light."""
    light = number % 2 == 0
    text = f"{WORDS[number % 5]} the {'light' if light else 'weather'} {WORDS[number % 13]} {language} {number}"
    return {
        "id": f"{language}{number}",
        "group": f"meaning{number}",
        "text": text,
        "english": f"the {'light' if light else 'weather'} {number}",
        "label": "light" if light else "weather",
        "words": text,
        "tags": " ".join("B-x" if word in ("light", "weather") else "O" for word in text.split()),
        "prompt": text,
        "choices": "light|weather|kitchen",
        "answer": "0" if light else "1",
    }


def write_files(folder: Path, count: int = 60) -> None:
    for language in LANGUAGES:
        rows = [_row(number, language) for number in range(count)]
        with (folder / f"{language}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        spans = [
            {"id": r["id"], "group": r["group"], "question": "what?", "context": r["text"], "answer": r["label"]}
            for r in rows
        ]
        lines = [json.dumps(s | {"start": s["context"].index(s["answer"])}, ensure_ascii=False) for s in spans]
        (folder / f"{language}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def tasks() -> dict[str, dict]:
    files = {language: f"{language}.csv" for language in LANGUAGES}
    place = {"id": "id", "group": "group"}
    fractions = {"train": 0.5, "dev": 0.2, "test": 0.3}
    block = {"files": files, "fractions": fractions}
    return {
        "topic": block | {"problem": "classification", "columns": place | {"text": "text", "label": "label"}},
        "mark": block | {"problem": "tagging", "columns": place | {"words": "words", "tags": "tags"}},
        "find": {
            "problem": "span",
            "fractions": fractions,
            "files": {language: f"{language}.jsonl" for language in LANGUAGES},
            "columns": place
            | {"question": "question", "context": "context", "answer_text": "answer", "answer_start": "start"},
        },
        "same": block | {"problem": "retrieval", "columns": place | {"text": "text", "english": "english"}},
    }


@dataclass
class World:
    """Run a recipe in this process; `failures` and `events` tell what happened."""

    folder: Path
    kind: str = "xlm-roberta"
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        write_files(self.folder)
        self.encoder = build_encoder(self.kind, self.folder / "encoder")
        self.store = Store(self.folder / "store")

    def recipe(self, **settings: object) -> Recipe:
        base = {"name": "world", "encoder": str(self.encoder), "seeds": [0], "tasks": tasks(), "frozen": False}
        base["majority"] = False
        return Recipe.model_validate(base | settings)

    def graph(self, recipe: Recipe) -> Graph:
        known = {name: user_task(name, block, self.folder) for name, block in recipe.tasks.items()}
        return expand(recipe, known, "pin", self.texts(recipe))

    def texts(self, recipe: Recipe) -> dict[tuple[str, ...], tuple[Corpus, ...]]:
        cache = self.folder / "cache"
        return {path: corpora(block, base=self.folder, cache=cache) for path, block in text_settings(recipe).items()}

    def environment(self, recipe: Recipe) -> Environment:
        return Environment(
            store=self.store.root,
            cache=self.folder / "cache",
            offline=True,
            device="cpu",
            tasks=recipe.tasks,
            base=self.folder,
            texts={corpus.fingerprint: corpus for found in self.texts(recipe).values() for corpus in found},
        )

    def run(self, recipe: Recipe) -> Graph:
        graph = self.graph(recipe)
        jobs: dict[str, list[Spec]] = {}
        for spec in graph.stages.values():
            if self.store.manifest(spec.key) is None:
                jobs.setdefault(spec.group, []).append(spec)
        with Progress(graph, preview(graph, self.store), io.StringIO()) as progress:

            def record(event: Event) -> None:
                self.events.append(event)
                progress(event)

            for specs in jobs.values():
                run_job(specs, self.environment(recipe), record)
        return graph

    def failures(self) -> Sequence[Event]:
        return [event for event in self.events if event.kind == "failed"]
