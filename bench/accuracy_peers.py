"""Accuracy against time: heads on the frozen encoder, next to SetFit and transformers' Trainer.

    XSTILTS_DATA_ROOT=DATA python bench/accuracy_peers.py [tasks] [--draws N] [--kept] [--write PAGE]

All methods get the same English examples and the same shots of three languages of each set, and one thread. Ours are
those of `bench/accuracy.py`, here from raw text: encoding the English examples and the shots, and selecting and fitting
the head. SetFit and Trainer get the processor seconds of `logreg`, times each multiple; prediction is not included. On
all sides matrix products have the precision that is faster on this machine. Results are kept below the cache after each
run of a few episodes, so an interrupted run goes on where it stopped.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any, Generic, NamedTuple, TypeVar

import torch

import accuracy_peers_report as report
from accuracy import PENALTIES, classes_of, lda, logistic, logreg
from accuracy_data import DATA_SETS, MAX_LENGTH, DataSet, States, bound, drawn, encode, encoder, examples
from accuracy_peers_report import LDA, LOGISTIC, LOGREG, SETFIT, SHOTS, TRAINER, Run
from finetune import held_out_groups
from harness import BENCH_DIR, JsonDict, Side, machine, peer_python
from xstilts.cache.wheels import cache_dir
from xstilts.encoders.fetch import prepare
from xstilts.methods.lda import Lda
from xstilts.methods.logreg import Logreg
from xstilts.platform.hardware import matrix_precision
from xstilts.problems import Example, Labelled

TASKS = ("intent", "sib200", "nusax", "afrisenti", "xnli")
LANGUAGES, ITEMS, DRAWS = 3, 200, 1
MULTIPLES = (1, 5, 20)
RATES = (3e-5, 1e-4, 3e-4)
SEARCHED = 5
"""Up to this multiple, Trainer's learning rate is searched; beyond, it is the one that was best there."""
START, END = "<!-- peers -->", "<!-- /peers -->"
FIGURE = BENCH_DIR.parent / "docs" / "figures" / "accuracy.svg"
Result = TypeVar("Result")
OURS = {LOGREG: lambda: logreg(Logreg()), LDA: lambda: lda(Lda()), LOGISTIC: lambda: logistic}


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """The shots of one draw in one language."""

    language: str
    k: int
    draw: int
    shots: tuple[Example, ...]


class Timed(NamedTuple, Generic[Result]):
    """A result and its processor seconds."""

    result: Result
    seconds: float


