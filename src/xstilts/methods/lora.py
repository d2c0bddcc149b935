"""Fine-tuning of the head and low-rank adapters."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from xstilts.methods.method import Adapters, FewshotMethod, Settings


class Lora(FewshotMethod):
    """Trains the head and low-rank adapters on the attention of the layers that `train` does not freeze."""

    method: Literal["lora"] = "lora"
    rank: Annotated[int, Field(gt=0)] = 8
    alpha: Annotated[int, Field(gt=0)] = 16
    """The adapters' output is scaled by alpha/rank."""
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 1e-3
    """Peak learning rate of the adapters, instead of the one in `train`."""

    label: ClassVar[str] = "LoRA"
    batches_episodes: ClassVar[bool] = True

    @property
    def adapters(self) -> Adapters:
        return Adapters(rank=self.rank, alpha=self.alpha)

    def train_settings(self, train: Settings) -> Settings:
        return train.model_copy(update={"learning_rate": self.learning_rate})
