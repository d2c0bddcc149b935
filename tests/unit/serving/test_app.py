from pathlib import Path

import pytest
from starlette.applications import Starlette
from tests import tiny
from tests.unit.serving.conftest import Serve
from tests.unit.serving.models import LABELS, fitted_model

from xstilts.fitting.facts import Calibration


def test_predictions_are_those_of_the_model(serve: Serve, tmp_path: Path):
    texts = [f"{text} {number}" for number in range(40) for text in tiny.SENTENCES]
    expected = fitted_model(tmp_path / "again").predictions(texts)
    client = serve(texts=len(texts), size=100_000)
    answers = client.post("/predict", json={"texts": texts}).json()["predictions"]
    assert [answer["label"] for answer in answers] == [one.label for one in expected]
    assert [answer["abstained"] for answer in answers] == [one.abstained for one in expected]
    assert [answer["probability"] for answer in answers] == pytest.approx(
        [one.probability for one in expected], abs=1e-5
    )


def test_the_nearest_training_row_of_a_training_text_is_itself(serve: Serve):
    [answer] = serve().post("/predict", json={"texts": [tiny.SENTENCES[3]]}).json()["predictions"]
    nearest = answer["nearest"][0]
    assert (nearest["text"], nearest["label"], nearest["language"]) == (tiny.SENTENCES[3], LABELS[0], "en")
    assert nearest["similarity"] == pytest.approx(1, abs=1e-3)


def test_thresholds_decide_what_is_unsure_and_unlike(serve: Serve):
    strict = Calibration(least_probability=1.0, least_similarity=1.0)
    [answer] = serve(calibration=strict).post("/predict", json={"texts": ["xyz"]}).json()["predictions"]
    assert (answer["abstained"], answer["unlike_training"]) == (True, True)


def test_a_text_that_is_cut_off_is_told(serve: Serve):
    texts = ["turn on the light", "turn on the light in the kitchen " * 20]
    answers = serve(most_windows=2).post("/predict", json={"texts": texts}).json()["predictions"]
    assert [answer["cut_off"] for answer in answers] == [False, True]


def test_multi_label_models_answer_with_lists(serve: Serve):
    thresholds = Calibration(thresholds=(0.0, 0.0, 1.0))
    client = serve(problem="multi-label", calibration=thresholds)
    assert client.post("/predict", json={"texts": ["xyz"]}).json()["predictions"][0]["label"] == ["health", "politics"]


def test_models_of_pairs_read_pairs(serve: Serve):
    client = serve(columns={"text": "premise", "pair": "hypothesis"})
    assert len(client.post("/predict", json={"texts": [["a", "b"], ["c", "d"]]}).json()["predictions"]) == 2
    assert client.post("/predict", json={"texts": ["a"]}).status_code == 422


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"texts": ["a"', 400),
        ('{"texts": ["\\ud800"]}', 400),
        ("[]", 422),
        ('{"texts": "a"}', 422),
        ('{"texts": [1]}', 422),
        ('{"texts": [["a", "b"]]}', 422),
        ('{"texts": ["a", " "]}', 422),
        ('{"texts": ["a\\u0000"]}', 422),
        ('{"texts": ["a"], "label": "b"}', 422),
        ('{"texts": ["a", "b", "c"]}', 413),
        ('{"texts": ["' + "a" * 1000 + '"]}', 413),
    ],
)
def test_requests_that_cannot_be_used(serve: Serve, body: str, status: int):
    client = serve(texts=2, size=500)
    answer = client.post("/predict", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status
    assert answer.json()["message"] and answer.json()["hint"]


def test_a_body_without_a_length_is_limited_too(serve: Serve):
    chunks = iter([b'{"texts": ["'] + [b"a" * 100] * 10 + [b'"]}'])
    answer = serve(size=500).post("/predict", content=chunks, headers={"content-type": "application/json"})
    assert answer.status_code == 413


def test_a_server_that_stops_ends_its_requests(serve: Serve):
    client = serve()
    assert isinstance(client.app, Starlette)
    client.app.state.is_stopping = lambda: True
    assert client.post("/predict", json={"texts": ["abc"]}).status_code == 503


def test_no_text_is_no_prediction(serve: Serve):
    assert serve().post("/predict", json={"texts": []}).json() == {"predictions": []}


def test_the_page_loads_only_its_own_files(serve: Serve):
    client = serve()
    page = client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "://" not in page.text and " style=" not in page.text and " on" not in page.text.split("<body>")[0]
    for name in ("page.css", "page.js", "results.js", "corrections.js"):
        assert f'"{name}"' in page.text
        assert client.get(f"/{name}").status_code == 200


def test_unknown_paths_and_methods(serve: Serve):
    client = serve()
    assert client.get("/../app.py").status_code == 404
    answer = client.put("/predict")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["message"]


def test_a_file_is_read_and_predicted(serve: Serve):
    client = serve()
    headers = {"content-type": "application/octet-stream"}
    read = client.post("/file?name=a.csv", content="headline,other\nabc,1\n", headers=headers).json()
    assert (read["texts"], read["lines"]) == (["abc"], [2])
    assert client.post("/file?name=a.pdf", content=b"%PDF", headers=headers).status_code == 422
    assert client.post("/file?name=a.csv", content=b"headline\nabc\n").status_code == 415


def test_what_the_model_is(serve: Serve):
    answer = serve(texts=7).get("/model").json()
    assert (answer["labels"], answer["language_name"], answer["max_texts"]) == (list(LABELS), "Swahili", 7)
    assert serve().get("/health").json()["status"] == "ok"


def test_an_error_of_the_disk_is_told(serve: Serve, tmp_path: Path):
    client = serve()
    (tmp_path / "corrections.csv").mkdir()
    body = {"text": "abc", "label": "sport", "predicted": "health"}
    answer = client.post("/corrections", json=body)
    assert (answer.status_code, "corrections.csv" in answer.json()["message"]) == (422, True)
