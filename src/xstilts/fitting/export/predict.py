"""Predicts labels of texts with an exported model. Needs only numpy, tokenizers and onnxruntime.

    python predict.py "a text" "another text"

This is the whole reading of a text; write it again in any language with an ONNX runtime:

1. Remove white space from both ends, and tokenise. A text of more sub-words than a model input has (`windows.tokens` in
   xstilts.json, with the special tokens) is read in windows; consecutive windows share `windows.overlap` sub-words.
   What comes after `windows.most` windows is not read. A pair of texts has one window, which is cut at `pair_tokens`.
2. Run the graph on each window, padded with `pad` where the mask is 0.
3. The logits of a text are the mean of the logits of its windows, weighted by their number of sub-words. With
   `subwords` in xstilts.json, the scores of the whole text's sub-words are added (subword_scores.py).
4. Divide them by the temperature. Softmax gives the probabilities; for multi-label models, the sigmoid.
5. The label is the most probable one; for multi-label models, all labels from their threshold on.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from tokenizers import Encoding, Tokenizer

try:
    from subword_scores import SubwordScores  # type: ignore[import-not-found]
except ImportError:  # inside xstilts
    from xstilts.fitting.subword_scores import SubwordScores

BATCH = 16
CHARACTERS_PER_TOKEN = 20
"""Sub-words are read from so many characters per sub-word that can be read."""


class Model:
    """A model in a folder with model.onnx, tokenizer.json and xstilts.json."""

    def __init__(self, folder: str | Path, threads: int = 0) -> None:
        """`threads` is the number of threads of one prediction, 0 for one per core."""
        folder = Path(folder)
        self.facts: dict[str, Any] = json.loads((folder / "xstilts.json").read_text(encoding="utf-8"))
        self.labels: list[str] = self.facts["labels"]
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        windows = self.facts["windows"]
        if self.facts["pairs"]:
            self.tokenizer.enable_truncation(self.facts["pair_tokens"], strategy="longest_first")
        else:
            self.tokenizer.enable_truncation(windows["tokens"], stride=windows["overlap"])
        self.scores = None
        if self.facts["subwords"]:
            self.scores = SubwordScores.load(folder)
            self.whole = Tokenizer.from_file(str(folder / "tokenizer.json"))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )

    def predict(self, texts: Sequence[Any]) -> list[Any]:
        """The label of each text, or a list of labels for multi-label models. Pairs are tuples of two texts."""
        probabilities = self.probabilities(texts)
        if self.facts["problem"] != "multi-label":
            return [self.labels[best] for best in probabilities.argmax(1)]
        hits = probabilities >= np.array(self.facts["thresholds"])
        return [[label for label, hit in zip(self.labels, row, strict=True) if hit] for row in hits]

    def probabilities(self, texts: Sequence[Any]) -> np.ndarray:
        """Calibrated probabilities, [texts, labels]."""
        scaled = self.logits(texts).astype(np.float64) / self.facts["temperature"]
        if self.facts["problem"] == "multi-label":
            return 1 / (1 + np.exp(-scaled))
        powers = np.exp(scaled - scaled.max(1, keepdims=True))
        return powers / powers.sum(1, keepdims=True)

    def logits(self, texts: Sequence[Any]) -> np.ndarray:
        """Logits in float32, [texts, labels]."""
        windows = self._windows(texts)
        windows.sort(key=lambda window: len(window[1].ids))
        total = np.zeros((len(texts), len(self.labels)), np.float32)
        weight = np.zeros((len(texts), 1), np.float32)
        for start in range(0, len(windows), BATCH):
            batch = windows[start : start + BATCH]
            logits = self.session.run(["logits"], self._batch([encoding for _, encoding in batch]))[0]
            for (text, encoding), row in zip(batch, np.asarray(logits), strict=True):
                total[text] += row * len(encoding.ids)
                weight[text] += len(encoding.ids)
        return total / weight if self.scores is None else total / weight + self.scores.logits(self._subwords(texts))

    def _subwords(self, texts: Sequence[str]) -> list[list[str]]:
        windows = self.facts["windows"]
        longest = CHARACTERS_PER_TOKEN * windows["tokens"] * windows["most"]
        lower = [text.strip()[:longest].lower() for text in texts]
        return [encoding.tokens for encoding in self.whole.encode_batch(lower, add_special_tokens=False)]

    def _windows(self, texts: Sequence[Any]) -> list[tuple[int, Encoding]]:
        """The windows of all texts, each with the number of its text."""
        stripped = [text.strip() if isinstance(text, str) else tuple(part.strip() for part in text) for text in texts]
        most = self.facts["windows"]["most"]
        windows: list[tuple[int, Encoding]] = []
        for number, encoding in enumerate(self.tokenizer.encode_batch(stripped)):
            following = [] if self.facts["pairs"] else encoding.overflowing
            windows += [(number, window) for window in [encoding, *following][:most]]
        return windows

    def _batch(self, encodings: Sequence[Encoding]) -> dict[str, np.ndarray]:
        shape = len(encodings), max(len(encoding.ids) for encoding in encodings)
        values = {name: np.zeros(shape, np.int64) for name in self.facts["inputs"]}
        values["input_ids"][:] = self.facts["pad"]
        for row, encoding in enumerate(encodings):
            length = len(encoding.ids)
            values["input_ids"][row, :length] = encoding.ids
            values["attention_mask"][row, :length] = 1
            if "token_type_ids" in values:
                values["token_type_ids"][row, :length] = encoding.type_ids
        return values


if __name__ == "__main__":
    model = Model(Path(__file__).parent)
    for text, row in zip(sys.argv[1:], model.probabilities(sys.argv[1:]), strict=True):
        print(
            json.dumps(
                {"text": text, **dict(zip(model.labels, row.round(4).tolist(), strict=True))}, ensure_ascii=False
            )
        )
