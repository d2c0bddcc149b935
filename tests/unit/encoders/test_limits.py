"""The most sub-words that an encoder reads, by its configuration."""

import json

import pytest
from tests import tiny

from xstilts.encoders.limits import max_tokens
from xstilts.errors import DataError
from xstilts.models.heads import load_tokenizer


@pytest.mark.parametrize(
    ("config", "limit"),
    [
        ({"model_type": "xlm-roberta", "max_position_embeddings": 514, "pad_token_id": 1}, 512),
        ({"model_type": "bert", "max_position_embeddings": 512, "pad_token_id": 0}, 512),
        ({"model_type": "deberta-v2", "max_position_embeddings": 512, "position_biased_input": False}, None),
        ({"model_type": "clip", "text_config": {"model_type": "clip_text_model", "max_position_embeddings": 77}}, None),
        ({"model_type": "t5"}, None),
    ],
)
def test_positions(tmp_path, config, limit):
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert max_tokens(tmp_path) == limit


def test_a_folder_without_a_configuration_states_no_limit(tmp_path):
    assert max_tokens(tmp_path) is None


def test_a_tokenizer_with_more_tokens_than_embeddings_is_refused(tmp_path):
    folder = tiny.build("xlm-roberta", tmp_path)
    tokenizer = load_tokenizer(folder)
    tokenizer.add_tokens([f"@user{number}" for number in range(500)])
    tokenizer.save_pretrained(folder)
    with pytest.raises(DataError):
        load_tokenizer(folder)
