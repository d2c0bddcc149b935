import pytest
from tests.unit.serving.conftest import Serve

from xstilts.serving.guard import is_loopback

BODY = {"texts": ["abc"]}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "localhost:1", "[::1]:8000", "LOCALHOST"])
def test_loopback_hosts_are_answered(serve: Serve, host: str):
    assert serve().get("/health", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "localhost.evil.example", "10.0.0.1", "[", ""])
def test_other_hosts_are_refused_on_loopback_only(serve: Serve, host: str):
    assert serve().get("/model", headers={"host": host}).status_code == 421
    assert serve().post("/predict", headers={"host": host}, json=BODY).status_code == 421
    assert serve(loopback_only=False).get("/model", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:9000"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
@pytest.mark.parametrize("loopback_only", [True, False])
def test_pages_of_other_origins_are_refused(serve: Serve, headers: dict[str, str], loopback_only: bool):
    client = serve(loopback_only=loopback_only)
    assert client.post("/predict", json=BODY, headers=headers).status_code == 403
    assert client.delete("/corrections/last", headers=headers).status_code == 403


def test_the_own_page_is_answered(serve: Serve):
    headers = {"origin": "http://127.0.0.1:8000", "sec-fetch-site": "same-origin"}
    assert serve().post("/predict", json=BODY, headers=headers).status_code == 200


def test_forms_of_other_pages_cannot_send_what_is_read(serve: Serve):
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a"):
        headers = {"content-type": media_type}
        assert serve().post("/corrections", content='{"text": "a"}', headers=headers).status_code == 415


def test_security_headers_are_on_refusals_too(serve: Serve):
    answer = serve().get("/model", headers={"host": "evil.example"})
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in answer.headers


def test_what_loopback_is():
    assert [is_loopback(host) for host in ("127.8.9.1", "::1", "localhost.", "0.0.0.0", "")] == [
        True,
        True,
        True,
        False,
        False,
    ]
