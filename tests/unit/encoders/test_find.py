import subprocess
import sys

import pytest
from pydantic import TypeAdapter, ValidationError

from xstilts.encoders import EncoderCard, TrainedOn, catalogue, find_card, overlaps
from xstilts.errors import UserError


def test_cards_are_found_by_name_and_by_hub_id():
    for card in catalogue():
        assert find_card(card.name) is card
    assert find_card("FacebookAI/xlm-roberta-large") is find_card("xlm-roberta-large")
    assert find_card("e5-small").wheels


def test_a_card_says_by_which_state_its_encoder_is_read():
    assert find_card("qwen3-embedding-0.6b").pooling == "last"
    assert {card.pooling for card in catalogue() if card.name != "qwen3-embedding-0.6b"} == {"mean"}


@pytest.mark.parametrize("wrong", [{"poling": "mean"}, {"pooling": "middle"}, {"layers": "many"}, {"trained_on": [{}]}])
def test_a_card_with_a_wrong_field_is_refused(wrong):
    with pytest.raises(ValidationError):
        TypeAdapter(EncoderCard).validate_python({"name": "x", "source": "hub:o/x"} | wrong)


def test_names_are_unique():
    names = [card.name for card in catalogue()]
    assert len(set(names)) == len(names)


def test_any_hub_id_and_any_folder_get_a_card(tmp_path):
    hub, folder = find_card("someone/some-encoder"), find_card(str(tmp_path))
    assert hub.uri == "hub:someone/some-encoder"
    assert folder.uri == f"file:{tmp_path}"
    assert hub.trained_on is folder.trained_on is None


@pytest.mark.parametrize("name", ["nonsense", "a/b/c", "./missing", "", "/no/such/folder", "../up"])
def test_other_names_are_refused(name):
    with pytest.raises(UserError, match="unknown encoder"):
        find_card(name)


def test_a_misspelt_name_is_corrected():
    with pytest.raises(UserError, match="did you mean 'e5-small'"):
        find_card("e5-smal")


def test_overlaps_name_the_data_and_the_task():
    sentences = overlaps(find_card("e5-small"), ["intent", "quac", "disfl-qa", "paraphrase", "ui-bitext"])
    assert len(sentences) == 4
    assert any("SQuAD" in sentence and "`quac` asks for the same skill" in sentence for sentence in sentences)
    assert any("SQuAD" in sentence and "`disfl-qa` comes from that data set" in sentence for sentence in sentences)
    assert not any("`intent`" in sentence for sentence in sentences)


def test_raw_text_overlaps_with_no_task():
    assert overlaps(find_card("xlm-roberta-large"), ["quac", "intent"]) == ()


def test_the_unknown_is_unchecked_not_clean():
    (sentence,) = overlaps(find_card("someone/some-encoder"), ["intent"])
    assert "unknown" in sentence and "unchecked" in sentence


def test_each_overlap_is_said_once():
    seen = TrainedOn(data="D", how="as raw text", source="here", same_data=("a",), related_tasks=("b", "c"))
    card = EncoderCard(name="x", source="hub:o/x", trained_on=(seen,))
    assert overlaps(card, ["c", "a", "a"]) == (
        "x saw D as raw text; `a` comes from that data set.",
        "x saw D as raw text; `c` asks for the same skill.",
    )


def test_two_encoders_make_one():
    card = find_card("e5-small+efficientnet-lite0")
    text, vision = find_card("e5-small"), find_card("efficientnet-lite0")
    assert (card.kind, card.text, card.vision, card.halves) == ("fused", text, vision, (text, vision))
    assert card.wheels == (*text.wheels, *vision.wheels)
    assert (card.hidden, card.query_prefix, card.channels) == (384, "query: ", 320)
    assert card.licence == "MIT and Apache-2.0"
    assert vision.halves == (vision,)


def test_each_half_may_be_a_hub_id_or_a_folder(tmp_path):
    card = find_card(f"xlm-roberta-base+{tmp_path}")
    assert card.uri == f"hub:FacebookAI/xlm-roberta-base+file:{tmp_path}" and card.wheels == ()
    assert find_card("a/b+c/d").uri == "hub:a/b+hub:c/d"
    (odd := tmp_path / "a+b").mkdir()
    assert find_card(str(odd)).kind is None, "a folder may have a + in its name"


def test_halves_of_the_wrong_kind_are_refused():
    for name in ("efficientnet-lite0+e5-small", "e5-small+xlm-roberta-base", "siglip-multilingual+efficientnet-lite0"):
        with pytest.raises(UserError, match="where an encoder belongs that"):
            find_card(name)
    for name in ("e5-small+", "+efficientnet-lite0", "e5-small+nonsense"):
        with pytest.raises(UserError, match="unknown encoder"):
            find_card(name)


def test_what_both_halves_have_seen_is_told():
    sentences = overlaps(find_card("e5-small+efficientnet-lite0"), ["quac"])
    assert len(sentences) == 1 and sentences[0].startswith("e5-small saw SQuAD")
    known, unknown = overlaps(find_card("e5-small+c/d"), ["quac"])
    assert "SQuAD" in known and "c/d was trained on is unknown" in unknown


def test_the_catalogue_needs_no_torch():
    code = "import sys, xstilts.encoders, xstilts.encoders.fetch; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
