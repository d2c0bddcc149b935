"""Machine translation with a sequence-to-sequence model: deterministic, in length-sorted batches."""

from collections.abc import Sequence
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
from xstilts.platform.progress import report

_LOAD_OPTIONS = {"local_files_only": True, "trust_remote_code": False}
_HINT = "name a sequence-to-sequence model that `save_pretrained` wrote, with its tokenizer"
_TOKEN_FORMATS = ("__{}__", "<2{}>", ">>{}<<", "{}")
"""Formats of language tokens: M2M100, MADLAD-400, OPUS-MT, then NLLB-200 and mBART-50."""
_SOURCE_TOKENS = ("<2", ">>")
"""Prefixes of language tokens that precede the source text; other language tokens start the translation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSettings:
    """Decoding settings. `max_length` is the limit in sub-words of the source and of the translation."""

    beams: int
    batch_size: int
    max_length: int
    precision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Translator:
    """A loaded model for one language pair. `prefix` precedes the source text; `forced_bos` is the id of the token that
    starts the translation, if any."""

    network: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    prefix: str
    forced_bos: int | None
    device: str


def load_translator(
    folder: Path, source: str, target: str, names: tuple[str | None, str | None], device: str
) -> Translator:
    """Load the model in `folder` for one language pair. `names` overrides the model's names of the two languages.

    An empty name means that the model needs no token for that language, such as a model with a single direction.
    Raises DataError if the folder has no sequence-to-sequence model with safetensors weights, UserError if the model
    has no token for a language.
    """
    try:
        with quiet():
            network: Any = AutoModelForSeq2SeqLM.from_pretrained(
                folder, dtype=torch.float32, use_safetensors=True, **_LOAD_OPTIONS
            )
            tokenizer = AutoTokenizer.from_pretrained(folder, **_LOAD_OPTIONS)
    except (OSError, ValueError, ImportError, KeyError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise DataError(f"cannot load a translation model from {folder}: {reason}", _HINT) from error
    network.generation_config = GenerationConfig()  # its defaults would override settings that `translate` leaves unset
    is_marian = network.config.model_type == "marian"
    target_token = _language_token(tokenizer, target, names[1], optional=is_marian)
    source_token = _language_token(tokenizer, source, names[0], optional=True)
    if source_token and hasattr(tokenizer, "src_lang"):
        tokenizer.src_lang = source_token.strip("_")
    is_prefix = target_token.startswith(_SOURCE_TOKENS)
    return Translator(
        network=network.to(device).eval(),
        tokenizer=tokenizer,
        prefix=f"{target_token} " if is_prefix else "",
        forced_bos=(
            cast(int, tokenizer.convert_tokens_to_ids(target_token)) if target_token and not is_prefix else None
        ),
        device=device,
    )


def translate(texts: Sequence[str], model: Translator, search: SearchSettings) -> list[str | None]:
    """The translation of each text; None if the source or the translation is longer than `max_length`.

    Greedy or beam search as in `search`; the model's generation settings are ignored. Raises UserError if `max_length`
    exceeds the model's positions.
    """
    limit = getattr(model.network.config, "max_position_embeddings", None) or search.max_length
    if search.max_length > limit:
        raise UserError(
            f"`max_length: {search.max_length}` exceeds the model's limit of {limit} sub-words",
            f"lower `translate.max_length` to {limit}",
        )
    inputs = [model.prefix + text for text in texts]
    ids = cast(list[list[int]], model.tokenizer(inputs)["input_ids"]) if inputs else []
    translations: list[str | None] = [None] * len(texts)
    short = [index for index, row in enumerate(ids) if len(row) <= search.max_length]
    done = len(texts) - len(short)
    report("translating", done, len(texts))
    config = _generation_config(model, search)
    lengths = [len(ids[index]) for index in short]
    batch_tokens = search.batch_size * search.max_length
    for batch in scoring_batches(lengths, batch_size=search.batch_size, batch_tokens=batch_tokens):
        indices = [short[position] for position in batch]
        outputs = _generate([ids[index] for index in indices], model, search, config)
        for index, text in zip(indices, outputs, strict=True):
            translations[index] = text
        done += len(indices)
        report("translating", done, len(texts))
    return translations


def _generation_config(model: Translator, search: SearchSettings) -> GenerationConfig:
    """Suppresses the padding token, because some models start with it but must not generate it."""
    config: Any = model.network.config
    start = config.decoder_start_token_id
    return GenerationConfig(
        do_sample=False,
        num_beams=search.beams,
        max_new_tokens=search.max_length,
        forced_bos_token_id=model.forced_bos,
        bos_token_id=config.bos_token_id,
        eos_token_id=config.eos_token_id,
        pad_token_id=config.pad_token_id,
        decoder_start_token_id=config.bos_token_id if start is None else start,
        suppress_tokens=[config.pad_token_id],
    )


def _generate(
    rows: Sequence[Sequence[int]], model: Translator, search: SearchSettings, config: GenerationConfig
) -> list[str | None]:
    pad_id, eos_id = cast(int, config.pad_token_id), config.eos_token_id
    max_length = max(map(len, rows))
    ids = torch.tensor([[*row, *[pad_id] * (max_length - len(row))] for row in rows], device=model.device)
    lengths = torch.tensor([len(row) for row in rows], device=model.device)
    mask = (torch.arange(max_length, device=model.device) < lengths[:, None]).long()
    network: Any = model.network
    with torch.no_grad(), autocast(model.device, search.precision):
        output: Tensor = network.generate(input_ids=ids, attention_mask=mask, generation_config=config)
    return [_decode(row, eos_id, model) for row in output[:, 1:].tolist()]


def _decode(row: list[int], eos_id: Any, model: Translator) -> str | None:
    """The generated text, or None if it was cut off before its end."""
    if eos_id not in row:
        return None
    ids = [token for token in row[: row.index(eos_id)] if token != model.forced_bos]
    return cast(str, model.tokenizer.decode(ids, skip_special_tokens=True)).strip()


def _language_token(tokenizer: PreTrainedTokenizerBase, language: str, name: str | None, *, optional: bool) -> str:
    """The token of a language, or "" if the model needs none. Raises UserError if a required token does not exist."""
    if name == "":
        return ""
    if name:
        candidates = [token_format.format(name) for token_format in _TOKEN_FORMATS]
    else:
        candidates = [*language_tokens(language), f"<2{language.partition('-')[0]}>"]
    for token in candidates:
        if tokenizer.convert_tokens_to_ids(token) not in (None, tokenizer.unk_token_id):
            return token
    if name is None and optional:
        return ""
    raise UserError(
        f"the translation model has no token for {name or language!r}",
        f"enter the model's name of the language in `translate.codes` (`{language}: ...`), or '' if it needs none",
    )
