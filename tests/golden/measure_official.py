"""Scores by the official code: `python -m tests.golden.measure_official XTREME [SEQEVAL]` gave what the tests hold.

XTREME is a checkout of google-research/xtreme at 838c13b, SEQEVAL the source of seqeval 0.0.12, which was current when
XTREME came out; without it, the installed one counts CCONJ and SCONJ as one type.
"""

import contextlib
import io
import sys
import tempfile
from pathlib import Path

import numpy as np
from tests.golden import official_inputs as inputs


def main(*folders: str) -> None:
    sys.path[:0] = [*folders[1:], *folders[:1]]
    import evaluate
    from third_party import evaluate_mlqa, evaluate_squad, utils_retrieve

    for name, tags in (("upos", inputs.UPOS), ("bio", inputs.BIO)):
        print(name, [evaluate.f1(*inputs.tagged(seed, tags))["f1"] for seed in range(3)])
    print("accuracy", [evaluate.accuracy(*inputs.labelled(seed, 3))["accuracy"] for seed in range(3)])
    print("tatoeba", [evaluate.accuracy(*inputs.labelled(seed, 90))["accuracy"] for seed in range(3)])
    print("bucc", [_bucc(evaluate, seed) for seed in range(3)])
    print("mining", [_mining(evaluate, utils_retrieve, seed) for seed in range(3)])
    for language in inputs.TEXTS:
        questions, found = _questions(language)
        print("squad", language, evaluate_squad.evaluate(questions, found))
        print("mlqa", language, evaluate_mlqa.evaluate(questions, found, language))


def _bucc(evaluate, seed: int) -> tuple[float, ...]:
    gold, found = (["\t".join(pair) for pair in pairs.items()] for pairs in inputs.paired(seed))
    return tuple(evaluate.bucc_f1(gold, found).values())


def _mining(evaluate, retrieve, seed: int) -> tuple[float, ...]:
    """The threshold that one pair of collections gives, and what it scores there and on another."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        dev = _mined(retrieve, seed, Path(folder) / "dev", None)
        _mined(retrieve, seed + 100, Path(folder) / "test", dev["best-threshold"])
        found = (Path(folder) / "test.pairs").read_text().splitlines()
    gold = ["\t".join(pair) for pair in inputs.collections(seed + 100)[2].items()]
    return dev["best-threshold"], dev["F1"], *evaluate.bucc_f1(gold, found).values()


def _mined(retrieve, seed: int, base: Path, threshold: float | None) -> dict[str, float]:
    *sides, gold = inputs.collections(seed)
    vectors = []
    for name, side in zip(("xx", "en"), sides, strict=True):
        Path(f"{base}.{name}.txt").write_text("".join(f"{text}\n" for text, _ in side.values()))
        Path(f"{base}.{name}.id").write_text("".join(f"{key}\n" for key in side))
        vectors.append(np.array([vector for _, vector in side.values()], dtype=np.float32))
    Path(f"{base}.gold").write_text("".join(f"{own}\t{other}\n" for own, other in gold.items()))
    texts, ids = ([f"{base}.{name}.{kind}" for name in ("xx", "en")] for kind in ("txt", "id"))
    retrieve.mine_bitext(*vectors, *texts, f"{base}.candidates")
    pairs = None if threshold is not None else f"{base}.gold"
    return retrieve.bucc_eval(f"{base}.candidates", pairs, *texts, *ids, f"{base}.pairs", threshold)


def _questions(language: str) -> tuple[list, dict[str, str]]:
    gold, found = inputs.answered(0, language)
    questions = [{"id": str(i), "answers": [{"text": text} for text in answers]} for i, answers in enumerate(gold)]
    return [{"paragraphs": [{"qas": questions}]}], {str(i): text for i, text in enumerate(found)}


if __name__ == "__main__":
    main(*sys.argv[1:])
