"""Real answers are as the OpenAPI document describes them."""

from typing import Any

from httpx2 import Response
from jsonschema import Draft202012Validator
from tests.unit.serving.conftest import Serve

CORRECTION = {"text": "abc", "label": "sport", "predicted": "health"}


def check(document: dict[str, Any], answer: Response, path: str) -> None:
    described = document["paths"][path][answer.request.method.lower()]["responses"][str(answer.status_code)]
    schema = described["content"]["application/json"]["schema"]
    Draft202012Validator({**schema, "components": document["components"]}).validate(answer.json())


def test_answers_fit_their_schemas(serve: Serve):
    client = serve()
    document = client.get("/openapi.json").json()
    octets = {"content-type": "application/octet-stream"}
    for path, answer in [
        ("/predict", client.post("/predict", json={"texts": ["abc", "def"]})),
        ("/predict", client.post("/predict", json={"texts": [1]})),
        ("/file", client.post("/file?name=a.csv", content='headline\nabc\n" "\n', headers=octets)),
        ("/file", client.post("/file?name=a.gz", content="abc", headers=octets)),
        ("/corrections", client.post("/corrections", json=CORRECTION)),
        ("/corrections", client.post("/corrections", json=CORRECTION | {"label": "none"})),
        ("/corrections/last", client.delete("/corrections/last?number=9")),
        ("/corrections/last", client.delete("/corrections/last")),
        ("/corrections/last", client.delete("/corrections/last")),
        ("/model", client.get("/model")),
        ("/health", client.get("/health")),
        ("/health", client.get("/health", headers={"host": "evil.example"})),
    ]:
        check(document, answer, path)


def test_multi_label_answers_fit_too(serve: Serve):
    client = serve(problem="multi-label")
    document = client.get("/openapi.json").json()
    check(document, client.post("/predict", json={"texts": ["abc"]}), "/predict")
    body = CORRECTION | {"label": [], "predicted": ["sport"]}
    check(document, client.post("/corrections", json=body), "/corrections")


def test_the_document_is_whole(serve: Serve):
    document = serve().get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    references = [part.split('"')[0] for part in str(document).replace("'", '"').split("#/components/schemas/")[1:]]
    assert references and set(references) <= set(schemas)
    assert schemas["TextPrediction"]["properties"]["cut_off"]["description"]
