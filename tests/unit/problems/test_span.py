"""Predicted spans, on a tiny tokenizer."""

import torch
from tests.tiny import build

from xstilts.models.heads import load_tokenizer
from xstilts.problems import PROBLEMS, Span


def test_a_predicted_span_has_no_blanks_at_its_ends(tmp_path):
    tokenizer, problem = load_tokenizer(build("xlm-roberta", tmp_path)), PROBLEMS["span"]
    context = "The  shop\u00a0is \u200b on Hill Road. "
    example = Span(id="1", group="1", language="en", question="where?", context=context, answers=None)
    (feature,) = problem.encode([example], tokenizer, None, 64)
    length, predictions = len(feature.ids[0]), set()
    for first in range(length):
        for last in range(first, length):
            scores = torch.full((2, 1, length), -10.0)
            scores[0, 0, first] = scores[1, 0, last] = 10.0
            outputs = {"start_logits": scores[0], "end_logits": scores[1]}
            predictions.update(problem.decode(outputs, [feature], [example], ()))
    assert len(predictions) > 20 and "on Hill" in predictions
    for prediction in predictions:
        assert prediction == prediction.strip().strip("\u200b") and prediction in context
