"""The SQuAD scorer: exact match and token F1 against several acceptable answers.

Rules of the SQuAD 2.0 evaluation (Rajpurkar et al. 2018, arXiv 1806.03822), which XTREME applies to every language:
lower-case, delete ASCII punctuation, drop the English articles, split on white space.
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def normalise(answer: str) -> list[str]:
    """The tokens of an answer that are compared."""
    return _ARTICLES.sub(" ", answer.lower().translate(_PUNCTUATION)).split()


def exact_match(predicted: str, answers: Sequence[str]) -> float:
    """1.0 where the prediction equals any acceptable answer; no answers means that "" is right."""
    return _best(lambda gold, guess: float(gold == guess), predicted, answers)


def token_f1(predicted: str, answers: Sequence[str]) -> float:
    """The best token F1 over the acceptable answers, 0 to 1; no answers means that "" is right."""
    return _best(_overlap_f1, predicted, answers)


def _best(score: Callable[[list[str], list[str]], float], predicted: str, answers: Sequence[str]) -> float:
    guess = normalise(predicted)
    return max(score(normalise(answer), guess) for answer in answers or ("",))


def _overlap_f1(gold: list[str], guess: list[str]) -> float:
    if not gold or not guess:
        return float(gold == guess)
    shared = (Counter(gold) & Counter(guess)).total()
    return 2 * shared / (len(gold) + len(guess))
