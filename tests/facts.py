"""Facts for artifacts of stages that were not run."""

from typing import Any

from xstilts.planning.specs import (
    AlignStage,
    ChooseLayerStage,
    EvaluateStage,
    FewshotStage,
    IntermediateStage,
    MajorityStage,
    MineStage,
    PretrainedStage,
    RetrieveStage,
    Spec,
    TargetStage,
    TranslateStage,
)
from xstilts.store.facts import (
    AlignFacts,
    ChooseLayerFacts,
    EvaluateFacts,
    Facts,
    FewshotFacts,
    IntermediateFacts,
    MajorityFacts,
    MineFacts,
    PretrainedFacts,
    RetrieveFacts,
    ScoreFacts,
    TargetFacts,
    TextFacts,
    TranslateFacts,
    UnusableImages,
)
from xstilts.store.model_facts import EncoderFacts, ModelFacts, TrainingFacts

ENCODER = EncoderFacts(name="e5-small", pin="1234")
SCORES = ScoreFacts(by_metric={"macro_f1": 0.5}, items=200, groups=60)
TEXTS = TextFacts(unknown_rate=0.0, tokens_per_word=1.5, truncated_rate=0.0)
NO_IMAGES = UnusableImages(images={}, items=0)


def training(**changes: Any) -> TrainingFacts:
    plain = TrainingFacts(
        steps=40, step_kept=40, first_loss=1.0, last_loss=0.5, curve=(), weights_before="0", weights_after="1"
    )
    return plain.model_copy(update=changes)


def model(task: str, language: str) -> ModelFacts:
    return ModelFacts(
        problem="classification", labels=(), task=task, language=language, max_length=128, precision="fp32"
    )


def facts_for(spec: Spec, **changes: Any) -> Facts:
    """What a stage of that kind may have recorded."""
    return _plain(spec).model_copy(update=changes)


def _plain(spec: Spec) -> Facts:
    match spec:
        case PretrainedStage():
            return PretrainedFacts(encoder=ENCODER)
        case TranslateStage():
            return TranslateFacts(
                task=spec.data.task,
                language=spec.to,
                kept=9,
                dropped=1,
                dropped_by_reason={"empty": 1},
                projected_by={},
                examples_per_second=2.0,
            )
        case ChooseLayerStage():
            return ChooseLayerFacts(layer=1, pooling="mean", curve=())
        case EvaluateStage():
            return EvaluateFacts(encoder=ENCODER, scores=SCORES, texts=TEXTS, step_kept=None)
        case MajorityStage():
            return MajorityFacts(scores=SCORES, examples=80, shots=spec.shots)
        case RetrieveStage():
            return RetrieveFacts(encoder=ENCODER, scores=SCORES, texts=TEXTS, layer=1, pooling="mean")
        case MineStage():
            return MineFacts(
                encoder=ENCODER,
                scores=SCORES,
                texts=TEXTS,
                layer=1,
                pooling="mean",
                threshold=1.0,
                threshold_split=spec.dev_split,
                threshold_score=0.5,
            )
        case AlignStage():
            return AlignFacts(
                encoder=ENCODER,
                inherits=spec.parent,
                training=training(),
                untouched_layers=None,
                trained=(),
                alignment=(),
            )
        case IntermediateStage():
            return IntermediateFacts(
                encoder=ENCODER,
                inherits=spec.parent,
                training=training(),
                untouched_layers=None,
                restored=(),
                steps_by_task={},
                examples_by_task={},
            )
        case TargetStage():
            return TargetFacts(
                encoder=ENCODER,
                inherits=spec.parent,
                training=training(),
                untouched_layers=None,
                model=model(spec.data.task, spec.data.language),
                restored=(),
                extra_steps=0,
                modality=spec.modality,
                prior=None,
                unusable=NO_IMAGES,
            )
        case FewshotStage():
            return FewshotFacts(
                encoder=ENCODER,
                inherits=spec.parent,
                training=training(),
                untouched_layers=None,
                scores=SCORES,
                texts=TEXTS,
                model=model(spec.evaluation.task, spec.evaluation.language),
                shots=spec.shots,
                selection=spec.selection,
                oracle=spec.selection == "target_dev",
                texts_of_shots=None,
            )
