"""A model folder to measure exports with: topics of SIB-200 sentences in English, Swahili, Tamil and Amharic.

    python bench/export_model.py FOLDER

Needs SIB-200 below XSTILTS_DATA_ROOT. Logistic regression on frozen states of e5-small, fitted to all English training
sentences and to SHOTS of each other language. `held_out` are the development and test sentences.
"""

import os
import sys
from pathlib import Path

from xstilts.problems.base import Example

SIB = {"en": "en", "sw": "swh_Latn", "ta": "tam_Taml", "am": "amh_Ethi"}
SHOTS = 70


def sentences(language: str, *splits: str) -> list[tuple[str, str]]:
    """Texts with their labels."""
    from xstilts.cache.wheels import cache_dir
    from xstilts.data.benchmark_files import bind
    from xstilts.data.load import load
    from xstilts.tasks import load_task

    task = bind(load_task("sib200"), root=Path(os.environ["XSTILTS_DATA_ROOT"]), cache=cache_dir())
    examples: list[Example] = []
    for split in splits:
        examples += load(task, SIB[language], split, cache=cache_dir(), offline=True)
    return [(example.text.strip(), example.label) for example in examples]  # type: ignore[attr-defined]


def held_out(language: str) -> list[tuple[str, str]]:
    return sentences(language, "dev", "test")


def build(folder: Path) -> Path:
    import torch

    from xstilts.cache.wheels import cache_dir
    from xstilts.encoders.fetch import prepare
    from xstilts.fitting.facts import ModelFacts, Windows
    from xstilts.fitting.model import FittedModel
    from xstilts.fitting.states import StateEncoder
    from xstilts.fitting.training_rows import training_rows
    from xstilts.methods.logreg import Logreg
    from xstilts.models.heads import load_text_encoder, load_tokenizer

    encoder = prepare("e5-small", cache=cache_dir(), offline=True)
    states = StateEncoder(
        encoder=load_text_encoder(encoder).eval(),
        tokenizer=load_tokenizer(encoder),
        pooling="mean",
        windows=Windows(),
        precision="fp32",
    )
    rows = [
        (language, *row)
        for language in SIB
        for row in sentences(language, "train")[: None if language == "en" else SHOTS]
    ]
    labels = tuple(sorted({label for _, _, label in rows}))
    vectors, _ = states.vectors([(text, None) for _, text, _ in rows])
    method = Logreg(l2=100.0)
    targets = torch.tensor([labels.index(label) for _, _, label in rows])
    head = method.fit(None, method.summarise([(vectors, targets)], len(labels)), len(labels))
    facts = ModelFacts(
        problem="classification",
        labels=labels,
        columns={"text": "text"},
        language="sw",
        encoder="e5-small",
        encoder_pin="",
        licence="MIT",
        pooling="mean",
        arm="logreg",
        command="bench/export_model.py",
        version="",
    )
    training = training_rows(
        [row[1] for row in rows], [row[2] for row in rows], [row[0] for row in rows], vectors, "sw"
    )
    model = FittedModel(facts=facts, states=states, weight=head["weight"], bias=head["bias"], training=training)
    return model.save(folder)


if __name__ == "__main__":
    build(Path(sys.argv[1]))
