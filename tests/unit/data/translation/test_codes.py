import pytest
from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES

from xstilts.data.translation.codes import codes

XTREME = "af ar bg bn de el en es et eu fa fi fr he hi hu id it ja jv ka kk ko ml mr ms my nl pt ru sw ta te th tl tr"
XTREME += " ur vi yo zh"


@pytest.mark.parametrize("language", XTREME.split())
def test_every_language_of_xtreme_is_one_of_nllb(language: str):
    assert codes(language)[0] in FAIRSEQ_LANGUAGE_CODES
    assert codes(language)[1] == f"__{language}__"


def test_a_region_is_passed_over_and_a_script_is_not():
    assert codes("pt-BR") == codes("pt")
    assert codes("zh-CN")[0] == "zho_Hans"
    assert codes("zh-Hant")[0] == "zho_Hant"
    assert codes("xx") == ()
