"""Images from the web: public addresses of HTTP and HTTPS only, with limits of size and time."""

import contextlib
import io
import os
import socket
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from PIL import Image

from xstilts.data.images import ImageLocations, public_http, read_bytes, web
from xstilts.data.images.locations import reads_private_addresses
from xstilts.errors import ImageError


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (6, 5), "red").save(file, "png")
    return file.getvalue()


def places(cache: Path, *, offline: bool = False, private: bool = True) -> ImageLocations:
    return ImageLocations(cache=cache, offline=offline, private_addresses=private)


class Server(ThreadingHTTPServer):
    """Answers with an image, or as the path says."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.asked: list[str] = []

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{path}"


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Server)
        self.server.asked.append(self.path)
        if self.path.startswith("/to:"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to:"))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        code = int(self.path[1:]) if self.path[1:].isdigit() else 200
        self.send_response(code)
        self.send_header("Content-Length", str(len(png()) + 7 * ("short" in self.path)))
        self.end_headers()
        if self.path == "/slow":
            with contextlib.suppress(OSError):
                for byte in png():
                    self.wfile.write(bytes([byte]))
                    time.sleep(0.2)
            return
        self.wfile.write(png())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server():
    server = Server()
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_url_is_downloaded_once_and_then_read_offline(server: Server, tmp_path: Path):
    address = server.address("a.png")
    for reference, offline in ((address, False), (address, False), (f"wit:{address}", True)):
        assert read_bytes(reference, places(tmp_path, offline=offline)) == png()
    assert server.asked == ["/a.png"]
    with pytest.raises(ImageError, match=r"b\.png is not in the cache"):
        read_bytes(server.address("b.png"), places(tmp_path, offline=True))


def test_a_damaged_download_is_made_again(server: Server, tmp_path: Path):
    address = server.address("a.png")
    expected = read_bytes(address, places(tmp_path))
    (cached,) = (path for path in (tmp_path / "images" / "urls").rglob("*") if path.is_file())
    content = bytearray(cached.read_bytes())
    content[20] ^= 1
    cached.write_bytes(content)
    with pytest.raises(ImageError):
        read_bytes(address, places(tmp_path, offline=True))
    assert read_bytes(address, places(tmp_path)) == expected
    assert read_bytes(address, places(tmp_path, offline=True)) == expected


def test_a_dead_link_is_retried_only_after_a_while(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    locations = places(tmp_path)
    for _ in range(2):
        with pytest.raises(ImageError, match="404"):
            read_bytes(server.address("404"), locations)
    assert server.asked == ["/404"]
    monkeypatch.setattr(web, "_DEAD_LINK_SECONDS", 0)
    with pytest.raises(ImageError, match="404"):
        read_bytes(server.address("404"), locations)
    assert server.asked == ["/404"] * 2


def test_a_busy_server_is_retried(server: Server, tmp_path: Path):
    for _ in range(2):
        with pytest.raises(ImageError, match="503"):
            read_bytes(server.address("503"), places(tmp_path))
    assert server.asked == ["/503"] * 2


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/x", "http://[bad/x", "http://127.0.0.1:99999/x", "https://"])
def test_an_unreachable_url_is_an_image_error(address: str, tmp_path: Path):
    with pytest.raises(ImageError, match=r"cannot be downloaded|not an image reference"):
        read_bytes(address, places(tmp_path))


def test_an_incomplete_response_is_not_cached(server: Server, tmp_path: Path):
    with pytest.raises(ImageError, match=r"bytes were received|IncompleteRead"):
        read_bytes(server.address("short"), places(tmp_path))
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".dead"]


def test_a_response_above_the_limit_is_rejected(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(public_http, "MAX_BYTES", 20)
    for _ in range(2):
        with pytest.raises(ImageError, match="larger than 20 bytes"):
            read_bytes(server.address("a.png"), places(tmp_path))
    assert server.asked == ["/a.png"]


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/hostname",
        "data:image/png;base64,AAAA",
        "ftp://127.0.0.1/a",
        "FILE:///etc/hostname",
        "javascript:1",
        "x",
    ],
)
@pytest.mark.parametrize("private", [False, True])
def test_only_http_and_https_are_read(address: str, private: bool, tmp_path: Path):
    with pytest.raises(ImageError):
        read_bytes(f"wit:{address}", places(tmp_path, private=private))
    with pytest.raises(ImageError):
        public_http.download(address, private=private)
    assert not list(tmp_path.rglob("*.dead"))


@pytest.mark.parametrize("address", ["file:///etc/hostname", "ftp://127.0.0.1/a", "data:text/plain,a"])
def test_a_redirect_to_another_scheme_is_refused(server: Server, address: str, tmp_path: Path):
    with pytest.raises(ImageError):
        read_bytes(server.address(f"to:{address}"), places(tmp_path))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.0.0.1", "[::ffff:127.0.0.1]", "0.0.0.0"]
)
def test_a_private_host_is_refused_without_a_request(server: Server, host: str, tmp_path: Path):
    with pytest.raises(ImageError):
        read_bytes(f"http://{host}:{server.server_port}/a.png", places(tmp_path, private=False))
    assert not server.asked and not list(tmp_path.rglob("*.dead"))


@pytest.mark.parametrize(
    "address",
    ["10.0.0.1", "172.16.5.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "127.0.0.1", "0.0.0.0", "224.0.0.1",
     "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1", "fec0::1", "ff02::1", "::ffff:10.0.0.1",
     "64:ff9b::10.0.0.1", "2002:7f00:1::", "::127.0.0.1", "2001:db8::1"],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str):
    assert not public_http.is_public(address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]
)
def test_public_addresses(address: str):
    assert public_http.is_public(address)


def test_a_redirect_to_a_private_host_is_refused(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """127.0.0.1 is taken for a public address."""
    monkeypatch.setattr(public_http, "is_public", lambda address: address == "127.0.0.1")
    assert read_bytes(server.address("a.png"), places(tmp_path, private=False)) == png()
    inner = f"http://127.0.0.2:{server.server_port}/secret.png"
    with pytest.raises(ImageError, match=r"127\.0\.0\.2"):
        read_bytes(server.address(f"to:{inner}"), places(tmp_path, private=False))
    assert server.asked == ["/a.png", f"/to:{inner}"]
    assert read_bytes(server.address(f"to:{server.address('b.png')}"), places(tmp_path, private=False)) == png()


def test_the_connection_goes_to_the_address_that_was_checked(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The name resolves to another address at every request, as with DNS rebinding."""
    requests: list[str] = []

    def resolve(host: str, port: int, **how: Any) -> list[Any]:
        requests.append(host)
        address = "127.0.0.1" if len(requests) == 1 else "127.0.0.2"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(public_http, "is_public", lambda address: address == "127.0.0.1")
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    address = f"http://images.example:{server.server_port}/a.png"
    assert read_bytes(address, places(tmp_path, private=False)) == png()
    assert requests == ["images.example"]


def test_a_name_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch):
    addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (name, 80)) for name in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *where, **how: addresses)
    with pytest.raises(ImageError, match=r"10\.0\.0\.1"):
        public_http.download("https://images.example/a.png")


def test_a_slow_server_is_given_up(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(public_http, "MAX_SECONDS", 1)
    start = time.monotonic()
    with pytest.raises(ImageError, match="longer than 1 s"):
        read_bytes(server.address("slow"), places(tmp_path))
    assert time.monotonic() - start < 100


def test_a_server_that_never_ends_its_headers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(public_http, "MAX_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/a.png"
        start = time.monotonic()
        with pytest.raises(ImageError, match="longer than 1 s"):
            read_bytes(address, places(tmp_path))
        assert time.monotonic() - start < 100


@pytest.mark.parametrize(("value", "allowed"), [(None, False), ("", False), ("0", False), ("1", True)])
def test_the_environment_allows_private_addresses(value: str | None, allowed: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("XSTILTS_PRIVATE_IMAGES", raising=False)
    if value is not None:
        monkeypatch.setitem(os.environ, "XSTILTS_PRIVATE_IMAGES", value)
    assert reads_private_addresses() is allowed
