"""Cuts a model's vocabulary to the sub-words of some languages, and the embedding table with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import nn
from transformers import PreTrainedTokenizerFast

from xstilts.errors import UserError
from xstilts.fitting.export.scripts import language_scripts, written_in
from xstilts.fitting.export.unigram import cut_tokenizer, required_pieces, unigram_pieces
from xstilts.fitting.model import FittedModel

FOLDS = 5
IDS = ("pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id", "mask_token_id", "unk_token_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokenised:
    """Texts of one language, and how many of them a cut vocabulary tokenises differently."""

    language: str
    texts: int
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VocabularyCut:
    """What a cut kept."""

    languages: tuple[str, ...]
    scripts: tuple[str, ...]
    before: int
    pieces: int
    tokenised: tuple[Tokenised, ...]
    """By cross-validation: pieces are selected with four fifths of the texts, and counted on the others."""


def cut_vocabulary(
    model: FittedModel, texts: Mapping[str, Sequence[str]], languages: Sequence[str], most: int | None = None
) -> tuple[FittedModel, VocabularyCut]:
    """A model with the sub-words of `languages` only, and what was kept. `texts` are by language.

    Kept are, in this order: special tokens; the sub-words of `texts`; single characters of the languages' scripts and
    of ASCII; and all other sub-words that consist of characters of these scripts, the most probable first, until there
    are `most` in all (None: all of them).

    A text of kept sub-words gets the same sub-words and logits as before: removing a piece only removes segmentations,
    and the best one is still there. The encoder of `model` is changed; load it again to go on using it. Raises
    UserError for tokenizers other than Unigram, or if `most` is too small for the sub-words of the texts.
    """
    tokenizer = cast(PreTrainedTokenizerFast, model.states.tokenizer)
    pieces = unigram_pieces(tokenizer)
    scripts = {language: language_scripts(language, texts.get(language, ())) for language in languages}
    every = tuple(dict.fromkeys(script for names in scripts.values() for script in names))
    choice = _Choice(pieces, required_pieces(tokenizer), every)
    used = {language: sub_words(tokenizer, texts.get(language, ())) for language in languages}
    rows = choice.rows([ids for sets in used.values() for ids in sets], most)
    cut = VocabularyCut(
        languages=tuple(languages),
        scripts=every,
        before=len(pieces),
        pieces=len(rows),
        tokenised=tuple(_cross_validated(choice, used, most)),
    )
    return _with_rows(model, rows), cut


def sub_words(tokenizer: PreTrainedTokenizerFast, texts: Sequence[str]) -> list[frozenset[int]]:
    """The ids of each text, without truncation."""
    backend = tokenizer.backend_tokenizer
    backend.no_truncation()
    backend.no_padding()
    return [frozenset(encoding.ids) for encoding in backend.encode_batch([text.strip() for text in texts])]


class _Choice:
    """Selects pieces. `allowed` are those of the scripts, most probable first."""

    def __init__(self, pieces: Sequence[tuple[str, float]], required: set[int], scripts: Sequence[str]) -> None:
        pattern = written_in(scripts)
        allowed = [number for number, (piece, _) in enumerate(pieces) if pattern.fullmatch(piece)]
        letters = {number for number in allowed if len(pieces[number][0]) == 1}
        ascii_letters = {number for number, (piece, _) in enumerate(pieces) if len(piece) == 1 and piece.isascii()}
        self.required = required | letters | ascii_letters
        self.allowed = sorted(allowed, key=lambda number: -pieces[number][1])

    def rows(self, used: Sequence[frozenset[int]], most: int | None) -> list[int]:
        kept = self.required.union(*used)
        if most is not None and len(kept) > most:
            raise UserError(
                f"the special tokens, the characters of the scripts and the sub-words of the texts are {len(kept):,}, "
                f"more than {most:,}",
                f"allow at least {len(kept)} with --pieces",
            )
        for number in self.allowed:
            if most is not None and len(kept) >= most:
                break
            kept.add(number)
        return sorted(kept)


def _cross_validated(
    choice: _Choice, used: Mapping[str, Sequence[frozenset[int]]], most: int | None
) -> Sequence[Tokenised]:
    changed = dict.fromkeys(used, 0)
    for fold in range(FOLDS):
        others = [ids for sets in used.values() for number, ids in enumerate(sets) if number % FOLDS != fold]
        kept = set(choice.rows(others, most))
        for language, sets in used.items():
            changed[language] += sum(not ids <= kept for ids in sets[fold::FOLDS])
    return [Tokenised(language=name, texts=len(sets), changed=changed[name]) for name, sets in used.items()]


def _with_rows(model: FittedModel, rows: Sequence[int]) -> FittedModel:
    states = model.states
    encoder, tokenizer = states.encoder, cast(PreTrainedTokenizerFast, states.tokenizer)
    table = cast(nn.Embedding, encoder.get_input_embeddings())
    rows = [row for row in rows if row < table.num_embeddings]
    new = {old: number for number, old in enumerate(rows)}
    padding = None if table.padding_idx is None else new[table.padding_idx]
    small = nn.Embedding(len(rows), table.embedding_dim, padding_idx=padding)
    small.weight = nn.Parameter(table.weight.detach()[torch.tensor(rows)].clone(), requires_grad=False)
    encoder.set_input_embeddings(small)
    config: Any = encoder.config
    config.vocab_size = len(rows)
    for name in IDS:
        if isinstance(old := getattr(config, name, None), int):
            setattr(config, name, new.get(old))
    return replace(model, states=replace(states, tokenizer=cut_tokenizer(tokenizer, rows), name=None, cache=None))
