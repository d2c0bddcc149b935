"""Renamed keys and values of recipes, for error messages that give the new name."""

from collections.abc import Mapping

from pydantic import BaseModel

from xstilts.config.files import Partition
from xstilts.config.recipe import FIXED_SHOTS, Arm, Fewshot, Intermediate, Recipe, Target
from xstilts.config.training import Fusion, Mlm, Train

RENAMED_KEYS: Mapping[tuple[type[BaseModel], str], str] = {
    (Intermediate, "see"): "modality",
    (Intermediate, "steps_of"): "match_steps_of",
    (Target, "choose_on"): "layer_selection_task",
    (Target, "choose_per_arm"): "select_layer_per_arm",
    (Target, "untrained"): "skip_training",
    (Fewshot, "drawn"): "sampled",
    (Fewshot, "beside"): "also_select",
    (Fewshot, "mixed"): "multilingual",
    (Fewshot, "published"): "fixed_shots",
    (Partition, "of"): "pool",
    (Train, "clip"): "max_grad_norm",
    (Train, "warmup"): "warmup_ratio",
    (Train, "activations_gb"): "activation_cache_gb",
    (Fusion, "size"): "image_size",
    (Mlm, "masking"): "masking_rate",
}
"""The new key, by block and old key."""

MOVED_KEYS: Mapping[tuple[type[BaseModel], str], str] = {
    (Recipe, "keep"): "write `keep_fewshot_weights: true` for `keep: all`, and nothing for `keep: scores`",
    (Fewshot, "lora"): "write its settings in `methods`, as in `methods: [{method: lora, rank: 8}]`",
    (Fewshot, "lda"): "write its settings in `methods`, as in `methods: [{method: lda, shrinkage: 0.1}]`",
}
"""What to write instead of a moved key, by block and old key."""

RENAMED_VALUES: Mapping[tuple[type[BaseModel], str, str], str] = {(Arm, "method", "published"): FIXED_SHOTS}
"""The new value, by block, key and old value."""
