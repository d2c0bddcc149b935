"""A job: stages that run in one worker and share models, data and activations."""

import gc
import time
from collections.abc import Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, assert_never

from xstilts.errors import UserError, os_error
from xstilts.execution.environment import Emit, Environment, Event
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
from xstilts.platform.hardware import release_free_memory
from xstilts.platform.progress import Report, reporting_to
from xstilts.store.store import Draft, Store

if TYPE_CHECKING:
    from xstilts.models.speed.activation_cache import ActivationCache


def run_job(specs: Sequence[Spec], environment: Environment, emit: Emit) -> None:
    """Run stages one after another and store each as soon as it is done. A failed stage does not stop the others."""
    import torch

    from xstilts.models.device import require_device
    from xstilts.stages.job_context import JobContext

    # models of earlier jobs are in reference cycles; freezing the survivors keeps later collections short
    gc.collect()
    gc.freeze()
    release_free_memory()
    store, context = Store(environment.store), None
    for spec in specs:
        parent = next(iter(spec.inputs), None)
        if context is None or context.parent != parent:
            context = JobContext(
                environment=environment, store=store, activation_cache=_activation_cache(), parent=parent
            )
        torch.set_num_threads(spec.threads)
        started = time.perf_counter()
        emit(Event(key=spec.key, kind="started"))
        try:
            require_device(environment.device)
            with store.draft(spec) as draft, reporting_to(partial(_emit_report, spec.key, emit)):
                run_stage(spec, draft, context)
        except UserError as error:
            emit(Event(key=spec.key, kind="failed", message=error.message, hint=error.hint))
        except OSError as error:
            sentence = os_error(error)
            emit(Event(key=spec.key, kind="failed", message=sentence.message, hint=sentence.hint))
        except Exception as error:
            emit(Event(key=spec.key, kind="failed", message=_describe(error)))
        else:
            emit(Event(key=spec.key, kind="finished", seconds=time.perf_counter() - started))


def _emit_report(key: str, emit: Emit, report: Report) -> None:
    emit(Event(key=key, kind="progress", report=report))


def run_stage(spec: Spec, draft: Draft, context: object) -> None:
    """Dispatch to the runner of a stage. Runners import torch, so they are imported here."""
    from xstilts.stages import align, evaluate, intermediate, majority, mine, pretrained, retrieve, target, translate
    from xstilts.stages.fewshot import run as fewshot
    from xstilts.stages.job_context import JobContext

    assert isinstance(context, JobContext)
    match spec:
        case PretrainedStage():
            pretrained.run(spec, draft, context)
        case TranslateStage():
            translate.run(spec, draft, context)
        case AlignStage():
            align.run(spec, draft, context)
        case IntermediateStage():
            intermediate.run(spec, draft, context)
        case TargetStage():
            target.run(spec, draft, context)
        case FewshotStage():
            fewshot.run(spec, draft, context)
        case EvaluateStage():
            evaluate.run(spec, draft, context)
        case MajorityStage():
            majority.run(spec, draft, context)
        case ChooseLayerStage():
            retrieve.choose(spec, draft, context)
        case RetrieveStage():
            retrieve.run(spec, draft, context)
        case MineStage():
            mine.run(spec, draft, context)
        case _:
            assert_never(spec)


@cache
def _activation_cache() -> "ActivationCache":
    """Shared by all jobs of this worker."""
    from xstilts.models.speed.activation_cache import ActivationCache

    return ActivationCache()


def _describe(error: Exception) -> str:
    import traceback

    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({last.filename.rpartition('/')[2]}, line {last.lineno})"
