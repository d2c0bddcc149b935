"""The settings of a fit. Does not import torch."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from xstilts.cache.wheels import cache_dir
from xstilts.errors import UserError

BUDGET = "5m"
_UNITS = {"s": 1, "m": 60, "h": 3600, "": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSettings:
    """How a model is fitted. `budget` is in seconds."""

    encoder: str = "e5-small"
    budget: float = 300.0
    precision: float = 0.9
    """The share of right predictions that the threshold for abstention is selected for."""
    prior: Mapping[str, float] = field(default_factory=dict[str, float])
    """True shares of the classes among new texts; empty if they are those of the rows."""
    drop_english_only: bool = False
    subwords: bool = True
    """Whether arms may read the sub-words of rows of the language, which the model folder then holds."""
    seed: int = 0
    threads: int = 0
    """0 for all cores."""
    device: str = "cpu"
    offline: bool = False
    cache: Path = field(default_factory=cache_dir)
    command: str = ""


def parse_budget(value: str | float) -> float:
    """Seconds of a duration such as `90s`, `5m` or `1h`. Raises UserError for anything else."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", str(value).strip())
    if match is None or float(match[1]) <= 0:
        raise UserError(f"the budget {value!r} is no duration", "write it like 90s, 5m or 1h")
    return float(match[1]) * _UNITS[match[2]]


def parse_prior(value: str) -> dict[str, float]:
    """Shares written as `sport=0.2,health=0.8`. Raises UserError if they do not add up to 1."""
    shares: dict[str, float] = {}
    for part in filter(None, value.split(",")):
        label, equals, share = part.rpartition("=")
        try:
            shares[label.strip()] = float(share)
        except ValueError:
            equals = ""
        if not equals:
            raise UserError(f"the prior {part!r} is no share", "write it like sport=0.2,health=0.8")
    if shares and (abs(sum(shares.values()) - 1) > 1e-3 or min(shares.values()) < 0):
        raise UserError(f"the shares of the prior add up to {sum(shares.values()):g}", "make them add up to 1")
    return shares
