"""The model card of an exported model: its training and scores, from the manifests of its stages. No torch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from xstilts.encoders import EncoderCard, find_card
from xstilts.errors import UserError
from xstilts.planning.stage import SplitRead
from xstilts.problems import PROBLEMS, ProblemName
from xstilts.store.facts import FewshotFacts, ScoredFacts, TargetFacts, TrainedFacts
from xstilts.store.model_facts import ModelFacts
from xstilts.store.store import Manifest, Store
from xstilts.tasks import load_task, task_names
from xstilts.tasks.task import Task

_HUB = "https://huggingface.co/"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scored:
    language: str
    split: str
    items: int
    values: dict[str, float]


def model_card(store: Store, key: str) -> str:
    """The README.md of a trained artifact, with YAML metadata. Raises UserError if one of its stages is missing."""
    chain = lineage(store, key)
    facts = chain[-1].facts
    assert isinstance(facts, TargetFacts | FewshotFacts)
    encoder, task = find_card(facts.encoder.name), _task(facts.model.task)
    scores = _scores(store, chain[-1])
    metadata = _metadata(chain, facts.model, encoder, scores)
    sections = [
        f"---\n{yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True)}---",
        f"# {encoder.name} on {facts.model.task}",
        _training(chain),
        _scores_table(scores),
        _use(facts.model.problem),
        _limitations(encoder, task),
        _sources(encoder, task),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def lineage(store: Store, key: str) -> tuple[Manifest, ...]:
    """The manifests from the pretrained encoder to the artifact."""
    manifests: list[Manifest] = []
    current: str | None = key
    while current:
        manifest = store.manifest(current)
        if manifest is None:
            raise UserError(f"the store has no artifact {current[:12]}, an input of {key[:12]}", "run the recipe again")
        manifests.append(manifest)
        current = manifest.inputs[0] if manifest.inputs else None
    return tuple(reversed(manifests))


def _task(name: str) -> Task | None:
    return load_task(name) if name in task_names() else None


def _scores(store: Store, manifest: Manifest) -> tuple[_Scored, ...]:
    """The scores of the artifact itself, or of its evaluations in the store."""
    if isinstance(manifest.facts, ScoredFacts):
        evaluations = [manifest]
    else:
        manifests = map(store.peek, store.keys())
        evaluations = [m for m in manifests if m and m.kind == "evaluate" and manifest.key in m.inputs]
    scores = (
        _Scored(language=read.data.language, split=read.split, items=facts.scores.items, values=facts.scores.by_metric)
        for m in evaluations
        if isinstance(facts := m.facts, ScoredFacts)
        for read in m.reads
        if isinstance(read, SplitRead) and read.role == "score"
    )
    return tuple(sorted(scores, key=lambda scored: (scored.language, scored.split)))


def _metadata(
    chain: Sequence[Manifest], model: ModelFacts, encoder: EncoderCard, scores: Sequence[_Scored]
) -> dict[str, Any]:
    problem = model.problem
    base = encoder.url.removeprefix(_HUB) if encoder.url and encoder.url.startswith(_HUB) else None
    results = [_result(model.task, problem, scored) for scored in scores]
    name = f"{encoder.name}-{model.task}"
    metadata = {
        "language": list(dict.fromkeys(_languages(chain))),
        "library_name": "transformers",
        "pipeline_tag": PROBLEMS[problem].pipeline_tag,
        "base_model": base,
        "tags": ["xstilts", problem, model.task],
        "metrics": list(PROBLEMS[problem].metrics),
        "model-index": [{"name": name, "results": results}] if results else None,
    }
    return {key: value for key, value in metadata.items() if value is not None}


def _languages(chain: Sequence[Manifest]) -> Iterator[str]:
    """Languages of the training data, as ISO 639 codes."""
    for manifest in chain:
        for read in manifest.reads:
            if read.role == "train":
                language = read.data.language if isinstance(read, SplitRead) else read.texts.language
                yield language.partition("-")[0]


def _result(task: str, problem: ProblemName, scored: _Scored) -> dict[str, Any]:
    data = {"name": task, "type": task, "config": scored.language, "split": scored.split}
    values = [{"type": name, "value": round(value, 4)} for name, value in scored.values.items()]
    return {"task": {"type": PROBLEMS[problem].pipeline_tag}, "dataset": data, "metrics": values}


def _training(chain: Sequence[Manifest]) -> str:
    rows = [
        f"| {m.title} | {training.steps if training else '-'} | {training.step_kept or '-' if training else '-'} | "
        f"`{m.key[:12]}` |"
        for m in chain
        for training in [m.facts.training if isinstance(m.facts, TrainedFacts) else None]
    ]
    train = chain[-1].spec["train"]
    settings = ", ".join(f"{key} {value}" for key, value in train.items() if value is not None)
    head = "## Training\n\n| stage | steps | selected step | artifact |\n|---|--:|--:|---|"
    return "\n".join([head, *rows, "", f"Settings of the last stage: {settings}."])


def _scores_table(scores: Sequence[_Scored]) -> str:
    if not scores:
        return ""
    names = list(scores[0].values)
    lines = [f"| language | split | items | {' | '.join(names)} |", f"|---|---|--:|{'--:|' * len(names)}"]
    for scored in scores:
        values = " | ".join(f"{scored.values[name]:.3f}" for name in names)
        lines.append(f"| {scored.language} | {scored.split} | {scored.items} | {values} |")
    return "\n".join(["## Scores", "", *lines])


def _use(problem: ProblemName) -> str:
    auto = PROBLEMS[problem].auto_model
    return (
        "## Use\n\n```python\n"
        f"from transformers import AutoTokenizer, {auto}\n\n"
        'tokenizer = AutoTokenizer.from_pretrained("this folder")\n'
        f'model = {auto}.from_pretrained("this folder")\n```'
    )


def _limitations(encoder: EncoderCard, task: Task | None) -> str:
    notes = [*(task.weaknesses if task else ()), *encoder.notes]
    return "\n".join(["## Limitations", "", *(f"- {note}" for note in notes)]) if notes else ""


def _sources(encoder: EncoderCard, task: Task | None) -> str:
    lines = [f"- Encoder {encoder.name}: {encoder.uri}, licence {encoder.licence or 'not stated'}."]
    lines += [f"  {encoder.citation}."] if encoder.citation else []
    if task:
        uris = ", ".join(source.uri for source in task.sources)
        lines += [f"- Task {task.name}: {uris}, licence {task.licence}.", f"  {task.citation}"]
    lines.append("- Which licence the model can have depends on these and on your own data; none is stated here.")
    return "\n".join(["## Sources", "", *lines])
