"""The known encoders and what each was trained on. No torch here; what is not known for sure is None."""

from xstilts.encoders.card import GIVEN, EncoderCard, Kind, TrainedOn
from xstilts.encoders.card_files import catalogue
from xstilts.encoders.find import find_card, overlaps

__all__ = [
    "GIVEN",
    "EncoderCard",
    "Kind",
    "TrainedOn",
    "catalogue",
    "find_card",
    "overlaps",
]
