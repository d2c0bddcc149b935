"""Downloads from public HTTP and HTTPS addresses, with limits of size and time."""

import ipaddress
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from xstilts.data.images.locations import MAX_BYTES
from xstilts.errors import ImageError

SCHEMES = ("http", "https")
MAX_SECONDS = 120
_TIMEOUT_SECONDS = 20
"""For connecting, and between two packets."""
_AGENT = "xstilts/0.1 (research; reads an image once and keeps it)"
_CHUNK_BYTES = 1 << 16
_UNICAST = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def check_address(address: str) -> None:
    """Raises ImageError if an address is not of HTTP or HTTPS."""
    if (scheme := address.partition(":")[0].lower()) not in SCHEMES:
        raise ImageError(f"{address[:80]!r} is an address of {scheme!r}", "images are read from http and https only")


def download(address: str, *, private: bool = False) -> bytes:
    """The content at an address.

    Hosts of private, loopback, link-local and other addresses that are not public are refused unless `private`, also
    after a redirect: every address that a name resolves to is checked, and the connection goes to a checked one. A
    proxy of the environment resolves names itself, so there only names that resolve here are checked.
    Raises ImageError for a refused address; OSError, HTTPException or ValueError if the download fails.
    """
    check_address(address)
    sockets: list[socket.socket] = []
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
        _Http(private, sockets),
        _Https(private, sockets),
    ):
        opener.add_handler(handler)
    request = urllib.request.Request(address, headers={"User-Agent": _AGENT})
    with _time_limit(sockets), opener.open(request, timeout=_TIMEOUT_SECONDS) as response:
        return _read(response)


def _read(response: HTTPResponse) -> bytes:
    expected = int(response.headers.get("Content-Length") or -1)
    chunks, size = [], 0
    if expected <= MAX_BYTES:
        while chunk := response.read1(_CHUNK_BYTES):
            chunks.append(chunk)
            size += len(chunk)
            if size > MAX_BYTES:
                break
    if max(size, expected) > MAX_BYTES:
        raise ValueError(f"the response is larger than {MAX_BYTES:,} bytes")
    if size < expected:
        raise OSError(f"only {size:,} of {expected:,} bytes were received")
    return b"".join(chunks)


@contextmanager
def _time_limit(sockets: list[socket.socket]) -> Iterator[None]:
    """Shut the sockets down after the time limit. A server that sends a byte from time to time never times out."""
    start = time.monotonic()

    def shut_down() -> None:
        for connection in sockets:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(MAX_SECONDS, shut_down)
    timer.daemon = True
    timer.start()
    try:
        yield
    except ImageError:
        raise
    except Exception:
        if time.monotonic() - start >= MAX_SECONDS:
            raise TimeoutError(f"it took longer than {MAX_SECONDS} seconds") from None
        raise
    finally:
        timer.cancel()
    if time.monotonic() - start >= MAX_SECONDS:
        raise TimeoutError(f"it took longer than {MAX_SECONDS} seconds")


class _Redirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        check_address(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Checked:
    """Opens connections to checked addresses."""

    def __init__(self, private: bool, sockets: list[socket.socket]) -> None:
        super().__init__()
        self._private, self._sockets = private, sockets

    def prepare(self, connection: HTTPConnection, request: urllib.request.Request) -> HTTPConnection:
        """Let a connection resolve, check and open its addresses by itself."""
        proxied = request.has_proxy() or getattr(request, "_tunnel_host", None) is not None
        if proxied and not self._private:
            with suppress(socket.gaierror):
                _resolve(urlsplit(request.full_url).hostname or "", 0, private=False)

        def connect(target: tuple[str, int], timeout: float | None = None, *_: object) -> socket.socket:
            return self._connect(*target, timeout, private=self._private or proxied)

        connection._create_connection = connect  # type: ignore[attr-defined]
        return connection

    def _connect(self, host: str, port: int, timeout: float | None, *, private: bool) -> socket.socket:
        error: OSError = OSError(f"{host} has no address")
        for family, kind, protocol, _, address in _resolve(host, port, private=private):
            connection = socket.socket(family, kind, protocol)
            try:
                connection.settimeout(timeout)
                connection.connect(address)
            except OSError as reason:
                connection.close()
                error = reason
            else:
                self._sockets.append(connection)
                return connection
        raise error


class _Http(_Checked, urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(lambda host, **how: self.prepare(HTTPConnection(host, **how), req), req)  # type: ignore[arg-type]


class _Https(_Checked, urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(lambda host, **how: self.prepare(HTTPSConnection(host, **how), req), req)  # type: ignore[arg-type]


def _resolve(host: str, port: int, *, private: bool) -> list[Any]:
    """The addresses of a host. Raises ImageError if one of them is not public, unless `private`."""
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for *_, address in addresses:
        if not private and not is_public(str(address[0])):
            raise ImageError(
                f"{host} is the private address {address[0]}",
                "set XSTILTS_PRIVATE_IMAGES=1 to read images from private addresses",
            )
    return addresses


def is_public(address: str) -> bool:
    """Whether an IP address, or the IPv4 addresses that an IPv6 address embeds, are of the public internet."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv4Address):
        return parsed.is_global and not parsed.is_multicast
    embedded = [parsed.ipv4_mapped, parsed.sixtofour, *(parsed.teredo or ())]
    if parsed in _NAT64:
        embedded.append(ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF))
    if known := [other for other in embedded if other is not None]:
        return all(is_public(str(other)) for other in known)
    return parsed in _UNICAST and parsed.is_global
