import pytest
from tests.tiny import build

from xstilts.data.features import featurise
from xstilts.errors import DataError
from xstilts.models.heads import load_tokenizer
from xstilts.problems import Answer, Choice, Labelled, Parallel, Sentence, Span, Tagged
from xstilts.problems.features import IGNORE_INDEX


@pytest.fixture(scope="module", params=["xlm-roberta", "bert"])
def tokenizer(request, tmp_path_factory):
    return load_tokenizer(build(request.param, tmp_path_factory.mktemp(request.param)))


def test_a_pair_is_one_sequence_with_a_label_index(tokenizer):
    example = Labelled(id="1", group="1", language="en", text="the light", pair="the kitchen", label="b")
    (feature,) = featurise("classification", [example], tokenizer, ("a", "b"), 64)
    assert feature.target == 1
    assert feature.ids[0] == tokenizer("the light", "the kitchen")["input_ids"]


def test_an_unknown_label_is_an_error_only_in_training(tokenizer):
    example = Labelled(id="x7", group="1", language="sw", text="the light", label="new")
    with pytest.raises(DataError, match=r"x7 \(sw\) .*'new'"):
        featurise("classification", [example], tokenizer, ("a", "b"), 64)
    (feature,) = featurise("classification", [example], tokenizer, None, 64)
    assert feature.target is None


def test_long_texts_are_truncated(tokenizer):
    example = Labelled(id="1", group="1", language="en", text="light " * 200, label="a")
    (feature,) = featurise("classification", [example], tokenizer, ("a",), 32)
    assert feature.length == 32


def test_each_choice_is_a_sequence(tokenizer):
    example = Choice(id="1", group="1", language="en", prompt="the light", choices=("on", "in the kitchen"), answer=1)
    (feature,) = featurise("choice", [example], tokenizer, None, 64)
    assert len(feature.ids) == 2
    assert feature.target == 1
    assert feature.length == 2 * max(map(len, feature.ids))


def test_every_word_of_a_long_sentence_is_tagged_once(tokenizer):
    words = tuple(["turn", "on", "the", "light", "in", "the", "kitchen"] * 30)
    tags = tuple("B" if word == "light" else "O" for word in words)
    example = Tagged(id="1", group="1", language="en", words=words, tags=tags)
    features = featurise("tagging", [example], tokenizer, ("B", "O"), 32)
    assert len(features) > 1
    assert [word for feature in features for _, word in feature.words] == list(range(len(words)))
    for feature in features:
        assert feature.length <= 32
        assert isinstance(feature.target, list)
        scored = {position: ("B", "O")[feature.target[position]] for position, _ in feature.words}
        assert all(scored[position] == tags[word] for position, word in feature.words)
        assert sum(value != IGNORE_INDEX for value in feature.target) == len(feature.words)


def test_a_word_that_tokenises_to_nothing_is_scored(tokenizer):
    example = Tagged(id="1", group="1", language="en", words=("light", "\u200b", "on"), tags=("O", "B", "O"))
    (feature,) = featurise("tagging", [example], tokenizer, ("B", "O"), 32)
    assert [word for _, word in feature.words] == [0, 1, 2]


def test_context_windows_overlap_and_contain_the_answer(tokenizer):
    context = "the light in the kitchen " * 30 + "turn on " + "what is the weather " * 20
    start = context.index("turn on")
    example = Span(
        id="1",
        group="1",
        language="en",
        question="what is on?",
        context=context,
        answers=(Answer(text="turn on", start=start),),
    )
    features = featurise("span", [example], tokenizer, None, 64)
    assert len(features) > 3
    found = [f for f in features if f.target != (0, 0)]
    assert found
    for feature in found:
        first, last = feature.target
        assert context[feature.offsets[first][0] : feature.offsets[last][1]].strip() == "turn on"
    reached = 0
    for feature in features:
        inside = [pair for pair in feature.offsets if pair]
        assert inside[0][0] <= reached or reached == 0
        reached = inside[-1][1]
    assert reached >= len(context.rstrip())


def test_unanswerable_questions_point_at_the_first_token(tokenizer):
    example = Span(id="1", group="1", language="en", question="what?", context="the light", answers=())
    (feature,) = featurise("span", [example], tokenizer, None, 64)
    assert feature.target == (0, 0)


def test_parallel_sentences_are_two_features(tokenizer):
    example = Parallel(id="1", group="1", language="de", text="das Licht", english="the light")
    foreign, english = featurise("retrieval", [example], tokenizer, None, 64)
    assert foreign.ids[0] == tokenizer("das Licht")["input_ids"]
    assert english.ids[0] == tokenizer("the light")["input_ids"]


def test_each_mining_sentence_is_one_feature(tokenizer):
    examples = [
        Sentence(id=text, group=text, language="de", text=text, english=english, partners=None)
        for text, english in (("das Licht", False), ("the light", True))
    ]
    features = featurise("mining", examples, tokenizer, None, 64)
    assert [(feature.example, feature.ids[0]) for feature in features] == [
        (row, tokenizer(example.text)["input_ids"]) for row, example in enumerate(examples)
    ]
