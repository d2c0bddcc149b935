"""SQuAD scoring: exact match and token F1 against several acceptable answers.

The rules of the SQuAD evaluation (Rajpurkar et al. 2016, arXiv 1606.05250), which XTREME applies to every language:
lower-case, delete ASCII punctuation, drop the English articles, split on white space. Unanswerable questions are
scored as in version 2.0 (Rajpurkar et al. 2018, arXiv 1806.03822). The versions differ in answers that are empty after
normalisation: see `version_2_answers`.
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence

Normalise = Callable[[str], list[str]]
"""Maps an answer to its normalised tokens."""

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def normalise(answer: str) -> list[str]:
    """The normalised tokens of an answer."""
    return _ARTICLES.sub(" ", answer.lower().translate(_PUNCTUATION)).split()


def version_2_answers(answers: Sequence[str]) -> list[str]:
    """The acceptable answers in the evaluation of version 2.0, which ignores answers that are empty after
    normalisation. A question that has no other answer is unanswerable."""
    return [answer for answer in answers if normalise(answer)]


def exact_match(predicted: str, answers: Sequence[str], normalise: Normalise = normalise) -> float:
    """1.0 if the prediction equals any acceptable answer; without answers, "" is right."""
    tokens = normalise(predicted)
    return float(any(normalise(answer) == tokens for answer in answers or ("",)))


def token_f1(predicted: str, answers: Sequence[str], normalise: Normalise = normalise) -> float:
    """The best token F1 (0 to 1) over the acceptable answers; without answers, "" is right.

    An acceptable answer that is empty after normalisation shares no token with any prediction, so it scores 0, as in
    version 1.1.
    """
    tokens = normalise(predicted)
    if not answers:
        return float(not tokens)
    return max(_overlap_f1(normalise(answer), tokens) for answer in answers)


def _overlap_f1(gold: list[str], predicted: list[str]) -> float:
    shared = (Counter(gold) & Counter(predicted)).total()
    return 2 * shared / (len(gold) + len(predicted)) if shared else 0.0
