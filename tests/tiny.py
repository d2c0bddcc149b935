"""Tiny randomly initialised checkpoints of each encoder family, with real fast tokenizers, built at once."""

from collections.abc import Callable
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    AutoConfig,
    AutoModel,
    M2M100Config,
    M2M100ForConditionalGeneration,
    NllbTokenizer,
    PreTrainedTokenizerFast,
)

KINDS = (
    "xlm-roberta",
    "bert",
    "deberta-v2",
    "modernbert",
    "eurobert",
    "gte",
    "nomic_bert",
    "jina_embeddings_v3",
    "qwen3",
)
"""One of each family, by `model_type`."""
MASKED = tuple(kind for kind in KINDS if kind != "qwen3")
"""Those with a masked-language-modelling head."""

SENTENCES = (
    "turn on the light in the kitchen",
    "what is the weather like today",
    "mach das Licht in der Küche an",
    "enciende la luz de la cocina",
    "включи свет на кухне",
    "شغل ضوء المطبخ",
    "打开厨房的灯",
    "रसोई की बत्ती जलाओ",
)

SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 130,
    "initializer_range": 0.2,
}


def build(kind: str, folder: Path, *, seed: int = 0, layers: int = 2) -> Path:
    """Save a tiny encoder of `kind` (one of `KINDS`) with its tokenizer in `folder`; the same seed, the same files."""
    tokenizer = _TOKENIZERS[kind]()
    sizes = SIZES | {"vocab_size": len(tokenizer), "num_hidden_layers": layers}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModel.from_config(AutoConfig.for_model(kind, **sizes, **_SETTINGS[kind]))
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _pieces(mark: str) -> list[str]:
    """Whole words with `mark` before them, then single characters with and without it."""
    words = sorted({word for sentence in SENTENCES for word in sentence.split()})
    letters = sorted({letter for word in words for letter in word} | set("abcdefghijklmnopqrstuvwxyz0123456789.?:"))
    return list(dict.fromkeys([f"{mark}{word}" for word in words[:60]] + [mark] * bool(mark) + letters))


def _unigram(specials: tuple[str, ...], unknown: str, start: str, end: str, *, double: bool) -> Tokenizer:
    vocabulary = [(piece, 0.0) for piece in specials]
    vocabulary += [(piece, -2.0 - 0.01 * rank) for rank, piece in enumerate(_pieces("▁"))]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=specials.index(unknown)))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    _frame(tokenizer, start, end, second_type=0, double=double)
    return tokenizer


def _frame(tokenizer: Tokenizer, start: str, end: str, *, second_type: int, double: bool = False) -> None:
    between = f"{end}:0 {end}:0" if double else f"{end}:0"
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start}:0 $A:0 {end}:0",
        pair=f"{start}:0 $A:0 {between} $B:{second_type} {end}:{second_type}",
        special_tokens=[(piece, tokenizer.token_to_id(piece)) for piece in (start, end)],
    )


def _fast(
    tokenizer: Tokenizer, start: str, end: str, pad: str, unknown: str, mask: str, inputs: list[str]
) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        cls_token=start,
        sep_token=end,
        pad_token=pad,
        unk_token=unknown,
        mask_token=mask,
        model_max_length=128,
        model_input_names=inputs,
    )


def _xlm_roberta_tokenizer() -> PreTrainedTokenizerFast:
    specials = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
    tokenizer = _unigram(specials, "<unk>", "<s>", "</s>", double=True)
    return _fast(tokenizer, "<s>", "</s>", "<pad>", "<unk>", "<mask>", ["input_ids", "attention_mask"])


def _deberta_tokenizer() -> PreTrainedTokenizerFast:
    specials = ("[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]")
    tokenizer = _unigram(specials, "[UNK]", "[CLS]", "[SEP]", double=False)
    inputs = ["input_ids", "token_type_ids", "attention_mask"]
    return _fast(tokenizer, "[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]", inputs)


