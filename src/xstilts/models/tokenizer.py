"""Adapts a tokenizer to its encoder's architecture."""

from tokenizers import processors
from transformers import PreTrainedConfig, PreTrainedTokenizerFast

from xstilts.models.families import BY_MODEL_TYPE


def fit_to_family(tokenizer: PreTrainedTokenizerFast, config: PreTrainedConfig) -> PreTrainedTokenizerFast:
    """The tokenizer, changed in place: without token types if the architecture has none. For a causal encoder without
    special tokens, every text ends with the end-of-text token, which separates the two texts of a pair."""
    row = BY_MODEL_TYPE.get(config.model_type)
    if row is None:
        return tokenizer
    if not row.token_types:
        tokenizer.model_input_names = [name for name in tokenizer.model_input_names if name != "token_type_ids"]
    if row.causal:
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        if not tokenizer.num_special_tokens_to_add(pair=True):
            end = str(tokenizer.eos_token)
            template = processors.TemplateProcessing(
                single=f"$A {end}", pair=f"$A {end} $B {end}", special_tokens=[(end, tokenizer.eos_token_id)]
            )
            backend = tokenizer.backend_tokenizer
            existing = [backend.post_processor] if backend.post_processor is not None else []
            backend.post_processor = processors.Sequence([*existing, template])
    return tokenizer
