"""Examples become sub-words. One function per problem; each keeps what is needed to map predictions back."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from transformers import BatchEncoding, PreTrainedTokenizerBase

from xstilts.errors import DataError
from xstilts.problems.examples import Caption, Choice, Example, ImageText, Labelled, Parallel, Sentence, Span, Tagged
from xstilts.problems.registry import ProblemName

IGNORED = -100
"""The label that a cross-entropy loss leaves out."""
QUESTION_TOKENS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One model input. Several features may stem from one example (windows of a context, parts of a sentence).

    `ids` and `types` hold one sequence, or one for each choice. `target` is a label index, one index for each
    sub-word, or the first and last sub-word of an answer; None without labels. `words` maps the sub-word that carries
    a word's tag to the word's index. `offsets` are character offsets of context sub-words, None elsewhere.
    """

    example: int
    ids: tuple[list[int], ...]
    types: tuple[list[int], ...] | None = None
    target: int | list[int] | tuple[int, int] | None = None
    words: tuple[tuple[int, int], ...] = ()
    offsets: tuple[tuple[int, int] | None, ...] = ()
    images: tuple[str, ...] = ()
    """References of the images that are read with the text."""

    @property
    def length(self) -> int:
        """Sub-words, padding between the choices included."""
        return max(map(len, self.ids)) * len(self.ids)


Encoder = Callable[[Sequence, PreTrainedTokenizerBase, Sequence[str] | None, int], list[Feature]]


def featurise(
    problem: ProblemName,
    examples: Sequence[Example],
    tokenizer: PreTrainedTokenizerBase,
    labels: Sequence[str] | None,
    max_length: int,
    modality: str | None = None,
) -> list[Feature]:
    """Features of the examples, in order. `labels` are the head's classes (or tags), in the order of its outputs;
    None leaves them out, as scoring does: a language may have labels that the head never saw. A control may `see` the
    text or the images alone.

    Raises DataError where an example has a label that the head does not know.
    """
    encoders: dict[ProblemName, Encoder] = {
        "classification": _classification,
        "choice": _choice,
        "span": _span,
        "tagging": _tagging,
        "retrieval": _retrieval,
        "mining": _mining,
        "image-text": _image_text,
        "image-retrieval": _captions,
    }
    found = encoders[problem](examples, tokenizer, labels, max_length) if examples else []
    return hide(found, modality, tokenizer)


def hide(features: Sequence[Feature], modality: str | None, tokenizer: PreTrainedTokenizerBase) -> list[Feature]:
    """The features with their images left out (see: text), or with no text but special tokens (see: images)."""
    if modality is None:
        return list(features)
    if modality == "text":
        return [replace(feature, images=()) for feature in features]
    bare = tokenizer("")
    ids, types = (bare["input_ids"],), (bare["token_type_ids"],) if "token_type_ids" in bare else None
    return [replace(feature, ids=ids, types=types) for feature in features]


def _classification(
    examples: Sequence[Labelled], tokenizer: PreTrainedTokenizerBase, labels: Sequence[str] | None, max_length: int
) -> list[Feature]:
    index = _index(labels)
    encoded = _encode(tokenizer, [e.text for e in examples], [e.pair for e in examples], max_length)
    return [
        Feature(
            example=row,
            ids=(ids,),
            types=(types,) if types else None,
            target=_position(index, example.label, example) if index and example.label is not None else None,
        )
        for row, (example, (ids, types)) in enumerate(zip(examples, encoded, strict=True))
    ]


def _choice(
    examples: Sequence[Choice], tokenizer: PreTrainedTokenizerBase, labels: Sequence[str] | None, max_length: int
) -> list[Feature]:
    prompts = [e.prompt for e in examples for _ in e.choices]
    choices = [choice for e in examples for choice in e.choices]
    encoded = iter(_encode(tokenizer, prompts, choices, max_length))
    features = []
    for row, example in enumerate(examples):
        rows = [next(encoded) for _ in example.choices]
        types = tuple(types for _, types in rows if types is not None)
        features.append(
            Feature(example=row, ids=tuple(ids for ids, _ in rows), types=types or None, target=example.answer)
        )
    return features


