import pytest
from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES

from xstilts.data.translation.codes import language_tokens

XTREME = "af ar bg bn de el en es et eu fa fi fr he hi hu id it ja jv ka kk ko ml mr ms my nl pt ru sw ta te th tl tr"
XTREME += " ur vi yo zh"


@pytest.mark.parametrize("language", XTREME.split())
def test_every_xtreme_language_has_an_nllb_code(language: str):
    assert language_tokens(language)[0] in FAIRSEQ_LANGUAGE_CODES
    assert language_tokens(language)[1] == f"__{language}__"


def test_regions_are_ignored_and_scripts_are_not():
    assert language_tokens("pt-BR") == language_tokens("pt")
    assert language_tokens("zh-CN")[0] == "zho_Hans"
    assert language_tokens("zh-Hant")[0] == "zho_Hant"
    assert language_tokens("xx") == ()