def _bert_tokenizer() -> PreTrainedTokenizerFast:
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = _pieces("")
    pieces += [f"##{piece}" for piece in pieces if len(piece) == 1]
    vocabulary = {piece: row for row, piece in enumerate(specials + pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    _frame(tokenizer, "[CLS]", "[SEP]", second_type=1)
    inputs = ["input_ids", "token_type_ids", "attention_mask"]
    return _fast(tokenizer, "[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]", inputs)


def _modernbert_tokenizer() -> PreTrainedTokenizerFast:
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {piece: row for row, piece in enumerate(specials + alphabet + ["th", "the"])}
    tokenizer = Tokenizer(models.BPE(vocabulary, [("t", "h"), ("th", "e")], unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    _frame(tokenizer, "[CLS]", "[SEP]", second_type=0)
    return _fast(tokenizer, "[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]", ["input_ids", "attention_mask"])


def _byte_level(specials: list[str]) -> Tokenizer:
    """A byte-pair tokenizer without frame."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {piece: row for row, piece in enumerate([*alphabet, "th", "the", *specials])}
    tokenizer = Tokenizer(models.BPE(vocabulary, [("t", "h"), ("th", "e")]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _eurobert_tokenizer() -> PreTrainedTokenizerFast:
    """A start and an end; the special tokens come last, and padding is the end."""
    tokenizer = _byte_level(["<|begin|>", "<|end|>", "<|mask|>"])
    _frame(tokenizer, "<|begin|>", "<|end|>", second_type=0)
    return _fast(tokenizer, "<|begin|>", "<|end|>", "<|end|>", "<|end|>", "<|mask|>", ["input_ids", "attention_mask"])


def _qwen3_tokenizer() -> PreTrainedTokenizerFast:
    """A decoder's: no frame at all, and it gives token types unless told otherwise."""
    tokenizer = _byte_level(["<|endoftext|>", "<|im_end|>"])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>", model_max_length=128
    )


_TOKENIZERS: dict[str, Callable[[], PreTrainedTokenizerFast]] = {
    "xlm-roberta": _xlm_roberta_tokenizer,
    "bert": _bert_tokenizer,
    "deberta-v2": _deberta_tokenizer,
    "modernbert": _modernbert_tokenizer,
    "eurobert": _eurobert_tokenizer,
    "gte": _xlm_roberta_tokenizer,
    "nomic_bert": _bert_tokenizer,
    "jina_embeddings_v3": _xlm_roberta_tokenizer,
    "qwen3": _qwen3_tokenizer,
}

_SETTINGS: dict[str, dict] = {
    "xlm-roberta": {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "type_vocab_size": 1},
    "bert": {"pad_token_id": 0},
    # As mDeBERTa-v3: relative positions in buckets, no absolute ones, no token types.
    "deberta-v2": {
        "pad_token_id": 0,
        "relative_attention": True,
        "position_buckets": 16,
        "norm_rel_ebd": "layer_norm",
        "share_att_key": True,
        "pos_att_type": ["p2c", "c2p"],
        "position_biased_input": False,
        "type_vocab_size": 0,
    },
    "modernbert": {
        "pad_token_id": 0,
        "cls_token_id": 2,
        "sep_token_id": 3,
        "bos_token_id": 2,
        "eos_token_id": 3,
        "local_attention": 8,
        "global_attn_every_n_layers": 2,
    },
    "eurobert": {
        "pad_token_id": 259,
        "bos_token_id": 258,
        "eos_token_id": 259,
        "num_key_value_heads": 4,
        "head_dim": 8,
    },
    "gte": {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "type_vocab_size": 1},
    "nomic_bert": {"pad_token_id": 0, "head_dim": 8},
    "jina_embeddings_v3": {"pad_token_id": 1, "type_vocab_size": 1},
    "qwen3": {"pad_token_id": 258, "eos_token_id": 259, "num_key_value_heads": 2, "head_dim": 8},
}


TRANSLATED = ("eng_Latn", "deu_Latn", "swh_Latn")
"""The languages of the tiny translator, as NLLB-200 names them."""


def build_translator(folder: Path, *, seed: int = 0) -> Path:
    """Save a tiny NLLB in `folder`: it writes gibberish, deterministically, and mostly comes to an end."""
    pieces = dict.fromkeys(["<s>", "<pad>", "</s>", "<unk>", *_pieces("▁")])
    letters = [piece for piece in pieces if piece in ("<s>", "<pad>", "</s>", "<unk>", "▁") or len(piece) == 1]
    tokenizer = NllbTokenizer(
        vocab={piece: row for row, piece in enumerate(letters)}, merges=[], extra_special_tokens=list(TRANSLATED)
    )
    config = M2M100Config(
        vocab_size=len(tokenizer),
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_position_embeddings=256,
        init_std=1.0,
        scale_embedding=False,
        decoder_start_token_id=2,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = M2M100ForConditionalGeneration(config).eval()
    with torch.no_grad():
        model.get_input_embeddings().weight[2] *= 4  # so that the end is often the likeliest
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
