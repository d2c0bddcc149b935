"""Runs the application on a socket until it is interrupted."""

import errno
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from xstilts.errors import UserError, os_error
from xstilts.fitting.facts import read_facts
from xstilts.fitting.model import load_model

GRACE = 5
"""Seconds that running requests have to end after an interrupt."""
CONNECTIONS = 100
"""Further connections are answered with status 503."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """Where the server listens."""

    url: str
    is_loopback: bool


def require_packages() -> None:
    """Raises UserError if the packages of the extra `serve` are missing."""
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError:
        raise UserError("`serve` needs the packages starlette and uvicorn", "pip install 'xstilts[serve]'") from None


def serve(
    folder: Path,
    *,
    host: str,
    port: int,
    corrections: Path,
    max_texts: int,
    max_bytes: int,
    report: Callable[[Served], None],
) -> int:
    """Serve the model in `folder` until an interrupt, and return the number of rows of the corrections file.

    `report` is called when requests are answered. Raises UserError if packages are missing, or if the address cannot be
    used; DataError if the model or the corrections file cannot be read.
    """
    require_packages()
    import uvicorn

    from xstilts.serving.app import Limits, build_app
    from xstilts.serving.corrections import Corrections
    from xstilts.serving.guard import is_loopback

    file = Corrections(corrections, read_facts(folder))
    with _listen(host, port) as listener:
        model = load_model(folder)
        address, used_port = listener.getsockname()[:2]
        loopback_only = is_loopback(address)
        app = build_app(model, file, Limits(texts=max_texts, bytes=max_bytes), loopback_only=loopback_only)
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=GRACE,
        )
        report(Served(url=f"http://{_shown(host)}:{used_port}/", is_loopback=loopback_only))
        server = uvicorn.Server(config)
        app.state.is_stopping = lambda: server.should_exit
        with suppress(KeyboardInterrupt):  # uvicorn raises it after an orderly end
            server.run(sockets=[listener])
    return file.rows


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket. It queues connections while the model is loaded."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server((str(address[0]), port), family=family)
    except socket.gaierror:
        raise UserError(f"the host {host!r} is unknown", "use 127.0.0.1, or an address of this machine") from None
    except OverflowError:
        raise UserError(f"there is no port {port}", "use 0 to 65535") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise UserError(f"port {port} is in use", "use another one, or --port 0 for any free one") from None
        if error.errno == errno.EADDRNOTAVAIL:
            raise UserError(f"{host} is no address of this machine", "use 127.0.0.1, or 0.0.0.0 for all") from None
        if error.errno == errno.EACCES:
            raise UserError(f"port {port} needs more rights", "use a port from 1024 on") from None
        raise os_error(error) from None


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
