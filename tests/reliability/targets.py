"""Everything that reads a file of a user, with small valid files for it."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.reliability import benchmark_files, seeds

from xstilts.config.files import TaskFiles
from xstilts.data.images.decode import decode
from xstilts.data.translation.files import read_translations
from xstilts.data.user_files import user_task
from xstilts.errors import DataError, ImageError, RecipeError, RowsError, UserError
from xstilts.formats.benchmarks import aligned_files, bucc_sentences, headerless_tsv, tagged_sentences, unquoted_tsv
from xstilts.formats.ccgbank import auto_derivations, staged_gold
from xstilts.formats.image_annotations import captions, visual_questions
from xstilts.formats.squad import squad_questions
from xstilts.formats.tables import READERS, read_rows
from xstilts.formats.xtreme_pos import xtreme_treebank
from xstilts.problems import PROBLEMS, Labelled
from xstilts.recipe.load import load_recipe
from xstilts.tasks.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A reader of untrusted files. `read` reads a file completely; only errors of the type `error` are its own."""

    name: str
    file: str
    """The name that the file gets."""
    contents: Sequence[bytes]
    read: Callable[[Path], object]
    kind: Literal["text", "binary", "task"] = "text"
    """`task` is a whole benchmark, whose readers are targets as well."""
    error: type[UserError] = DataError


def _consume(read: Callable[[Path], object]) -> Callable[[Path], object]:
    def whole(path: Path) -> object:
        rows = list(read(path))  # pyright: ignore[reportArgumentType]
        assert all(isinstance(number, int) and isinstance(row, Mapping) for number, row in rows)
        return rows

    return whole


def _formats() -> list[Target]:
    """Each registered suffix."""
    targets = []
    for suffix in READERS:
        contents = [content for name, content in seeds.TEXT_FILES.items() if name.endswith(suffix)]
        if contents:
            targets.append(Target(name=suffix, file=f"a{suffix}", contents=contents, read=read_rows))
        else:
            contents = seeds.binary_files()[suffix[1:]]
            targets.append(Target(name=suffix, file=f"a{suffix}", contents=contents, read=read_rows, kind="binary"))
    gzipped = seeds.binary_files()["gzip"]
    return [*targets, Target(name=".csv.gz", file="a.csv.gz", contents=gzipped, read=read_rows, kind="binary")]


BENCHMARK_READERS: dict[str, tuple[str, Callable[[Path], object], bytes]] = {
    "SQuAD": ("a.json", squad_questions, seeds.SQUAD),
    "captions": ("a.jsonl", captions, seeds.json_lines({"sentences": ["a", "b"], "img_path": "1.jpg"})),
    "GQA": ("a.json", visual_questions, seeds.GQA),
    "tagged sentences": ("a.tsv", tagged_sentences, b"a\tX\nb\tY\n\nc\tX\n"),
    "TSV without header": ("a.tsv", headerless_tsv("text", "pair", optional="label"), b"a\tb\tc\nd\te\tf\n"),
    "TSV without quotes": ("a.tsv", unquoted_tsv, b'text\tlabel\n"a\tx\n'),
    "aligned files": ("aligned.xx", aligned_files(".xx"), b"a\nb\n"),
    "BUCC": ("xx-en.dev.xx", bucc_sentences, b"xx-1\ta\nxx-2\tb\n"),
    "CCGbank": ("a.auto", auto_derivations, b"ID=1\n(<T S 0 2> (<L NP NNP NNP Vinken NP>) (<L S VB VB sees S>) )\n"),
    "CCG supertags": ("a.stagged", staged_gold, b"Vinken|NNP|NP sees|VB|S\n"),
    "XTREME treebank": ("sw_a.conllu", xtreme_treebank, seeds.TEXT_FILES["a.conllu"]),
}
"""File name, reader and content of each published layout."""


def _benchmarks() -> list[Target]:
    return [
        Target(name=name, file=file, contents=[content], read=_consume(read))
        for name, (file, read, content) in BENCHMARK_READERS.items()
    ]


def _benchmark_tasks() -> list[Target]:
    return [
        Target(
            name=f"task {name}",
            file=Path(location).name,
            contents=[content],
            read=functools.partial(benchmark_files.examples, name),
            kind="task",
        )
        for name, (_, location, content) in benchmark_files.FILES.items()
    ]


def _examples(problem: str, columns: Sequence[str], path: Path) -> object:
    files = {"en": {"test": path.name}}
    settings = TaskFiles.model_validate(
        {"problem": problem, "files": files, "columns": {column: column for column in columns}}
    )
    task = user_task("fuzzed", settings, path.parent, path.parent / "cache")
    return [tuple(examples) for examples in task.read({}, "en").values()]


