"""The part of the interface of transformers' models that gives access to the encoder of a model with a head."""

from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel


class HasEncoder(nn.Module):
    """A module with an encoder in the attribute `base_model_prefix`."""

    base_model_prefix = "encoder"
    """The attribute with the encoder, which transformers and peft look up."""

    @property
    def base_model(self) -> PreTrainedModel:
        return getattr(self, self.base_model_prefix)

    @property
    def config(self) -> PreTrainedConfig:
        return self.base_model.config
