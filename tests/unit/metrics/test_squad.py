import pytest

from xstilts.metrics.squad import exact_match, normalise, token_f1
from xstilts.problems.scores import item_statistics
from xstilts.tasks import load_task


@pytest.mark.parametrize(
    ("answer", "tokens"),
    [
        ("The  U.S. Army!", ["us", "army"]),
        ("a theme, an anthem", ["theme", "anthem"]),
        ("La Maison", ["la", "maison"]),
        ("“東京”。", ["“東京”。"]),
        ("the", []),
    ],
)
def test_normalise_drops_case_ascii_punctuation_and_english_articles(answer: str, tokens: list[str]) -> None:
    assert normalise(answer) == tokens


def test_scores_take_the_best_of_the_acceptable_answers() -> None:
    assert exact_match("The Broncos", ["Denver Broncos", "broncos"]) == 1.0
    assert token_f1("Denver team", ["Broncos", "the Denver Broncos"]) == pytest.approx(2 * 1 / (2 + 2))


def test_repeated_tokens_count_as_often_as_both_have_them() -> None:
    assert token_f1("no no no", ["no no"]) == pytest.approx(2 * 2 / (3 + 2))


@pytest.mark.parametrize(("predicted", "score"), [("", 1.0), ("something", 0.0)])
def test_the_right_answer_to_an_unanswerable_question_is_empty(predicted: str, score: float) -> None:
    assert exact_match(predicted, []) == token_f1(predicted, []) == score


def test_no_answer_to_an_answerable_question_is_wrong() -> None:
    assert exact_match("", ["308"]) == token_f1("", ["308"]) == 0.0


def test_an_answer_that_is_empty_after_normalisation_matches_but_shares_no_token() -> None:
    assert exact_match("a", ["the"]) == 1.0
    assert token_f1("a", ["the"]) == 0.0


@pytest.mark.parametrize(
    ("gold", "predicted", "version_1", "version_2"),
    [
        (["the"], "", (1.0, 0.0), (1.0, 1.0)),
        (["the", "cat"], "", (1.0, 0.0), (0.0, 0.0)),
        (["the", "cat"], "a cat", (1.0, 1.0), (1.0, 1.0)),
        (["the"], "an", (1.0, 0.0), (1.0, 1.0)),
        (["the"], "cat", (0.0, 0.0), (0.0, 0.0)),
        ([], "!", (1.0, 1.0), (1.0, 1.0)),
        (["..."], "cat", (0.0, 0.0), (0.0, 0.0)),
    ],
)
def test_version_2_ignores_answers_that_are_empty_after_normalisation(
    gold: list[str], predicted: str, version_1: tuple[float, float], version_2: tuple[float, float]
) -> None:
    for task, expected in (("squad", version_1), ("squad2", version_2), ("disfl-qa", version_2)):
        scores = item_statistics("span", [gold], [predicted], normaliser=load_task(task).normaliser)
        assert (scores["em"], scores["f1"]) == ([expected[0]], [expected[1]])
