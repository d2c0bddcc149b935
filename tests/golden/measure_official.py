"""Scores by the official code: `python -m tests.golden.measure_official XTREME [SEQEVAL]` gave what the tests hold.

XTREME is a checkout of google-research/xtreme at 838c13b, SEQEVAL the source of seqeval 0.0.12, which was current when
XTREME came out; without it, the installed one counts CCONJ and SCONJ as one type.
"""

import sys

from tests.golden import official_inputs as inputs


def main(*folders: str) -> None:
    sys.path[:0] = [*folders[1:], *folders[:1]]
    import evaluate
    from third_party import evaluate_mlqa, evaluate_squad

    for name, tags in (("upos", inputs.UPOS), ("bio", inputs.BIO)):
        print(name, [evaluate.f1(*inputs.tagged(seed, tags))["f1"] for seed in range(3)])
    print("accuracy", [evaluate.accuracy(*inputs.labelled(seed, 3))["accuracy"] for seed in range(3)])
    print("tatoeba", [evaluate.accuracy(*inputs.labelled(seed, 90))["accuracy"] for seed in range(3)])
    print("bucc", [_bucc(evaluate, seed) for seed in range(3)])
    for language in inputs.TEXTS:
        questions, found = _questions(language)
        print("squad", language, evaluate_squad.evaluate(questions, found))
        print("mlqa", language, evaluate_mlqa.evaluate(questions, found, language))


def _bucc(evaluate, seed: int) -> tuple[float, ...]:
    gold, found = (["\t".join(pair) for pair in pairs.items()] for pairs in inputs.paired(seed))
    return tuple(evaluate.bucc_f1(gold, found).values())


def _questions(language: str) -> tuple[list, dict[str, str]]:
    gold, found = inputs.answered(0, language)
    questions = [{"id": str(i), "answers": [{"text": text} for text in answers]} for i, answers in enumerate(gold)]
    return [{"paragraphs": [{"qas": questions}]}], {str(i): text for i, text in enumerate(found)}


if __name__ == "__main__":
    main(*sys.argv[1:])
