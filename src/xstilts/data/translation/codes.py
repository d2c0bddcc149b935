"""Language tokens of translation models."""

_NLLB = {
    "af": "afr_Latn", "ar": "arb_Arab", "az": "azj_Latn", "bg": "bul_Cyrl", "bn": "ben_Beng", "ca": "cat_Latn",
    "cs": "ces_Latn", "da": "dan_Latn", "de": "deu_Latn", "el": "ell_Grek", "en": "eng_Latn", "es": "spa_Latn",
    "et": "est_Latn", "eu": "eus_Latn", "fa": "pes_Arab", "fi": "fin_Latn", "fr": "fra_Latn", "gu": "guj_Gujr",
    "he": "heb_Hebr", "hi": "hin_Deva", "ht": "hat_Latn", "hu": "hun_Latn", "id": "ind_Latn", "it": "ita_Latn",
    "ja": "jpn_Jpan", "jv": "jav_Latn", "ka": "kat_Geor", "kk": "kaz_Cyrl", "ko": "kor_Hang", "lt": "lit_Latn",
    "ml": "mal_Mlym", "mr": "mar_Deva", "ms": "zsm_Latn", "my": "mya_Mymr", "ne": "npi_Deva", "nl": "nld_Latn",
    "pa": "pan_Guru", "pl": "pol_Latn", "pt": "por_Latn", "qu": "quy_Latn", "ro": "ron_Latn", "ru": "rus_Cyrl",
    "sv": "swe_Latn", "sw": "swh_Latn", "ta": "tam_Taml", "te": "tel_Telu", "th": "tha_Thai", "tl": "tgl_Latn",
    "tr": "tur_Latn", "uk": "ukr_Cyrl", "ur": "urd_Arab", "vi": "vie_Latn", "wo": "wol_Latn", "yo": "yor_Latn",
    "zh": "zho_Hans", "zh-Hant": "zho_Hant", "zh-TW": "zho_Hant", "zh-HK": "zho_Hant",
}  # fmt: skip
"""FLORES-200 codes, as used by NLLB-200 (arXiv 2207.04672): the languages of XTREME, XTREME-R, and some more."""

_MBART = {
    "ar": "ar_AR", "az": "az_AZ", "bn": "bn_IN", "cs": "cs_CZ", "de": "de_DE", "en": "en_XX", "es": "es_XX",
    "et": "et_EE", "fa": "fa_IR", "fi": "fi_FI", "fr": "fr_XX", "gu": "gu_IN", "he": "he_IL", "hi": "hi_IN",
    "id": "id_ID", "it": "it_IT", "ja": "ja_XX", "ka": "ka_GE", "kk": "kk_KZ", "ko": "ko_KR", "lt": "lt_LT",
    "ml": "ml_IN", "mr": "mr_IN", "my": "my_MM", "ne": "ne_NP", "nl": "nl_XX", "pl": "pl_PL", "pt": "pt_XX",
    "ro": "ro_RO", "ru": "ru_RU", "sv": "sv_SE", "sw": "sw_KE", "ta": "ta_IN", "te": "te_IN", "th": "th_TH",
    "tl": "tl_XX", "tr": "tr_TR", "uk": "uk_UA", "ur": "ur_PK", "vi": "vi_VN", "zh": "zh_CN",
}  # fmt: skip


def language_tokens(language: str) -> tuple[str, ...]:
    """The possible tokens of a language in a model's vocabulary: NLLB-200's, M2M100's, mBART-50's.

    For an unlisted code its first part is used (`pt-BR` is `pt`). Empty if that is not listed either.
    """
    short = language.partition("-")[0]
    flores = _NLLB.get(language) or _NLLB.get(short)
    if flores is None:
        return ()
    return (flores, f"__{short}__", *([_MBART[short]] if short in _MBART else []))
