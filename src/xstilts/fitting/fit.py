"""Fits a model: encodes the rows, tries arms within the budget, selects one, and fits it to all rows."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from typing import Any, cast

import numpy as np
import torch
from transformers import PreTrainedModel

from xstilts.encoders import find_card
from xstilts.encoders.fetch import prepare as fetch
from xstilts.encoders.pins import pin
from xstilts.errors import UserError
from xstilts.fitting.dataset import Dataset, shown_text
from xstilts.fitting.encode import Encoded, Report, encode_dataset, text_of
from xstilts.fitting.facts import Calibration, ModelFacts, Windows
from xstilts.fitting.heads import fit_head, head_arms
from xstilts.fitting.held_out import (
    METRICS,
    arm_estimate,
    believability,
    class_shares,
    english_score,
    optimism_of,
)
from xstilts.fitting.learning_curve import learning_curve
from xstilts.fitting.model import FittedModel
from xstilts.fitting.results import Fit, build_report
from xstilts.fitting.search import Candidate, Say, Search, Space, folds_of, selected
from xstilts.fitting.settings import FitSettings
from xstilts.fitting.states import StateEncoder
from xstilts.fitting.training_rows import training_rows
from xstilts.fitting.tune import EPOCHS, BudgetSpentError, TuneCost, tuned_encoder
from xstilts.models.heads import load_text_encoder, load_tokenizer
from xstilts.platform.hardware import matrix_precision, usable_cores

ENCODE_SHARE = 0.4
"""Share of the budget in which English rows are encoded."""
DEV_SHARE = 5
"""One of so many groups of English rows is not trained on."""
LEAST_SIMILAR = 1.0
"""Percentile of the rows' similarity to their nearest other row, below which a text is unlike the training data."""


def fit_model(
    dataset: Dataset,
    settings: FitSettings,
    *,
    understood: Sequence[str] = (),
    say: Say = lambda line: None,
    report: Report = lambda name, done, total: None,
) -> FittedModel:
    """The model of the selected arm, fitted to all labelled rows. An interrupt after the first arm ends the search.

    Raises UserError for an encoder that cannot be used.
    """
    started = time.monotonic()
    threads = torch.get_num_threads()
    torch.set_num_threads(settings.threads or usable_cores())
    try:
        return _fit(dataset, settings, started, understood, say, report)
    finally:
        torch.set_num_threads(threads)


def _fit(
    dataset: Dataset, settings: FitSettings, started: float, understood: Sequence[str], say: Say, report: Report
) -> FittedModel:
    space = _pretrained(dataset, settings, started, report)
    search = Search(
        problem=dataset.problem,
        classes=len(dataset.labels),
        folds=folds_of(dataset.problem, space.encoded),
        deadline=started + settings.budget,
    )
    try:
        _try_arms(dataset, settings, search, space, say, report)
    except KeyboardInterrupt:
        if not search.candidates:
            raise
        say("interrupted: the model is made of what was tried so far")
    with one_thread():
        chosen = selected(search)
        known = believability(dataset, chosen, settings.precision)
        model = _final(dataset, settings, chosen, known.temperature, known.report)
        optimism = optimism_of(dataset, search)
        curve = learning_curve(dataset, search, chosen, class_shares(dataset, settings.prior).values, optimism)
    fit = Fit(
        dataset=dataset,
        settings=settings,
        search=search,
        chosen=chosen,
        believability=known,
        curve=curve,
        optimism=optimism,
        understood=understood,
        seconds=time.monotonic() - started,
    )
    return replace(model, report=build_report(fit, model))


def _try_arms(dataset: Dataset, settings: FitSettings, search: Search, space: Space, say: Say, report: Report) -> None:
    shares = class_shares(dataset, settings.prior).values
    name = METRICS[dataset.problem][1]

    def score(candidate: Candidate) -> str:
        if candidate.logits is not None:
            estimate = arm_estimate(dataset, candidate, shares)
            return f"{name} {100 * estimate.score:.1f} ({100 * estimate.low:.0f} to {100 * estimate.high:.0f})"
        english = english_score(dataset, candidate)
        return "fitted" if english is None else f"English {name} {100 * english:.1f}"

    arms = head_arms(
        dataset.problem,
        english=bool(dataset.english),
        shots=bool(dataset.shots),
        unlabelled=bool(dataset.unlabelled),
        subwords=settings.subwords and "pair" not in dataset.columns,
    )
    with one_thread():
        search.try_heads(space, arms, score, say)
    if not dataset.english:
        return
    left = search.deadline - time.monotonic()
    if left <= 0:
        search.skipped.append("fine-tuning")
        return
    texts = len(space.encoded.english_used) + len(dataset.shots)
    few = [text_of(dataset.english.examples[row]) for row in space.encoded.english_used]
    needed = TuneCost(seconds_per_text=space.states.probe(few)).seconds(texts)
    if needed > left:
        search.skipped.append(f"fine-tuning, which needs about {needed:.0f} s")
        say(f"fine-tuning needs about {needed:.0f} s and {max(left, 0):.0f} s are left: not tried")
        return
    say(f"fine-tuning on English, about {needed:.0f} s")
    try:
        tuned = _tuned(dataset, settings, space, search.deadline, report)
    except BudgetSpentError:
        search.skipped.append("fine-tuning, which was stopped at the end of the budget")
        say("fine-tuning is stopped: it would take longer than the budget")
        return
    with one_thread():
        search.try_heads(tuned, arms[:2], score, say)


