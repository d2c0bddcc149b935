"""Finds artifacts by a part of their key, and the models in them."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from os.path import commonprefix

from xstilts.errors import UserError
from xstilts.store.facts import FewshotFacts, TargetFacts
from xstilts.store.model_facts import ModelFacts
from xstilts.store.store import Manifest, Store


def trained_model_facts(store: Store, key: str) -> ModelFacts:
    """The facts of an artifact's trained model. Raises UserError if it is damaged or has no trained model."""
    manifest = store.manifest(key)
    if manifest is None:
        raise UserError(f"artifact {key[:12]} is damaged", "run its recipe again")
    if (facts := _model_facts(manifest)) is None:
        raise UserError(
            f"artifact {key[:12]} ({manifest.title}) has no trained model",
            "name a target stage, or a few-shot stage of a recipe with `keep_fewshot_weights: true`\n  "
            + _model_hint(store),
        )
    return facts


def _model_facts(manifest: Manifest) -> ModelFacts | None:
    facts = manifest.facts
    has_weights = any(name.endswith(".safetensors") for name in manifest.files)
    return facts.model if isinstance(facts, TargetFacts | FewshotFacts) and has_weights else None


def _model_hint(store: Store) -> str:
    """Trained models of the store, or how to list the stages of a recipe."""

    keys = store.keys()

    def trained() -> Iterator[str]:
        for key in keys:
            manifest = store.peek(key)
            if manifest is not None and _model_facts(manifest) is not None:
                yield key

    models = list(islice(trained(), _SHOWN + 1))
    if not models:
        return "`xstilts status` lists the stages of a recipe with their keys"
    more = "\n  ...: `xstilts status` lists all stages of a recipe" if len(models) > _SHOWN else ""
    return f"trained models in this store:{_listed(store, models[:_SHOWN])}{more}"


_CLOSE_PREFIX = 4
"""Characters that a similar key has in common with a wrong one."""
_SHOWN = 5
"""Artifacts that a message lists."""
_KEY = re.compile("[0-9a-f]+")


def find_artifact(store: Store, name: str) -> str:
    """The full key for a key or a unique prefix of at least 6 characters. Raises UserError if there is none."""
    keys = store.keys()
    matches = [key for key in keys if key.startswith(name)]
    if name in matches:
        return name
    if len(name) >= 6 and len(matches) == 1:
        return matches[0]
    if len(name) < 6 or not _KEY.fullmatch(name):
        raise UserError(
            f"{name!r} is not the key of an artifact, nor its first 6 or more characters (0-9 and a-f)",
            _model_hint(store),
        )
    if matches:
        raise UserError(f"{name!r} matches {len(matches)} artifacts: {_listed(store, matches)}", "give more characters")
    close = [key for key in keys if len(commonprefix([key, name])) >= _CLOSE_PREFIX][:_SHOWN]  # noqa: RUF071 (strings)
    similar = f"; similar keys: {_listed(store, close)}" if close else "" if keys else ", which is empty"
    hint = _model_hint(store) if keys else "name the store with --store"
    raise UserError(f"there is no artifact {name!r} in {store.root}/{similar}", hint)


def _listed(store: Store, keys: Sequence[str]) -> str:
    manifests = [(key, store.peek(key)) for key in keys]
    return "".join(f"\n  {key[:12]}  {manifest.title if manifest else ''}" for key, manifest in manifests)
