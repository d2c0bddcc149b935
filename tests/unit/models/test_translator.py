"""Translation with a tiny random model, whose output is meaningless."""

import json
from pathlib import Path

import pytest
import torch
from tests.tiny import build_translator

from xstilts.errors import DataError, UserError
from xstilts.models.translator import SearchSettings, Translator, load_translator, translate
from xstilts.platform.progress import Report, reporting_to

TEXTS = ["turn on the light", "in", "what is the weather", "kitchen 5", "please open it", "the light", "[light] on"]
SEARCH = SearchSettings(beams=1, batch_size=3, max_length=32, precision="fp32")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return build_translator(tmp_path_factory.mktemp("translator"))


def load(folder: Path, target: str = "sw", names: tuple[str | None, str | None] = (None, None)) -> Translator:
    return load_translator(folder, "en", target, names, "cpu")


@pytest.fixture(scope="module")
def model(folder: Path) -> Translator:
    return load(folder)


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_translation_is_deterministic(folder: Path, model: Translator, beams: int, precision: str):
    search = SearchSettings(beams=beams, batch_size=3, max_length=32, precision=precision)
    torch.manual_seed(1)
    first = translate(TEXTS, model, search)
    torch.manual_seed(2)
    assert translate(TEXTS, load(folder), search) == first
    assert len(set(first)) > 3


def test_translation_does_not_depend_on_the_batch(model: Translator):
    translations = dict(zip(TEXTS, translate(TEXTS, model, SEARCH), strict=True))
    assert dict(zip(reversed(TEXTS), translate(TEXTS[::-1], model, SEARCH), strict=True)) == translations
    assert {text: translate([text], model, SEARCH)[0] for text in TEXTS} == translations


def test_target_language_changes_the_translation(folder: Path, model: Translator):
    german = load(folder, "de")
    assert german.forced_bos != model.forced_bos
    assert translate(TEXTS, german, SEARCH) != translate(TEXTS, model, SEARCH)
    assert load(folder, "xx", (None, "swh_Latn")).forced_bos == model.forced_bos


def test_unknown_language_raises(folder: Path):
    with pytest.raises(UserError, match="'fi'"):
        load(folder, "fi")
    with pytest.raises(UserError, match="'swa_Latn'") as caught:
        load(folder, "sw", (None, "swa_Latn"))
    assert "translate.codes" in caught.value.hint
    assert load(folder, "fi", (None, "")).forced_bos is None


def test_too_long_text_has_no_translation(model: Translator):
    reports: list[Report] = []
    with reporting_to(reports.append):
        short, long = translate(["in", "light " * 20], model, SEARCH)
    assert long is None and short
    assert [report.done for report in reports] == [1, 2]  # the long text is done from the start
    assert translate([], model, SEARCH) == []


def test_unfinished_translation_is_none(model: Translator):
    brief = SearchSettings(beams=1, batch_size=3, max_length=20, precision="fp32")
    full, cut = (translate(TEXTS, model, search) for search in (SEARCH, brief))
    number = TEXTS.index("kitchen 5")  # a short source with a long translation
    assert full[number] is not None and cut[number] is None
    complete = {n: text for n, text in enumerate(cut) if text is not None}
    assert len(complete) > 2 and complete == {n: full[n] for n in complete}


def test_generation_settings_of_the_model_are_ignored(tmp_path: Path, model: Translator):
    other = build_translator(tmp_path)
    settings = json.loads((other / "generation_config.json").read_text())
    settings |= {"do_sample": True, "num_beams": 4, "max_length": 5, "repetition_penalty": 9.0}
    (other / "generation_config.json").write_text(json.dumps(settings))
    assert translate(TEXTS, load(other), SEARCH) == translate(TEXTS, model, SEARCH)


def test_max_length_above_the_model_limit_raises(model: Translator):
    with pytest.raises(UserError, match="256"):
        translate(TEXTS, model, SearchSettings(beams=1, batch_size=3, max_length=512, precision="fp32"))


def test_pickled_weights_raise(tmp_path: Path):
    folder = build_translator(tmp_path)
    weights = (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    assert weights.is_file()
    with pytest.raises(DataError):
        load(folder)


def test_encoder_folder_raises(tmp_path: Path):
    from tests.tiny import build

    with pytest.raises(DataError) as caught:
        load(build("bert", tmp_path))
    assert "sequence-to-sequence" in caught.value.hint
