"""Finds artifacts by a part of their key, and the models in them."""

from collections.abc import Sequence
from os.path import commonprefix

from xstilts.errors import UserError
from xstilts.store.facts import FewshotFacts, ModelFacts, TargetFacts
from xstilts.store.store import Store


def trained_model_facts(store: Store, key: str) -> ModelFacts:
    """The facts of an artifact's trained model. Raises UserError if it is damaged or has no trained model."""
    manifest = store.manifest(key)
    if manifest is None:
        raise UserError(f"artifact {key[:12]} is damaged", "run its recipe again")
    facts = manifest.facts
    has_weights = any(name.endswith(".safetensors") for name in manifest.files)
    if not isinstance(facts, TargetFacts | FewshotFacts) or not has_weights:
        raise UserError(
            f"artifact {key[:12]} ({manifest.title}) has no trained model",
            "name a target stage, or a few-shot stage of a recipe with `keep_fewshot_weights: true`; `xstilts status` "
            "lists them",
        )
    return facts.model


_CLOSE_PREFIX = 4
"""Characters that a similar key has in common with a wrong one."""


def find_artifact(store: Store, name: str) -> str:
    """The full key for a key or a unique prefix of at least 6 characters. Raises UserError if there is none."""
    keys = store.keys()
    matches = [key for key in keys if key.startswith(name)]
    if name in matches:
        return name
    if len(name) >= 6 and len(matches) == 1:
        return matches[0]
    if len(name) < 6:
        raise UserError(f"{name!r} is too short for an artifact", "give at least 6 characters of its key")
    if matches:
        raise UserError(f"{name!r} matches {len(matches)} artifacts: {_listed(store, matches)}", "give more characters")
    close = [key for key in keys if len(commonprefix([key, name])) >= _CLOSE_PREFIX][:5]  # noqa: RUF071 (strings)
    similar = f"; similar keys: {_listed(store, close)}" if close else "" if keys else ", which is empty"
    raise UserError(
        f"there is no artifact {name!r} in {store.root}/{similar}", "`xstilts status` lists the artifacts of a recipe"
    )


def _listed(store: Store, keys: Sequence[str]) -> str:
    manifests = [(key, store.peek(key)) for key in keys]
    return "".join(f"\n  {key[:12]}  {manifest.title if manifest else ''}" for key, manifest in manifests)
