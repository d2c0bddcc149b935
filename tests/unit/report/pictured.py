"""A synthetic experiment with images: texts about two images, and captions of one."""

from collections.abc import Mapping
from pathlib import Path

from PIL import Image
from tests.unit.report.fixture import Experiment, make_experiment, toy_task

from xstilts.config.recipe import Arm, Fewshot, Intermediate, Primary, Recipe, Target
from xstilts.planning.stage import Cell
from xstilts.problems import Caption, Example, ImageText
from xstilts.tasks.task import Task, flagged_id

LANGUAGES = ("en", "de", "ar", "fi")
ITEMS = 40
EVIL = "<b>bold</b> & \u0634\u0645\u0633"


def draw_pictures(folder: Path) -> tuple[str, ...]:
    """Draw twenty small images and return their references."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number}.png" for number in range(20)]
    for number, path in enumerate(paths):
        Image.new("RGB", (140, 120), (12 * number, 90, 200 - 9 * number)).save(path)
    return tuple(f"file:{path}" for path in paths)


def statements(language: str, pictures: tuple[str, ...]) -> tuple[ImageText, ...]:
    return tuple(
        ImageText(
            id=f"{number}",
            group=f"{number // 2}",
            language=language,
            text=f"{EVIL} {language} {number}",
            images=(pictures[number % 20], pictures[(number + 7) % 20]),
            label=("true", "false")[number % 2],
        )
        for number in range(ITEMS)
    )


def captions(language: str, pictures: tuple[str, ...]) -> tuple[Caption, ...]:
    """Two captions of each image; every fourth is flagged in all languages but English."""
    return tuple(
        Caption(
            id=flagged_id(str(number), "same") if number % 4 == 0 and language != "en" else str(number),
            group=f"{number % 20}",
            language=language,
            text=f"caption {language} {number}",
            image=pictures[number % 20],
        )
        for number in range(ITEMS)
    )


def pictured_tasks(pictures: tuple[str, ...]) -> dict[str, Task]:
    verify = toy_task(
        "toy-verify", "image-text", LANGUAGES, read=lambda paths, language: {"test": statements(language, pictures)}
    )
    retrieval = toy_task(
        "toy-find",
        "image-retrieval",
        LANGUAGES,
        read=lambda paths, language: {"test": captions(language, pictures)},
        item_flags={"same": "names as in English"},
        licence="CC BY-SA 4.0",
    )
    return {task.name: task for task in (verify, retrieval, toy_task("toy-read", "image-text", LANGUAGES))}


def pictured_recipe(**changes: object) -> Recipe:
    settings: dict[str, object] = {
        "name": "pictured",
        "encoder": "e5-small+efficientnet-lite0",
        "majority": False,
        "seeds": (0, 1),
        "intermediate": {
            "none": Intermediate(),
            "toy-read": Intermediate(tasks=("toy-read",)),
            "blind": Intermediate(modality="text"),
            "shuffled": Intermediate(tasks=("toy-read",), shuffle_labels=True),
        },
        "targets": {
            "toy-verify": Target(),
            "toy-find": Target(intermediates=("none", "toy-read")),
        },
        "fewshot": Fewshot(shots=(2, 4), draws=2, languages=LANGUAGES[1:]),
        "primary": Primary(
            task="toy-verify",
            treatment=Arm(intermediate="toy-read", shots=4),
            baseline=Arm(intermediate="none", shots=4),
        ),
    }
    return Recipe(**(settings | changes))  # type: ignore[arg-type]


def make_pictured(root: Path, recipe: Recipe | None = None, tasks: Mapping[str, Task] | None = None) -> Experiment:
    tasks = tasks or pictured_tasks(draw_pictures(root / "pictures"))

    def examples(cell: Cell) -> tuple[Example, ...]:
        return tuple(tasks[cell.task].read({}, cell.language)["test"])

    return make_experiment(root / "store", recipe or pictured_recipe(), tasks, examples=examples)
