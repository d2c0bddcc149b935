"""Scores of labels from the sub-words of a text. Needs only numpy: exports to ONNX hold a copy of this file."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

FILE = "subwords.npz"


class Features(NamedTuple):
    """TF-IDF of known n-grams: a sparse matrix of length-1 rows. Row r has the columns
    `columns[starts[r] : starts[r + 1]]` with these `values`."""

    starts: np.ndarray
    columns: np.ndarray
    values: np.ndarray


class SubwordScores(NamedTuple):
    """A linear model on the TF-IDF of sub-words and pairs of successive sub-words."""

    grams: Mapping[str, int]
    """The column of each n-gram."""
    idf: np.ndarray
    """[n-grams]."""
    weight: np.ndarray
    """[n-grams, labels], float32."""

    def logits(self, texts: Sequence[Sequence[str]]) -> np.ndarray:
        """What is added to the logits of texts, [texts, labels]; 0 for a text without a known n-gram. `texts` are the
        sub-words of lower-case texts."""
        features = tfidf(texts, self.grams, self.idf)
        scores = np.zeros((len(texts), self.weight.shape[1]), np.float32)
        for row, (start, end) in enumerate(zip(features.starts[:-1], features.starts[1:], strict=True)):
            scores[row] = features.values[start:end] @ self.weight[features.columns[start:end]]
        return scores

    def save(self, folder: Path) -> None:
        np.savez_compressed(folder / FILE, grams=np.array(list(self.grams)), idf=self.idf, weight=self.weight)

    @classmethod
    def load(cls, folder: Path) -> "SubwordScores":
        """Raises OSError, KeyError or ValueError for a file that is missing or damaged."""
        with np.load(folder / FILE, allow_pickle=False) as stored:
            grams = {gram: column for column, gram in enumerate(stored["grams"].tolist())}
            return cls(grams, stored["idf"], stored["weight"])


def ngrams(subwords: Sequence[str]) -> list[str]:
    """Sub-words and pairs of successive ones. Sub-words hold no space."""
    return [*subwords, *(f"{one} {other}" for one, other in itertools.pairwise(subwords))]


def tfidf(texts: Sequence[Sequence[str]], grams: Mapping[str, int], idf: np.ndarray) -> Features:
    """(1 + ln count) * idf of known n-grams, divided by the row's length (Salton and Buckley 1988, "Term-weighting
    approaches in automatic text retrieval", with a logarithmic term frequency)."""
    starts, columns, values = [0], [np.zeros(0, np.int64)], [np.zeros(0)]
    for text in texts:
        counts = Counter(gram for gram in ngrams(text) if gram in grams)
        row = np.array([grams[gram] for gram in counts], np.int64)
        weights = (1 + np.log(np.array(list(counts.values()), float))) * idf[row]
        columns.append(row)
        values.append(weights / max(float(np.linalg.norm(weights)), 1e-12))
        starts.append(starts[-1] + len(row))
    return Features(np.array(starts), np.concatenate(columns), np.concatenate(values))