@contextmanager
def one_thread() -> Iterator[None]:
    """Small matrix products are faster on one thread, by far if other processes are busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _pretrained(dataset: Dataset, settings: FitSettings, started: float, report: Report) -> Space:
    card = find_card(settings.encoder)
    if card.kind not in ("text", None):
        raise UserError(f"{settings.encoder} is no text encoder", "name a text encoder with --encoder")
    folder = fetch(settings.encoder, cache=settings.cache, offline=settings.offline)
    encoder = load_text_encoder(folder).eval().to(settings.device)  # type: ignore[arg-type]
    states = StateEncoder(
        encoder=cast(PreTrainedModel, encoder.requires_grad_(False)),
        tokenizer=load_tokenizer(folder),
        pooling=card.pooling,
        windows=Windows(),
        precision=matrix_precision(settings.device),
        device=settings.device,
        name=pin(settings.encoder, None, cache=settings.cache, offline=settings.offline),
        cache=settings.cache / "vectors",
    )
    began = time.monotonic()
    encoded = encode_dataset(dataset, states, deadline=started + ENCODE_SHARE * settings.budget, report=report)
    return Space(
        name="frozen encoder",
        description=f"on {settings.encoder} as it is",
        states=states,
        encoded=encoded,
        seconds=time.monotonic() - began,
    )


def _tuned(dataset: Dataset, settings: FitSettings, space: Space, deadline: float, report: Report) -> Space:
    """The encoder trained on English rows, without every fifth group and those that share a group with the language.

    Raises BudgetSpentError if no time is left to encode the rows after training.
    """
    began = time.monotonic()
    used, own = space.encoded.english_used, {example.group for example in dataset.shots.examples}
    examples = [dataset.english.examples[row] for row in used]
    groups = _numbered([example.group for example in examples])
    dev = [row for row, example in enumerate(examples) if groups[example.group] % DEV_SHARE == 0]
    left = {examples[row].group for row in dev} | own
    encoder = tuned_encoder(
        fetch(settings.encoder, cache=settings.cache, offline=True),
        space.states.tokenizer,
        space.states.pooling,
        cast(Any, dataset.problem),
        [example for example in examples if example.group not in left],
        tuple(label for label in dataset.labels if label not in dataset.only_shots),
        epochs=EPOCHS,
        precision=space.states.precision,
        threads=torch.get_num_threads(),
        device=settings.device,
        seed=settings.seed,
        stop=deadline - space.states.rate.seconds_per_text * (len(used) + len(dataset.shots) + len(dataset.test)),
        report=report,
    ).requires_grad_(False)
    states = replace(space.states, encoder=encoder, name=None, cache=None)
    encoded = encode_dataset(dataset, states, deadline=np.inf, report=report, rows=used)
    return Space(
        name="fine-tuned encoder",
        description=f"on {settings.encoder}, fine-tuned on {len(examples) - len(dev):,} English rows",
        states=states,
        encoded=encoded,
        seconds=time.monotonic() - began,
        dev=dev,
    )


def _final(dataset: Dataset, settings: FitSettings, chosen: Candidate, temperature: float, known: Any) -> FittedModel:
    """The selected arm, fitted to all rows."""
    encoded, states = chosen.space.encoded, chosen.space.states
    head = fit_head(
        chosen.arm, chosen.prepared, encoded.english, encoded.shots, len(dataset.labels), encoded.unlabelled
    )
    card = find_card(settings.encoder)
    calibration = Calibration(
        temperature=temperature,
        precision=settings.precision if known else None,
        least_probability=known.least_probability if known else None,
        least_similarity=_least_similarity(encoded),
    )
    facts = ModelFacts(
        problem=cast(Any, dataset.problem),
        labels=dataset.labels,
        columns=dict(dataset.columns),
        language=dataset.language.code,
        encoder=settings.encoder,
        encoder_pin=states.name or pin(settings.encoder, None, cache=settings.cache, offline=settings.offline),
        licence=card.licence,
        pooling=states.pooling,
        windows=states.windows,
        precision=cast(Any, states.precision),
        calibration=calibration,
        arm=chosen.name,
        reads_subwords=head.subwords is not None,
        command=settings.command,
        version=version("xstilts"),
    )
    return FittedModel(
        facts=facts,
        states=replace(states, cache=None),
        weight=head.weight.float(),
        bias=head.bias.float(),
        subwords=head.subwords,
        training=_training_rows(dataset, encoded),
    )


def _training_rows(dataset: Dataset, encoded: Encoded) -> Any:
    examples: list[Any] = [*dataset.shots.examples, *(dataset.english.examples[row] for row in encoded.english_used)]
    parts = [rows.vectors for rows in (encoded.shots, encoded.english) if rows is not None]
    return training_rows(
        [shown_text(example) for example in examples],
        ["; ".join(example.classes) for example in examples],
        [example.language for example in examples],
        torch.cat(parts),
        dataset.language.code,
    )


def _least_similarity(encoded: Encoded) -> float | None:
    """A low percentile of the similarity of rows of the language to the nearest row of another group."""
    rows = encoded.shots if encoded.shots is not None and len(encoded.shots.labels) >= 20 else encoded.english
    if rows is None or len(rows.labels) < 20:
        return None
    rows = rows.spaced(2000)
    unit = torch.nn.functional.normalize(rows.vectors, dim=-1)
    similarity = unit @ unit.T
    number_of = _numbered(rows.groups)
    numbers = torch.tensor([number_of[group] for group in rows.groups])
    similarity[numbers[:, None] == numbers[None]] = -1.0
    return float(np.percentile(similarity.max(1).values.numpy(), LEAST_SIMILAR))


def _numbered(groups: Sequence[str]) -> dict[str, int]:
    return {group: number for number, group in enumerate(dict.fromkeys(groups))}
