"""Stage keys of shipped recipes: `python -m tests.golden.measure_stage_keys` writes stage_keys.json anew.

The graphs are built as `plan` builds them, offline, with an empty cache and data root, a fixed pin of the encoder and
of libraries, and bf16, so that the keys are the same on every machine. Data of the Hub, which is not asked, is named by
its revision.
"""

import hashlib
import json
import os
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from xstilts.cache.sources import Library, Source
from xstilts.planning.expand import expand
from xstilts.planning.specs import Spec
from xstilts.recipe.load import load_recipe
from xstilts.tasks.task import Task

FROZEN_FILE = Path(__file__).with_name("stage_keys.json")
PIN = "0123456789abcdef"
TRANSLATOR = "facebook/nllb-200-distilled-600M"
RECIPES: dict[str, tuple[str, ...]] = {
    "smoke": (),
    "smoke, aligned and translated": (
        "intermediate.aligned={align: {task: ui-bitext}}",
        f"intermediate.translated={{tasks: [intent], translate: {{to: [de, sw], model: {TRANSLATOR}}}}}",
        "targets.ui-bitext.layer=null",
        "fewshot.methods=[full, head, lora, joint, average, lda]",
        "fewshot.shots=[1, 4]",
        "fewshot.draws=2",
    ),
    "multimodal": (),
    "phang2020": (),
}
"""What is set on top of a shipped recipe, by its name and what is told of it after a comma."""


def measure(name: str, folder: Path) -> dict[str, Any]:
    """By kind of stage: how many there are, a digest of their sorted keys, and the first of them in full.

    XSTILTS_CACHE must name an empty folder.
    """
    root = folder / "root"
    root.mkdir()
    loaded = load_recipe(name.partition(",")[0], RECIPES[name], root)
    recipe = loaded.recipe.with_precision("bf16")
    tasks = {name: _without_versions(task) for name, task in loaded.tasks.items()}
    graph = expand(recipe, tasks, PIN, translators={TRANSLATOR: PIN})
    kinds: dict[str, list[Spec]] = {}
    for spec in graph.stages.values():
        kinds.setdefault(spec.kind, []).append(spec)
    return {kind: _summary(specs) for kind, specs in sorted(kinds.items())}


def _without_versions(task: Task) -> Task:
    """The task as if the libraries whose data it reads were all of one version, whatever is installed."""

    def fixed(sources: tuple[Source, ...]) -> tuple[Source, ...]:
        return tuple(replace(s, version="0") if isinstance(s, Library) else s for s in sources)

    by_language = {language: fixed(sources) for language, sources in task.sources_by_language.items()}
    return replace(task, sources=fixed(task.sources), sources_by_language=by_language)


def _summary(specs: list[Spec]) -> dict[str, Any]:
    keys = sorted(spec.key for spec in specs)
    settings = json.loads(json.dumps(asdict(specs[0]), default=lambda model: model.model_dump(mode="json")))
    return {
        "count": len(keys),
        "digest": hashlib.sha256("\n".join(keys).encode()).hexdigest(),
        "example": {"key": specs[0].key, "settings": settings},
    }


def main() -> None:
    frozen: dict[str, Any] = {}
    for name in RECIPES:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["XSTILTS_CACHE"] = f"{folder}/cache"
            frozen[name] = measure(name, Path(folder))
    FROZEN_FILE.write_text(json.dumps(frozen, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    stages = sum(kind["count"] for kinds in frozen.values() for kind in kinds.values())
    print(f"keys of {stages} stages written to {FROZEN_FILE}", file=sys.stderr)


if __name__ == "__main__":
    main()
