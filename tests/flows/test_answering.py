"""Who answers at a port: Prefect and MLflow are known by their answers, not by the port."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from flows.answering import HOST, answers, free_port, is_free, is_prefect
from flows.servers import port_for, prefect_server, running_prefect
from tasks.errors import InputError


class SaysYes(BaseHTTPRequestHandler):
    """Something else: it answers everything alike."""

    body = b"true"

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture(params=[b"true", b"OK", b"<html></html>", b""])
def something(request: pytest.FixtureRequest) -> Iterator[str]:
    handler = type("Handler", (SaysYes,), {"body": request.param})
    server = HTTPServer((HOST, 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://{HOST}:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_something_else_is_not_prefect(something):
    assert answers(something)
    assert not is_prefect(f"{something}/api")


def test_prefect_is_known_with_and_without_a_login(api):
    assert is_prefect(api)
    assert is_prefect(api.replace("http://", "http://user:pass@"))


@pytest.mark.parametrize("address", ["nonsense", "http://", "http://host:port", "ftp://127.0.0.1:9"])
def test_what_is_no_address_does_not_answer(address):
    assert not answers(address)
    assert not is_prefect(address)


def test_a_file_is_no_server(tmp_path):
    (tmp_path / "health").write_text("true")
    assert not answers(f"file://{tmp_path}/health")
    assert not is_prefect(f"file://{tmp_path}")


def test_a_server_that_never_answers_is_given_up():
    with socket.create_server((HOST, 0)) as silent:
        assert not is_prefect(f"http://{HOST}:{silent.getsockname()[1]}/api", seconds=0.2)


def test_a_named_server_that_is_not_prefect_is_told(something, tmp_path, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", f"{something.replace('http://', 'http://user:hush@')}/api")
    with pytest.raises(InputError, match=r"PREFECT_API_URL is http://user:\*\*\*@.*no Prefect server answers"):
        running_prefect(tmp_path)


def test_a_port_that_something_else_has_is_replaced_by_a_free_one_unless_it_was_asked_for():
    with socket.create_server((HOST, 0)) as other:
        taken = other.getsockname()[1]
        port, said = port_for("MLflow", None, taken)
        assert port != taken
        assert is_free(port)
        assert f"port {taken} is taken" in said
        assert f"MLflow uses {port}" in said
        assert port_for("MLflow", taken, 1) == (taken, "")
    free = free_port()
    assert port_for("MLflow", None, free) == (free, "")


def test_a_database_that_prefect_cannot_use_is_told_before_its_server_starts(monkeypatch):
    monkeypatch.setenv("PREFECT_SERVER_DATABASE_CONNECTION_URL", "postgresql://me:hush@host/db")
    with pytest.raises(InputError, match=r"postgresql://me:\*\*\*@host/db.*postgresql\+asyncpg"):
        prefect_server(4200)