def _retrieval(
    examples: Sequence[Parallel], tokenizer: PreTrainedTokenizerBase, labels: Sequence[str] | None, max_length: int
) -> list[Feature]:
    """Two features for each example: the foreign text, then the English one."""
    texts = [text for e in examples for text in (e.text, e.english)]
    encoded = _encode(tokenizer, texts, [None] * len(texts), max_length)
    return [
        Feature(example=row // 2, ids=(ids,), types=(types,) if types else None)
        for row, (ids, types) in enumerate(encoded)
    ]


def _mining(
    examples: Sequence[Sentence], tokenizer: PreTrainedTokenizerBase, labels: Sequence[str] | None, max_length: int
) -> list[Feature]:
    encoded = _encode(tokenizer, [e.text for e in examples], [None] * len(examples), max_length)
    return [
        Feature(example=row, ids=(ids,), types=(types,) if types else None) for row, (ids, types) in enumerate(encoded)
    ]


def _image_text(
    examples: Sequence[ImageText], tokenizer: PreTrainedTokenizerBase, labels: Sequence[str] | None, max_length: int
) -> list[Feature]:
    index = _index(labels)
    encoded = _encode(tokenizer, [e.text for e in examples], [None] * len(examples), max_length)
    return [
        Feature(
            example=row,
            ids=(ids,),
            types=(types,) if types else None,
            target=_position(index, example.label, example) if index and example.label is not None else None,
            images=example.images,
        )
        for row, (example, (ids, types)) in enumerate(zip(examples, encoded, strict=True))
    ]


def _captions(
    examples: Sequence[Caption], tokenizer: PreTrainedTokenizerBase, labels: Sequence[str] | None, max_length: int
) -> list[Feature]:
    encoded = _encode(tokenizer, [e.text for e in examples], [None] * len(examples), max_length)
    return [
        Feature(example=row, ids=(ids,), types=(types,) if types else None, images=(example.image,))
        for row, (example, (ids, types)) in enumerate(zip(examples, encoded, strict=True))
    ]


def _tagging(
    examples: Sequence[Tagged], tokenizer: PreTrainedTokenizerBase, labels: Sequence[str] | None, max_length: int
) -> list[Feature]:
    index = _index(labels)
    parts = [(row, start, words) for row, e in enumerate(examples) for start, words in _parts(e, tokenizer, max_length)]
    encoded = tokenizer(
        [list(words) for _, _, words in parts], is_split_into_words=True, truncation=True, max_length=max_length
    )
    return [_tagged(row, start, examples[row], encoded, number, index) for number, (row, start, _) in enumerate(parts)]


def _tagged(
    row: int, start: int, example: Tagged, encoded: BatchEncoding, number: int, index: dict[str, int]
) -> Feature:
    ids: list[int] = encoded["input_ids"][number]  # type: ignore[index]
    first: dict[int, int] = {}
    for position, word in enumerate(encoded.word_ids(number)):
        if word is not None:
            first.setdefault(word, position)
    target = None
    if index and example.tags is not None:
        target = [IGNORED] * len(ids)
        for word, position in first.items():
            target[position] = _position(index, example.tags[start + word], example)
    words = tuple((position, start + word) for word, position in first.items())
    return Feature(example=row, ids=(ids,), types=_types(encoded, number), target=target, words=words)


def _parts(
    example: Tagged, tokenizer: PreTrainedTokenizerBase, max_length: int
) -> Iterable[tuple[int, tuple[str, ...]]]:
    """Cut a sentence between words so that every word is scored, with the index of each part's first word.

    A word of which the tokenizer leaves nothing stands as the unknown token.
    """
    room = max_length - tokenizer.num_special_tokens_to_add()
    counts = [0] * len(example.words)
    pieces = tokenizer(list(example.words), is_split_into_words=True, add_special_tokens=False)
    for word in pieces.word_ids(0):
        if word is not None:
            counts[word] += 1
    words = [word if count else str(tokenizer.unk_token) for word, count in zip(example.words, counts, strict=True)]
    start, used = 0, 0
    for position, count in enumerate(counts):
        size = max(count, 1)
        if used and used + size > room:
            yield start, tuple(words[start:position])
            start, used = position, 0
        used += size
    yield start, tuple(words[start:])


def _span(
    examples: Sequence[Span], tokenizer: PreTrainedTokenizerBase, labels: Sequence[str] | None, max_length: int
) -> list[Feature]:
    """Windows over the context, a third of the length apart (128 of 384, as SQuAD models are trained)."""
    encoded = tokenizer(
        [_shorten(e.question.strip(), tokenizer) for e in examples],
        [e.context for e in examples],
        truncation="only_second",
        max_length=max_length,
        stride=max_length // 3,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    rows: list[int] = encoded["overflow_to_sample_mapping"]  # type: ignore[assignment]
    return [_window(row, examples[row], encoded, number) for number, row in enumerate(rows)]


def _window(row: int, example: Span, encoded: BatchEncoding, number: int) -> Feature:
    sequence = encoded.sequence_ids(number)
    pairs = encoded["offset_mapping"][number]  # type: ignore[index]
    offsets = tuple(tuple(pair) if side == 1 else None for pair, side in zip(pairs, sequence, strict=True))
    target = None
    if example.answers is not None:
        target = (0, 0)
        if example.answers:
            start = example.answers[0].start
            target = _answer_tokens(offsets, start, start + len(example.answers[0].text))
    return Feature(
        example=row,
        ids=(encoded["input_ids"][number],),  # type: ignore[index]
        types=_types(encoded, number),
        target=target,
        offsets=offsets,
    )


def _answer_tokens(offsets: Sequence[tuple[int, int] | None], start: int, end: int) -> tuple[int, int]:
    """First and last sub-word of an answer, or (0, 0) where the window does not hold all of it."""
    inside = [p for p, pair in enumerate(offsets) if pair and pair[0] < end and pair[1] > start]
    if not inside:
        return 0, 0
    first, last = offsets[inside[0]], offsets[inside[-1]]
    whole = first is not None and last is not None and first[0] <= start and last[1] >= end
    return (inside[0], inside[-1]) if whole else (0, 0)


def _shorten(question: str, tokenizer: PreTrainedTokenizerBase) -> str:
    offsets = tokenizer(question, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    return question if len(offsets) <= QUESTION_TOKENS else question[: offsets[QUESTION_TOKENS - 1][1]]  # type: ignore[index]


def _encode(
    tokenizer: PreTrainedTokenizerBase, texts: list[str], pairs: Sequence[str | None], max_length: int
) -> list[tuple[list[int], list[int] | None]]:
    """Sub-words and token types of texts, or of pairs where the first has one."""
    second = [pair or "" for pair in pairs] if pairs and any(pair is not None for pair in pairs) else None
    encoded = tokenizer(texts, second, truncation=True, max_length=min(max_length, tokenizer.model_max_length))
    types = encoded.get("token_type_ids")
    ids: list[list[int]] = encoded["input_ids"]  # type: ignore[assignment]
    return list(zip(ids, types if types else [None] * len(ids), strict=True))


def _types(encoded: BatchEncoding, number: int) -> tuple[list[int], ...] | None:
    types = encoded.get("token_type_ids")
    return (types[number],) if types else None


def _index(labels: Sequence[str] | None) -> dict[str, int]:
    return {label: position for position, label in enumerate(labels or ())}


def _position(index: dict[str, int], label: str, example: Example) -> int:
    if label not in index:
        raise DataError(
            f"example {example.id} ({example.language}) has label {label!r}, which the training data lack",
            f"known labels: {', '.join(list(index)[:12])}",
        )
    return index[label]
