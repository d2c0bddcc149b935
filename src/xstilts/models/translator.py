"""A sequence-to-sequence model that translates: deterministic, in batches of like length."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from transformers import (
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    GenerationConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from xstilts.data.batches import scoring_batches
from xstilts.data.translation.codes import language_tokens
from xstilts.errors import DataError, UserError
from xstilts.models.heads import quiet
from xstilts.models.inputs import autocast

_SAFE = {"local_files_only": True, "trust_remote_code": False}
_HINT = "name a sequence-to-sequence model that `save_pretrained` wrote, with its tokenizer"
_FORMS = ("__{}__", "<2{}>", ">>{}<<", "{}")
"""How vocabularies write the name of a language: M2M100, MADLAD-400, OPUS-MT, NLLB-200 and mBART-50."""
_PREFIXES = ("<2", ">>")
"""What tokens begin with that stand before the source text; any other is the first word of the translation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSettings:
    """How translations are searched; `max_length` in sub-words, of the source and of the translation."""

    beams: int
    batch_size: int
    max_length: int
    precision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Translator:
    """A loaded model with its two languages: `first` is the token that a translation begins with, if any."""

    network: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    prefix: str
    first: int | None
    device: str


def load_translator(
    folder: Path, source: str, target: str, names: tuple[str | None, str | None], device: str
) -> Translator:
    """The model in `folder` between two languages; `names` are the model's own for them, where they are given.

    An empty name says that the model needs none, as one of a single direction. Raises DataError for a folder that
    holds no such model with weights as safetensors, UserError for a language that the model does not name.
    """
    network, tokenizer = _loaded(folder)
    network.generation_config = GenerationConfig()  # else its own would fill in what `translate` leaves open
    one_way = network.config.model_type == "marian"
    token = _token(tokenizer, target, names[1], one_way)
    own = _token(tokenizer, source, names[0], True)
    if own and hasattr(tokenizer, "src_lang"):
        tokenizer.src_lang = own.strip("_")
    prefixed = token.startswith(_PREFIXES)
    return Translator(
        network=network.to(device).eval(),
        tokenizer=tokenizer,
        prefix=f"{token} " if prefixed else "",
        first=cast(int, tokenizer.convert_tokens_to_ids(token)) if token and not prefixed else None,
        device=device,
    )


def _loaded(folder: Path) -> tuple[Any, PreTrainedTokenizerBase]:
    try:
        with quiet():
            network = AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=torch.float32, use_safetensors=True, **_SAFE)
            return network, AutoTokenizer.from_pretrained(folder, **_SAFE)
    except (OSError, ValueError, ImportError, KeyError) as error:
        raise DataError(f"{folder} cannot translate: {_first_line(error)}", _HINT) from error


def translate(
    texts: Sequence[str], model: Translator, search: SearchSettings, report: Callable[[int], None] = lambda done: None
) -> list[str | None]:
    """The translation of each text; None for one whose source, or whose translation, passes `max_length`.

    Greedy or by beams, never sampled, and by `search` alone, whatever settings of generation came with the model.
    `report` is told how many of the texts are done.
    """
    limit = getattr(model.network.config, "max_position_embeddings", None) or search.max_length
    if search.max_length > limit:
        raise UserError(f"the model reads {limit} sub-words at most", f"lower `translate.max_length` to {limit}")
    ids = _encoded(texts, model)
    found: list[str | None] = [None] * len(texts)
    short = [place for place, row in enumerate(ids) if len(row) <= search.max_length]
    done = len(texts) - len(short)
    settings = _settings(model, search)
    lengths = [len(ids[place]) for place in short]
    whole = search.batch_size * search.max_length
    for batch in scoring_batches(lengths, batch_size=search.batch_size, batch_tokens=whole):
        places = [short[number] for number in batch]
        for place, text in zip(places, _generated([ids[p] for p in places], model, search, settings), strict=True):
            found[place] = text
        report(done := done + len(places))
    return found


def _encoded(texts: Sequence[str], model: Translator) -> list[list[int]]:
    if not texts:
        return []
    return cast(list[list[int]], model.tokenizer([model.prefix + text for text in texts])["input_ids"])


def _settings(model: Translator, search: SearchSettings) -> GenerationConfig:
    """Padding is forbidden, because some models begin with it and may never write it."""
    config: Any = model.network.config
    start = config.decoder_start_token_id
    return GenerationConfig(
        do_sample=False,
        num_beams=search.beams,
        max_new_tokens=search.max_length,
        forced_bos_token_id=model.first,
        bos_token_id=config.bos_token_id,
        eos_token_id=config.eos_token_id,
        pad_token_id=config.pad_token_id,
        decoder_start_token_id=config.bos_token_id if start is None else start,
        suppress_tokens=[config.pad_token_id],
    )


def _generated(
    rows: Sequence[Sequence[int]], model: Translator, search: SearchSettings, settings: GenerationConfig
) -> list[str | None]:
    padding, ending = cast(int, settings.pad_token_id), settings.eos_token_id
    longest = max(map(len, rows))
    ids = torch.tensor([[*row, *[padding] * (longest - len(row))] for row in rows], device=model.device)
    lengths = torch.tensor([len(row) for row in rows], device=model.device)
    seen = (torch.arange(longest, device=model.device) < lengths[:, None]).long()
    network: Any = model.network
    with torch.no_grad(), autocast(model.device, search.precision):
        written: Tensor = network.generate(input_ids=ids, attention_mask=seen, generation_config=settings)
    return [_text(row, ending, model) for row in written[:, 1:].tolist()]


def _text(row: list[int], ending: Any, model: Translator) -> str | None:
    """What was written, or None where it was cut off before its end."""
    if ending not in row:
        return None
    words = [token for token in row[: row.index(ending)] if token != model.first]
    return cast(str, model.tokenizer.decode(words, skip_special_tokens=True)).strip()


def _token(tokenizer: PreTrainedTokenizerBase, language: str, name: str | None, optional: bool) -> str:
    """The token of a language; empty where the model needs none."""
    if name == "":
        return ""
    short = language.partition("-")[0]
    asked = [form.format(name) for form in _FORMS] if name else [*language_tokens(language), f"<2{short}>"]
    for token in asked:
        if tokenizer.convert_tokens_to_ids(token) not in (None, tokenizer.unk_token_id):
            return token
    if name is None and optional:
        return ""
    raise UserError(
        f"the model of translation has no token for {name or language!r}",
        f"give its own name of the language in `translate.codes` (`{language}: ...`); an empty one if it needs none",
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