def _problems() -> list[Target]:
    """Rows of each kind of problem, from files of three formats."""
    targets = []
    for problem, rows in seeds.ROWS.items():
        columns = tuple(rows[0])
        read = functools.partial(_examples, problem, columns)
        content = seeds.json_lines(*rows)
        targets.append(Target(name=f"{problem} rows", file="a.jsonl", contents=[content], read=read))
    assert len(targets) == len(PROBLEMS)
    return targets


def _translations(path: Path) -> object:
    task = Task(name="t", problem="classification", suite=(), languages=("en",), licence="", citation="", url="")
    examples = [
        Labelled(id=f"train-{n}", group=f"g{n}", language="en", text=text, pair="c", label="x")
        for n, text in enumerate(("a", "b"), start=1)
    ]
    return read_translations(path, task, None, examples, examples, "sw")


def _references(path: Path) -> object:
    from xstilts.models.multimodal.precomputed import Precomputed

    array = path.with_suffix(".npy")
    array.write_bytes(seeds.binary_files()["npy"][0])
    return Precomputed(array)


def _features(path: Path) -> object:
    from xstilts.models.multimodal.precomputed import Precomputed

    path.with_suffix(".txt").write_text("a\nb\n")
    return Precomputed(path).tensor(["a", "b"])


def _recipe(path: Path) -> object:
    (path.parent / "rooms.csv").write_text("sentence,room\na,b\nc,d\n")
    return load_recipe(path)


def _override(path: Path) -> object:
    """A recipe with the content of the file as an override."""
    recipe = path.with_name("recipe.yaml")
    recipe.write_bytes(seeds.SMALL_RECIPE)
    (path.parent / "rooms.csv").write_text("sentence,room\na,b\nc,d\n")
    try:
        return load_recipe(recipe, [path.read_bytes().decode("utf-8", "surrogateescape")])
    except RecipeError as error:
        raise RecipeError(f"{path}: {error.message}", error.hint, error.issues) from None


def _others() -> list[Target]:
    overrides = [b"fewshot.shots=[1,4]", b"targets.rooms.train.steps=3", b"tasks.rooms.licence=CC0"]
    overrides += [b"encoder=bert-base-multilingual-cased", b"intermediate={none: null}"]
    translations = [
        b"a\tc\ta\tc\tx\n",
        b"id\ttext\tpair\tlabel\ntrain-1\td\te\tx\n",
    ]
    return [
        Target(name="recipe", file="a.yaml", contents=[seeds.RECIPE], read=_recipe, error=RecipeError),
        Target(name="override", file="set", contents=overrides, read=_override, error=RecipeError),
        Target(name="translations", file="a.tsv", contents=translations, read=_translations),
        Target(name="feature names", file="a.txt", contents=[b"a\nb\n"], read=_references),
        Target(name=".npy", file="a.npy", contents=seeds.binary_files()["npy"], read=_features, kind="binary"),
        Target(
            name=".safetensors",
            file="a.safetensors",
            contents=seeds.binary_files()["safetensors"],
            read=_features,
            kind="binary",
        ),
    ]


def _image(path: Path) -> object:
    image = decode(path.read_bytes(), str(path), 32)
    assert image.mode == "RGB"
    return image.tobytes()


def _images() -> list[Target]:
    contents = {**seeds.binary_files(), "svg": (seeds.DRAWING,)}
    return [
        Target(name=kind, file=f"a.{kind}", contents=contents[kind], read=_image, kind="binary", error=ImageError)
        for kind in ("png", "jpeg", "gif", "webp", "tiff", "bmp", "ppm", "svg")
    ]


@functools.cache
def targets() -> dict[str, Target]:
    """All readers by name."""
    listed = [*_formats(), *_benchmarks(), *_benchmark_tasks(), *_problems(), *_others(), *_images()]
    return {target.name: target for target in listed}


def problem_with(target: Target, path: Path) -> str | None:
    """Read a file; what is wrong with the outcome, or None. An error must be of the right type and name the file."""
    try:
        target.read(path)
    except target.error as error:
        messages = error.errors if isinstance(error, RowsError) else (error,)
        unnamed = [one.message for one in messages if path.stem not in one.message]
        return f"the error does not name the file: {unnamed[0][:200]}" if unnamed else None
    except Exception as error:
        trace, last = error.__traceback__, None
        while trace is not None:
            last, trace = trace, trace.tb_next
        place = f"{Path(last.tb_frame.f_code.co_filename).name}:{last.tb_lineno}" if last else ""
        return f"{type(error).__name__}: {str(error)[:200]} ({place})"
    return None
