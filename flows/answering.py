"""What answers at an address, asked once and within seconds: Prefect, something else, or nothing."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import urllib.error
import urllib.request
from urllib.parse import unquote, urlsplit, urlunsplit

SECONDS = 3.0
HOST = "127.0.0.1"
_NO_ANSWER = (http.client.HTTPException, OSError, ValueError)


def answers(address: str, seconds: float = 1.0) -> bool:
    """Whether a GET of `address` is answered with status 200 within some seconds."""
    answer = _get(address, seconds)
    return answer is not None and answer[0] == 200


def is_prefect(api: str, seconds: float = SECONDS) -> bool:
    """Whether Prefect's API answers at `api`, for instance ``http://127.0.0.1:4200/api``."""
    health = _get(f"{api}/health", seconds)
    if health is None or health[0] != 200 or _json(health[1]) is not True:
        return False
    version = _get(f"{api}/admin/version", seconds)
    # A server that wants a login tells its health only.
    return version is not None and (version[0] == 401 or (version[0] == 200 and isinstance(_json(version[1]), str)))


def is_free(port: int) -> bool:
    """Whether nothing has this port of the loopback interface."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port of the loopback interface that is free now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _get(address: str, seconds: float) -> tuple[int, bytes] | None:
    """Status and the first bytes of what a GET of `address` brings; None if nothing that speaks HTTP answers."""
    try:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https"):  # urllib opens files, too
            return None
        login, _, host = parts.netloc.rpartition("@")
        request = urllib.request.Request(urlunsplit(parts._replace(netloc=host)))  # noqa: S310 (the user names it)
        if login:
            request.add_header("Authorization", f"Basic {base64.b64encode(unquote(login).encode()).decode()}")
        with urllib.request.urlopen(request, timeout=seconds) as response:  # noqa: S310
            return int(response.status), response.read(1000)
    except urllib.error.HTTPError as error:
        return error.code, b""
    except _NO_ANSWER:
        return None


def _json(content: bytes) -> object:
    try:
        return json.loads(content)
    except ValueError:
        return None
