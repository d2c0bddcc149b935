"""The families match transformers, and every family trains with every head."""

import pytest
import torch
import transformers
from tests.tiny import KINDS, SENTENCES, build
from torch import nn
from transformers import AutoConfig, AutoModelForMaskedLM

from xstilts.config.training import Train
from xstilts.data.features import featurise
from xstilts.data.tokenised import token_ids
from xstilts.errors import UserError
from xstilts.methods.lora import Lora
from xstilts.models import split
from xstilts.models.compat import has_head
from xstilts.models.families import BY_MODEL_TYPE
from xstilts.models.heads import encoder_state, head_parameters, load_backbone, load_tokenizer, load_with_head
from xstilts.models.split import embeddings, family, layers, supports_split
from xstilts.models.tuning import adapters, trained_parameters
from xstilts.problems import PROBLEMS, Answer, Choice, Labelled, Span, Tagged
from xstilts.problems.multi_label import MultiLabelled
from xstilts.stages.training import make_trainable
from xstilts.train.fit import Objective, fit
from xstilts.train.predict import predict

WITH_HEAD = ("classification", "multi-label", "choice", "span", "tagging")
LABELS = {"classification": ("yes", "no"), "multi-label": ("yes", "no"), "tagging": ("O", "B-x")}


@pytest.fixture(scope="module", params=KINDS)
def folder(request, tmp_path_factory):
    return build(request.param, tmp_path_factory.mktemp(request.param))


def examples(problem):
    common = [{"id": str(n), "group": str(n), "language": "en"} for n in range(len(SENTENCES))]
    texts = list(zip(common, SENTENCES, strict=True))
    match problem:
        case "classification":
            return [
                Labelled(**c, text=t, pair="the light", label=LABELS[problem][n % 2]) for n, (c, t) in enumerate(texts)
            ]
        case "multi-label":
            labels = (("yes",), ("yes", "no"), ()) * len(texts)
            return [MultiLabelled(**c, text=t, labels=labels[n]) for n, (c, t) in enumerate(texts)]
        case "choice":
            return [
                Choice(**c, prompt=t, choices=("light", "kitchen", "today"), answer=n % 3)
                for n, (c, t) in enumerate(texts)
            ]
        case "tagging":
            words = [(c, tuple(t.split())) for c, t in texts]
            return [Tagged(**c, words=w, tags=tuple(LABELS[problem][n % 2] for n, _ in enumerate(w))) for c, w in words]
        case _:
            answers = [(Answer(text=t[:3], start=0),) if n % 2 else () for n, (_, t) in enumerate(texts)]
            return [Span(**c, question="what?", context=t, answers=a) for (c, t), a in zip(texts, answers, strict=True)]


@pytest.mark.parametrize("problem", WITH_HEAD)
@pytest.mark.parametrize("frozen", [0, 1])
def test_every_problem_trains_on_every_family(folder, problem, frozen):
    tokenizer, rows = load_tokenizer(folder), examples(problem)
    features = featurise(problem, rows, tokenizer, LABELS.get(problem), 64)
    train = Train(steps=12, batch_size=8, learning_rate=3e-3, precision="fp32", dropout=0.0, frozen_layers=frozen)
    model = load_with_head(problem, folder, labels=LABELS.get(problem), seed=0)
    encoder = {name: tensor.clone() for name, tensor in encoder_state(model).items()}
    head = {name: tensor.detach().clone() for name, tensor in head_parameters(model).items()}
    trainable = make_trainable(model, problem, tokenizer, train, "cpu", lambda: token_ids(features))
    inputs = trainable.inputs(features)
    fitted = fit([Objective(model=trainable.trained_part, batches=inputs)], [0] * 12, train, seed=0)
    assert fitted.last_loss < fitted.first_loss
    if trainable.vocabulary is not None:
        trainable.vocabulary.expand(1.0)
    assert any(not torch.equal(tensor, head[name]) for name, tensor in head_parameters(model).items())
    changed = {name for name, tensor in encoder_state(model).items() if not torch.equal(tensor, encoder[name])}
    assert any(f"{family(model).layers}.1." in name for name in changed)
    assert any(name.startswith(family(model).embeddings) for name in changed) == (not frozen)
    assert any(f"{family(model).layers}.0." in name for name in changed) == (not frozen)
    assert len(predict(trainable.trained_part, inputs, rows, LABELS.get(problem, ()))) == len(rows)


def test_lora_targets_exist_in_every_layer(folder):
    model = load_with_head("classification", folder, labels=LABELS["classification"], seed=0)
    with adapters(model, Lora(rank=2, alpha=2), 0, merge=False):
        adapted = {name.rpartition(".lora_")[0] for name in trained_parameters(model) if ".lora_" in name}
    assert len(adapted) == len(layers(model)) * len(family(model).lora_targets)


def test_module_paths_of_a_family_exist(folder):
    encoder = load_backbone(folder)
    row = family(encoder)
    assert encoder.config.model_type in row.model_types and supports_split(encoder)
    assert len(layers(encoder)) == encoder.config.num_hidden_layers
    table = encoder.get_input_embeddings()
    assert any(module is table for module in embeddings(encoder).modules())
    if row.final_norm:
        assert isinstance(encoder.get_submodule(row.final_norm), nn.Module)
    assert len(split.shared_modules(encoder)) == len(row.shared_modules)


@pytest.mark.parametrize("kind", KINDS)
def test_heads_of_a_family_match_transformers(kind):
    row, config = BY_MODEL_TYPE[kind], AutoConfig.for_model(kind)
    lacking = {
        PROBLEMS[p].head for p in WITH_HEAD if not has_head(getattr(transformers, PROBLEMS[p].auto_model or ""), config)
    }
    assert lacking <= row.generic_heads
    assert bool(row.masked_lm_head) == has_head(AutoModelForMaskedLM, config)


@pytest.mark.parametrize("kind", BY_MODEL_TYPE)
def test_model_types_exist_in_transformers(kind):
    config = AutoConfig.for_model(kind)
    assert config.model_type == kind
    assert config.hidden_size > 0


def test_unknown_architecture_uses_common_module_names(folder, monkeypatch):
    encoder = load_backbone(folder)
    expected = layers(encoder), embeddings(encoder), set(split.family(encoder).lora_targets)
    monkeypatch.setattr(split, "BY_MODEL_TYPE", {})
    assert (layers(encoder), embeddings(encoder)) == expected[:2]
    assert expected[2] <= set(family(encoder).lora_targets)
    assert not supports_split(encoder)


def test_architecture_with_unusual_module_names_raises():
    sizes = {"embedding_size": 8, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 16}
    config = AutoConfig.for_model("albert", vocab_size=20, num_hidden_layers=1, **sizes)
    with pytest.raises(UserError) as refused:
        layers(transformers.AutoModel.from_config(config))
    assert "eurobert" in str(refused.value.hint)