def peer_set(task: str) -> DataSet:
    """Three languages, evenly spaced."""
    data = next(data for data in DATA_SETS if data.task == task)
    chosen = [data.languages[n * len(data.languages) // LANGUAGES] for n in range(LANGUAGES)]
    return replace(data, languages=tuple(chosen))


@cache
def scored(data: DataSet, language: str) -> list[Example]:
    """At most 200, evenly spaced."""
    items = examples(data, language, "test")
    count = min(ITEMS, len(items))
    return [items[n * len(items) // count] for n in range(count)]


def episodes(data: DataSet, draws: Iterable[int]) -> Iterator[Episode]:
    names = set(classes_of(examples(data, "en", "train")))
    for language in data.languages:
        pool = [example for example in examples(data, language, "train") if set(classes_of([example])) <= names]
        for k, number in product(SHOTS, draws):
            shots = drawn(pool, examples(data, language, "test"), k, number)
            yield Episode(language=language, k=k, draw=number, shots=shots)


def our_runs(data: DataSet, number: int) -> list[Run]:
    """Our heads and scikit-learn's on every episode of a draw; the English examples are encoded once."""
    torch.set_num_threads(1)
    encoder()
    source = examples(data, "en", "train")
    names = classes_of(source)
    english = timed(encode, data, source, names, matrix_precision())
    tested = {language: encoded_test(data, language, names) for language in data.languages}
    return [
        our_run(data, method, episode, english, few, tested[episode.language])
        for episode in episodes(data, [number])
        for few in [timed(encode, data, episode.shots, names, matrix_precision())]
        for method in OURS
    ]


def encoded_test(data: DataSet, language: str, names: Sequence[str]) -> Timed[States]:
    items = scored(data, language)
    everything = (*names, *sorted(set(classes_of(items)) - set(names)))
    return timed(encode, data, items, everything, matrix_precision())


def our_run(
    data: DataSet, method: str, episode: Episode, english: Timed[States], few: Timed[States], tested: Timed[States]
) -> Run:
    names = classes_of(english.result.examples)
    PENALTIES.clear()
    head = timed(OURS[method](), english.result, few.result, len(names))
    found = timed(head.result, tested.result.vectors)
    return Run(
        method=method,
        k=episode.k,
        language=episode.language,
        draw=episode.draw,
        seconds=english.seconds + few.seconds + head.seconds,
        prediction_seconds=tested.seconds + found.seconds,
        predicted=[names[label] for label in found.result],
        facts={"our_english_seconds": english.seconds + head.seconds},
    )


def timed(function: Callable[..., Result], *arguments: Any) -> Timed[Result]:
    started = time.process_time()
    result = function(*arguments)
    return Timed(result, time.process_time() - started)


def setfit_runs(data: DataSet, number: int, multiple: int, k: int, budgets: Sequence[Run]) -> list[Run]:
    """SetFit on every episode of a draw with k shots."""
    name, few = f"{SETFIT} x{multiple}", [episode for episode in episodes(data, [number]) if episode.k == k]

    def measure() -> list[Run]:
        content: JsonDict = {"english": rows(examples(data, "en", "train"))}
        content["episodes"] = peer_episodes(data, few, budgets, multiple)
        return peer_runs(name, few, run_peer("accuracy_setfit", content))

    return stored(path_of(data, name, number, k), measure)


def trainer_runs(data: DataSet, number: int, multiple: int, budgets: Sequence[Run]) -> list[Run]:
    """Trainer on every episode of a draw, after one English training."""
    name, few, source = f"{TRAINER} x{multiple}", list(episodes(data, [number])), examples(data, "en", "train")

    def measure() -> list[Run]:
        rates = RATES
        if multiple > SEARCHED:
            rates = (trainer_runs(data, number, SEARCHED, budgets)[0].facts["rate"],)
        held_out = set(sorted(held_out_groups(source))[::2])
        content = {
            "english": rows(source),
            "train": rows([example for example in source if example.group not in held_out]),
            "dev": rows([example for example in source if example.group in held_out]),
            "english_seconds": multiple * fmean(run.facts["our_english_seconds"] for run in budgets),
            "episodes": peer_episodes(data, few, budgets, multiple),
        }
        return peer_runs(name, few, run_peer("accuracy_trainer", content, rates=rates))

    return stored(path_of(data, name, number), measure)


def peer_episodes(data: DataSet, few: Sequence[Episode], budgets: Sequence[Run], multiple: int) -> list[JsonDict]:
    """Each episode has the mean seconds of `logreg` with as many shots, times the multiple."""
    seconds = {k: multiple * fmean(run.seconds for run in budgets if run.k == k) for k in SHOTS}
    return [
        {
            "draw": episode.draw,
            "shots": rows(episode.shots),
            "test": [text_of(example) for example in scored(data, episode.language)],
            "seconds": seconds[episode.k],
        }
        for episode in few
    ]


def rows(items: Sequence[Example]) -> list[tuple[str, str]]:
    return [(text_of(item), item.label or "") for item in items if isinstance(item, Labelled)]


def text_of(item: Example) -> str:
    """The text; both texts of a pair, joined as the tokenizer joins them."""
    assert isinstance(item, Labelled)
    separator = encoder()[1].sep_token
    return item.text if item.pair is None else f"{item.text}{separator}{separator} {item.pair}"


def run_peer(script: str, content: JsonDict, **settings: Any) -> JsonDict:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "data.json"
        path.write_text(json.dumps(content))
        folder = prepare("e5-small", cache=cache_dir(), offline=False)
        settings |= {"folder": str(folder), "threads": 1, "scratch": scratch, "data": str(path)}
        settings |= {"max_length": MAX_LENGTH, "bf16": matrix_precision() == "bf16"}
        peer = BENCH_DIR / "peers" / f"{script}.py"
        return Side(name=script, script=peer, settings=settings, python=peer_python()).run()


def peer_runs(method: str, few: Sequence[Episode], measured: JsonDict) -> list[Run]:
    common = {name: value for name, value in measured.items() if name != "episodes"}
    return [
        Run(
            method=method,
            k=episode.k,
            language=episode.language,
            draw=episode.draw,
            seconds=result.pop("seconds"),
            prediction_seconds=result.pop("prediction_seconds"),
            predicted=result.pop("predicted"),
            facts=common | result,
        )
        for episode, result in zip(few, measured["episodes"], strict=True)
    ]


def path_of(data: DataSet, method: str, number: int | str, k: int | None = None) -> Path:
    name = f"{data.task}-{method}-draw{number}" + (f"-{k}" if k else "")
    return cache_dir() / "bench-peers" / f"{name.replace(' ', '-')}.json"


def stored(path: Path, measure: Callable[[], list[Run]]) -> list[Run]:
    """The stored runs; measured and stored if there are none."""
    if not path.exists():
        print(f"measuring {path.stem}", file=sys.stderr, flush=True)
        runs = measure()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps([asdict(run) for run in runs]))
    return [Run(**run) for run in json.loads(path.read_text())]


def measure_all(
    data: DataSet, draws: int, multiples: Sequence[int], shots: Sequence[int], peers: Sequence[str]
) -> None:
    for number in range(draws):
        ours = stored(path_of(data, "ours", number), lambda number=number: our_runs(data, number))
        budgets = [run for run in ours if run.method == LOGREG]
        for multiple in multiples:
            if TRAINER in peers:
                trainer_runs(data, number, multiple, budgets)
            for k in shots if SETFIT in peers else ():
                setfit_runs(data, number, multiple, k, budgets)


def stored_runs(data: DataSet) -> list[Run]:
    """All that have been measured, by any call: ours, then each peer's from the lowest multiple to the highest."""
    names = ["ours", *(f"{peer} x{multiple}" for peer in (SETFIT, TRAINER) for multiple in MULTIPLES)]
    paths = [
        path for name in names for path in sorted(path_of(data, name, 0).parent.glob(path_of(data, name, "*").name))
    ]
    return [Run(**run) for path in paths for run in json.loads(path.read_text())]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", default=TASKS)
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--multiples", type=int, nargs="+", default=MULTIPLES)
    parser.add_argument("--shots", type=int, nargs="+", default=SHOTS, help="for SetFit")
    parser.add_argument("--peers", nargs="*", default=(SETFIT, TRAINER))
    parser.add_argument("--kept", action="store_true", help="measure nothing; report what has been measured")
    parser.add_argument("--write", type=Path, help="a page with markers for the tables; also draws the figure")
    options = parser.parse_args()
    for data in () if options.kept else map(peer_set, options.tasks):
        measure_all(data, options.draws, options.multiples, options.shots, options.peers)
    sets = [measured(peer_set(task)) for task in TASKS if stored_runs(peer_set(task))]
    lines = [*report.tables(sets), f"{machine()}."]
    print("\n".join(lines))
    if options.write:
        FIGURE.write_text(report.figure(sets))
        before, _, rest = options.write.read_text().partition(START)
        after = rest.partition(END)[2]
        options.write.write_text(f"{before}{START}\n\n" + "\n".join(lines) + f"\n\n{END}{after}")


def measured(data: DataSet) -> report.Measured:
    items = {language: scored(data, language) for language in data.languages}
    return report.Measured(task=data.task, metric=bound(data.task).metric, scored=items, runs=stored_runs(data))


if __name__ == "__main__":
    main()
