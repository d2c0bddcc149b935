"""The known encoders and what each was trained on. No torch here; what is not known for sure is None."""

from xstilts.encoders.card import GIVEN, EncoderCard, Kind, TrainedOn
from xstilts.encoders.find import catalogue, find_card, overlaps
from xstilts.encoders.text import E5_TOKENIZER, E5_WEIGHTS
from xstilts.encoders.vision import EFFICIENTNET_LITE0

__all__ = [
    "E5_TOKENIZER",
    "E5_WEIGHTS",
    "EFFICIENTNET_LITE0",
    "GIVEN",
    "EncoderCard",
    "Kind",
    "TrainedOn",
    "catalogue",
    "find_card",
    "overlaps",
]
