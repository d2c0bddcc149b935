"""Removes pieces from a Unigram tokenizer."""

import json
from collections.abc import Sequence
from typing import Any

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from xstilts.errors import UserError

SPECIAL = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


def unigram_pieces(tokenizer: PreTrainedTokenizerFast) -> list[tuple[str, float]]:
    """Pieces with their log-probabilities, by id. Raises UserError for other tokenizers than Unigram.

    Only Unigram (SentencePiece; Kudo 2018, arXiv 1804.10959) segments a text as before while all pieces of the best
    segmentation are kept. Byte-pair tokenizers (BPE) merge pairs in order, and need the intermediate pieces too.
    """
    model = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    if model["type"] != "Unigram":
        raise UserError(
            f"the vocabulary of a {model['type']} tokenizer cannot be cut, only that of Unigram (XLM-R, e5, mDeBERTa)",
            "export without --languages",
        )
    return [(piece, score) for piece, score in model["vocab"]]


def required_pieces(tokenizer: PreTrainedTokenizerFast) -> set[int]:
    """Ids that every cut keeps: added and special tokens, all up to the padding (XLM-R counts positions from its id),
    and the least probable piece, whose probability sets that of unknown characters."""
    pieces = unigram_pieces(tokenizer)
    padding = tokenizer.pad_token_id
    added = set(tokenizer.backend_tokenizer.get_added_tokens_decoder())
    lowest = min(range(len(pieces)), key=lambda number: pieces[number][1])
    return {*added, *tokenizer.all_special_ids, *range((padding if isinstance(padding, int) else 0) + 1), lowest}


def cut_tokenizer(tokenizer: PreTrainedTokenizerFast, rows: Sequence[int]) -> PreTrainedTokenizerFast:
    """A tokenizer with the pieces `rows` only, ascending, whose ids are their places in it."""
    value = json.loads(tokenizer.backend_tokenizer.to_str()) | {"truncation": None, "padding": None}
    new = {old: number for number, old in enumerate(rows)}
    model = value["model"]
    model["vocab"] = [model["vocab"][row] for row in rows if row < len(model["vocab"])]
    model["unk_id"] = new[model["unk_id"]]
    value["added_tokens"] = [token | {"id": new[token["id"]]} for token in value["added_tokens"] if token["id"] in new]
    _renumber(value["post_processor"], new)
    named = {name: token for name in SPECIAL if (token := getattr(tokenizer, name)) is not None}
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(value)),
        **named,
        model_max_length=tokenizer.model_max_length,
        model_input_names=tokenizer.model_input_names,
        clean_up_tokenization_spaces=False,
    )


def _renumber(processor: Any, new: dict[int, int]) -> None:
    """Change the ids of special tokens wherever a post-processor has them: TemplateProcessing, Bert and Roberta."""
    match processor:
        case {"type": "Sequence", "processors": parts}:
            for part in parts:
                _renumber(part, new)
        case {"type": "TemplateProcessing", "special_tokens": tokens}:
            for token in tokens.values():
                token["ids"] = [new[old] for old in token["ids"]]
        case {"type": "BertProcessing" | "RobertaProcessing"}:
            for name in ("sep", "cls"):
                token, old = processor[name]
                processor[name] = [token, new[old]]
        case _:
            pass
