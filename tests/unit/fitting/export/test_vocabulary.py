"""A cut vocabulary tokenises kept sub-words as before, and gives the same logits."""

from pathlib import Path

import pytest
import torch
from tests.unit.fitting.export.models import model_folder

from xstilts.errors import UserError
from xstilts.fitting.export.vocabulary import cut_vocabulary
from xstilts.fitting.model import load_model

KEPT = ("turn on the weather", "свет на кухне 12.5?", "light " * 40, "what is it")
TEXTS = {"en": ["turn on the light in the kitchen", "what is the weather like today"], "ru": ["включи свет на кухне"]}


@pytest.mark.parametrize("kind", ["xlm-roberta", "deberta-v2"])
def test_texts_of_kept_sub_words_have_the_same_logits(tmp_path: Path, kind: str):
    folder = model_folder(tmp_path / "model", kind)
    whole = load_model(folder)
    small, cut = cut_vocabulary(load_model(folder), TEXTS, ("en", "ru"))
    assert cut.pieces < cut.before
    assert small.states.encoder.get_input_embeddings().num_embeddings == cut.pieces
    torch.testing.assert_close(small.logits(KEPT), whole.logits(KEPT), atol=1e-5, rtol=0)
    for text in KEPT:
        assert small.states.tokenizer.tokenize(text) == whole.states.tokenizer.tokenize(text)
    assert small.states.tokenizer.mask_token_id == small.states.tokenizer.convert_tokens_to_ids(
        "<mask>" if kind == "xlm-roberta" else "[MASK]"
    )


def test_other_scripts_are_unknown_characters(tmp_path: Path):
    folder = model_folder(tmp_path / "model")
    small, cut = cut_vocabulary(load_model(folder), TEXTS, ("en", "ru"))
    assert set(cut.scripts) == {"Latn", "Cyrl"}
    unknown = small.states.tokenizer.unk_token_id
    assert unknown in small.states.tokenizer("打开")["input_ids"]
    assert unknown not in small.states.tokenizer("включи light")["input_ids"]


def test_new_texts_are_counted_by_cross_validation(tmp_path: Path):
    folder = model_folder(tmp_path / "model")
    texts = {"en": ["turn on 打开", "the light", "in the kitchen", "what is", "like today"]}
    _, cut = cut_vocabulary(load_model(folder), texts, ("en",))
    (row,) = cut.tokenised  # 打开 occurs in one text only, so that it would be cut were this text new
    assert (row.language, row.texts, row.changed) == ("en", 5, 1)


def test_most_limits_the_pieces_of_the_scripts(tmp_path: Path):
    folder = model_folder(tmp_path / "model")
    _, every = cut_vocabulary(load_model(folder), TEXTS, ("en", "ru"))
    _, fewer = cut_vocabulary(load_model(folder), TEXTS, ("en", "ru"), every.pieces - 5)
    assert fewer.pieces == every.pieces - 5
    with pytest.raises(UserError):
        cut_vocabulary(load_model(folder), TEXTS, ("en", "ru"), 10)


@pytest.mark.parametrize("kind", ["bert", "modernbert"])
def test_other_tokenizers_are_refused(tmp_path: Path, kind: str):
    with pytest.raises(UserError):
        cut_vocabulary(load_model(model_folder(tmp_path / "model", kind)), TEXTS, ("en",))


def test_a_language_of_unknown_script_is_refused(tmp_path: Path):
    with pytest.raises(UserError):
        cut_vocabulary(load_model(model_folder(tmp_path / "model")), {}, ("qqq",))
