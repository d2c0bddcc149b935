"""Scores by IGLUE's code: `python -m tests.golden.measure_iglue VOLTA` gave what the tests hold.

VOLTA is the folder `volta` of a checkout of e-bug/iglue at 43cbac9. Its evaluations are scripts that load a model, so
the statements that score are taken out of them and run on scores of our own.
"""

import ast
import json
import runpy
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from tests.golden import official_inputs as inputs


def main(folder: str) -> None:
    root = Path(folder)
    print("ranks", [_retrieval(root / "eval_retrieval.py", seed) for seed in range(3)])
    for classes in (3, 2):
        print("classes", classes, [_classes(root / "volta/task_utils.py", seed, classes) for seed in range(3)])
    print("gqa", [_gqa(root / "scripts/GQA_score.py", seed) for seed in range(3)])


def _retrieval(script: Path, seed: int) -> list[float]:
    """R@1, R@5 and R@10 of images found by captions, then of captions found by images."""
    scores, own = inputs.scored_pairs(seed)
    names: dict[str, Any] = {
        "np": np,
        "score_matrix": np.array(scores),
        "target_matrix": np.eye(len(scores[0]))[own],
        "rank_matrix": np.zeros(len(scores)),
        "dset_val": SimpleNamespace(num_images=len(scores[0])),
    }
    body = ast.parse(script.read_text())
    for names["caption_idx"] in range(len(scores)):
        _run(_last(body, lambda node: _assigns(node, "rank")), names)
        names["rank_matrix"][names["caption_idx"]] = names["rank"]
    found = _recalls(body, names)
    _run(_last(body, lambda node: _assigns(node, "rank_matrix")), names)
    _run(_last(body, lambda node: isinstance(node, ast.For) and _called(node.target) == "image_idx"), names)
    return found + _recalls(body, names)


def _recalls(body: ast.AST, names: dict[str, Any]) -> list[float]:
    for name in ("r1", "r5", "r10"):
        _run(_last(body, lambda node, name=name: _assigns(node, name)), names)
    return [names[name] for name in ("r1", "r5", "r10")]


def _classes(script: Path, seed: int, classes: int) -> float:
    """The batch score that `eval_task.py` adds up, divided by the number of items as it does."""
    torch.Tensor.cuda = lambda self: self  # type: ignore[method-assign]
    names: dict[str, Any] = {"torch": torch}
    body = ast.parse(script.read_text())
    _run(_last(body, lambda node: getattr(node, "name", "") == "compute_score_with_logits"), names)
    logits, gold = inputs.logits(seed, classes)
    targets = torch.tensor([[float(index == right) for index in range(classes)] for right in gold])
    return 100 * float(names["compute_score_with_logits"](torch.tensor(logits), targets).sum()) / len(gold)


def _gqa(script: Path, seed: int) -> float:
    logits, gold = inputs.logits(seed, len(inputs.ANSWERS))
    truth = {
        str(i): {"answer": "none of them" if right is None else inputs.ANSWERS[right]} for i, right in enumerate(gold)
    }
    found = [{"questionId": str(i), "prediction": inputs.ANSWERS[int(np.argmax(row))]} for i, row in enumerate(logits)]
    with tempfile.TemporaryDirectory() as folder:
        for name, value in (("found", found), ("truth", truth)):
            (Path(folder) / f"{name}.json").write_text(json.dumps(value))
        return 100 * runpy.run_path(str(script))["evaluate"](found, truth)


def _last(body: ast.AST, wanted: Callable[..., bool]) -> ast.stmt:
    """The statement that comes last in the script, of those that are wanted."""
    return max((node for node in ast.walk(body) if isinstance(node, ast.stmt) and wanted(node)), key=lambda s: s.lineno)


def _assigns(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Assign) and _called(node.targets[0]) == name


def _called(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _run(statement: ast.stmt, names: dict[str, Any]) -> None:
    exec(compile(ast.Module(body=[statement], type_ignores=[]), "iglue", "exec"), names)


if __name__ == "__main__":
    main(*sys.argv[1:])
