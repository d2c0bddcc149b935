"""The topic of a sentence, in 205 languages: SIB-200, annotated in English and parallel in all languages."""

from collections.abc import Sequence

from xstilts.formats.benchmarks import quoted_tsv
from xstilts.formats.tables import Row
from xstilts.tasks.benchmark import Benchmark, Hub, Native
from xstilts.tasks.task import Task

ENGLISH = {"en": "eng_Latn"}
_CODES = """
    ace_Arab ace_Latn acm_Arab acq_Arab aeb_Arab afr_Latn ajp_Arab aka_Latn als_Latn amh_Ethi apc_Arab arb_Arab
    arb_Latn ars_Arab ary_Arab arz_Arab asm_Beng ast_Latn awa_Deva ayr_Latn azb_Arab azj_Latn bak_Cyrl bam_Latn
    ban_Latn bel_Cyrl bem_Latn ben_Beng bho_Deva bjn_Arab bjn_Latn bod_Tibt bos_Latn bug_Latn bul_Cyrl cat_Latn
    ceb_Latn ces_Latn cjk_Latn ckb_Arab crh_Latn cym_Latn dan_Latn deu_Latn dik_Latn dyu_Latn dzo_Tibt ell_Grek
    epo_Latn est_Latn eus_Latn ewe_Latn fao_Latn fij_Latn fin_Latn fon_Latn fra_Latn fur_Latn fuv_Latn gaz_Latn
    gla_Latn gle_Latn glg_Latn grn_Latn guj_Gujr hat_Latn hau_Latn heb_Hebr hin_Deva hne_Deva hrv_Latn hun_Latn
    hye_Armn ibo_Latn ilo_Latn ind_Latn isl_Latn ita_Latn jav_Latn jpn_Jpan kab_Latn kac_Latn kam_Latn kan_Knda
    kas_Arab kas_Deva kat_Geor kaz_Cyrl kbp_Latn kea_Latn khk_Cyrl khm_Khmr kik_Latn kin_Latn kir_Cyrl kmb_Latn
    kmr_Latn knc_Arab knc_Latn kon_Latn kor_Hang lao_Laoo lij_Latn lim_Latn lin_Latn lit_Latn lmo_Latn ltg_Latn
    ltz_Latn lua_Latn lug_Latn luo_Latn lus_Latn lvs_Latn mag_Deva mai_Deva mal_Mlym mar_Deva min_Arab min_Latn
    mkd_Cyrl mlt_Latn mni_Beng mos_Latn mri_Latn mya_Mymr nld_Latn nno_Latn nob_Latn npi_Deva nqo_Nkoo nso_Latn
    nus_Latn nya_Latn oci_Latn ory_Orya pag_Latn pan_Guru pap_Latn pbt_Arab pes_Arab plt_Latn pol_Latn por_Latn
    prs_Arab quy_Latn ron_Latn run_Latn rus_Cyrl sag_Latn san_Deva sat_Olck scn_Latn shn_Mymr sin_Sinh slk_Latn
    slv_Latn smo_Latn sna_Latn snd_Arab som_Latn sot_Latn spa_Latn srd_Latn srp_Cyrl ssw_Latn sun_Latn swe_Latn
    swh_Latn szl_Latn tam_Taml taq_Latn taq_Tfng tat_Cyrl tel_Telu tgk_Cyrl tgl_Latn tha_Thai tir_Ethi tpi_Latn
    tsn_Latn tso_Latn tuk_Latn tum_Latn tur_Latn twi_Latn tzm_Tfng uig_Arab ukr_Cyrl umb_Latn urd_Arab uzn_Latn
    vec_Latn vie_Latn war_Latn wol_Latn xho_Latn ydd_Hebr yor_Latn yue_Hant zho_Hans zho_Hant zsm_Latn zul_Latn
"""
"""All but English, by their codes in FLORES-200: ISO 639-3 and script."""
LANGUAGES = ("en", *_CODES.split())


def article_groups(rows: Sequence[Row]) -> Sequence[str]:
    """The group of each row: its run of consecutive ids with one label, named by its first id.

    SIB-200's ids follow the order of FLORES-200, in which the sentences of an article stand together.
    """
    labels = {int(row["id"]): row["label"] for row in rows}
    starts: dict[int, int] = {}
    for number in sorted(labels):
        continues = labels.get(number - 1) == labels[number]
        starts[number] = starts[number - 1] if continues else number
    return [str(starts[int(row["id"])]) for row in rows]


def _fields(row: Row) -> Row:
    return {"id": str(row["index_id"]), "text": row["text"], "label": row["category"]}


TASK = Task(
    name="sib200",
    problem="classification",
    suite=("lowres",),
    languages=LANGUAGES,
    benchmark=Benchmark(
        native=(
            Native(
                read=quoted_tsv,
                files={s: f"sib200/{{language}}/{s}.tsv" for s in ("train", "dev", "test")},
                names=ENGLISH,
                fields=_fields,
            ),
        ),
        hub=(
            Hub(
                repository="mteb/sib200",
                revision="a74d7350ea12af010cfb1c21e34f1f81fd2e615b",
                config="{language}",
                splits={"train": "train", "dev": "validation", "test": "test"},
                names=ENGLISH,
                fields=_fields,
            ),
        ),
        groups=article_groups,
        pivot="id",
    ),
    metrics=("accuracy", "macro_f1"),
    licence="CC-BY-SA-4.0",
    citation="Adelani et al. 2024, SIB-200: A Simple, Inclusive, and Big Evaluation Dataset for Topic Classification "
    "in 200+ Languages and Dialects",
    url="https://aclanthology.org/2024.eacl-long.14",
    weaknesses=(
        "a group is a run of consecutive ids with one label, which is often one article; the official splits divide "
        "most of these runs",
        "labels were annotated in English; the other languages are human translations (FLORES-200)",
        "an encoder may have seen FLORES-200 among its translation data",
    ),
    sizes={language: {"train": 701, "dev": 99, "test": 204} for language in LANGUAGES},
)
