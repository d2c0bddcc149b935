import subprocess
import sys

import pytest
from pydantic import TypeAdapter, ValidationError

from xstilts.encoders import EncoderCard, TrainedOn, catalogue, find_card, overlaps
from xstilts.errors import UserError


def test_find_card_by_name_and_hub_id():
    for card in catalogue():
        assert find_card(card.name) is card
    assert find_card("FacebookAI/xlm-roberta-large") is find_card("xlm-roberta-large")
    assert find_card("e5-small").wheels


def test_pooling_of_every_card():
    assert find_card("qwen3-embedding-0.6b").pooling == "last"
    assert {card.pooling for card in catalogue() if card.name != "qwen3-embedding-0.6b"} == {"mean"}


@pytest.mark.parametrize("wrong", [{"poling": "mean"}, {"pooling": "middle"}, {"layers": "many"}, {"trained_on": [{}]}])
def test_invalid_card_raises(wrong):
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
def test_unknown_names_raise(name):
    with pytest.raises(UserError):
        find_card(name)


def test_misspelt_name_gets_a_suggestion():
    with pytest.raises(UserError) as error:
        find_card("e5-smal")
    assert "'e5-small'" in str(error.value.hint)


def test_overlaps_name_the_data_and_the_task():
    sentences = overlaps(find_card("e5-small"), ["intent", "quac", "disfl-qa", "paraphrase", "ui-bitext"])
    assert len(sentences) == 4
    assert any("SQuAD" in sentence and "`quac` tests the same skill" in sentence for sentence in sentences)
    assert any("SQuAD" in sentence and "`disfl-qa` comes from that data set" in sentence for sentence in sentences)
    assert not any("`intent`" in sentence for sentence in sentences)


def test_raw_text_overlaps_with_no_task():
    assert overlaps(find_card("xlm-roberta-large"), ["quac", "intent"]) == ()


def test_unknown_training_data_is_reported_as_unchecked():
    (sentence,) = overlaps(find_card("someone/some-encoder"), ["intent"])
    assert "unknown" in sentence and "unchecked" in sentence


def test_each_overlap_is_listed_once():
    data = TrainedOn(data="D", how="as raw text", source="here", same_data=("a",), related_tasks=("b", "c"))
    card = EncoderCard(name="x", source="hub:o/x", trained_on=(data,))
    assert overlaps(card, ["c", "a", "a"]) == (
        "x saw D as raw text; `a` comes from that data set.",
        "x saw D as raw text; `c` tests the same skill.",
    )


def test_fused_card_combines_both_halves():
    card = find_card("e5-small+efficientnet-lite0")
    text, vision = find_card("e5-small"), find_card("efficientnet-lite0")
    assert (card.kind, card.text, card.vision, card.halves) == ("fused", text, vision, (text, vision))
    assert card.wheels == (*text.wheels, *vision.wheels)
    assert (card.hidden, card.query_prefix, card.channels) == (384, "query: ", 320)
    assert card.licence == "MIT and Apache-2.0"
    assert vision.halves == (vision,)


def test_halves_may_be_hub_ids_or_folders(tmp_path):
    card = find_card(f"xlm-roberta-base+{tmp_path}")
    assert card.uri == f"hub:FacebookAI/xlm-roberta-base+file:{tmp_path}" and card.wheels == ()
    assert find_card("a/b+c/d").uri == "hub:a/b+hub:c/d"
    (odd := tmp_path / "a+b").mkdir()
    assert find_card(str(odd)).kind is None, "a folder may have a + in its name"


def test_halves_of_the_wrong_kind_raise():
    for name in ("efficientnet-lite0+e5-small", "e5-small+xlm-roberta-base", "siglip-multilingual+efficientnet-lite0"):
        with pytest.raises(UserError):
            find_card(name)
    for name in ("e5-small+", "+efficientnet-lite0", "e5-small+nonsense"):
        with pytest.raises(UserError):
            find_card(name)


def test_overlaps_cover_both_halves():
    sentences = overlaps(find_card("e5-small+efficientnet-lite0"), ["quac"])
    assert len(sentences) == 1 and sentences[0].startswith("e5-small saw SQuAD")
    known, unknown = overlaps(find_card("e5-small+c/d"), ["quac"])
    assert "SQuAD" in known and "c/d was trained on is unknown" in unknown


def test_catalogue_does_not_import_torch():
    code = "import sys, xstilts.encoders, xstilts.encoders.fetch; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", ["~nobody-of-this-name/encoder", "~nobody-of-this-name/features.npy", "x" * 5000])
def test_names_that_no_folder_can_have_are_unknown(name):
    with pytest.raises(UserError):
        find_card(name)
