"""The known encoders and what each was trained on. Does not import torch."""

from xstilts.encoders.card import FEATURE_SUFFIXES, EncoderCard, Kind, TrainedOn
from xstilts.encoders.card_files import catalogue
from xstilts.encoders.find import find_card, overlaps

__all__ = [
    "FEATURE_SUFFIXES",
    "EncoderCard",
    "Kind",
    "TrainedOn",
    "catalogue",
    "find_card",
    "overlaps",
]
