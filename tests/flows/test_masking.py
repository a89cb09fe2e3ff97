"""Passwords: masked in text, and in no file and no output of a run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from flows.answering import free_port
from flows.masking import masked, without_login
from flows.servers import mlflow_server, started
from flows.stage_runner import StageRunner


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://user:pass@host:5000/x", "http://user:***@host:5000/x"),
        ("http://user:p@ss:word@host/x", "http://user:***@host/x"),
        ("postgresql+psycopg2://u:pw@host/db?sslmode=require", "postgresql+psycopg2://u:***@host/db?sslmode=require"),
        ("postgresql://host/db?user=u&password=pw&x=1", "postgresql://host/db?user=u&password=***&x=1"),
        ("https://token@host/repository.git", "https://***@host/repository.git"),
        ("ssh://git@host/repository.git", "ssh://git@host/repository.git"),
        ("{'user': 'u', 'password': 'pw', 'x': 1}", "{'user': 'u', 'password': '***', 'x': 1}"),
        ('{"db_password":"pw","api_key" : "k"}', '{"db_password":"***","api_key" : "***"}'),
        ("{'Authorization': 'Basic dTpwdw==', 'Accept': '*'}", "{'Authorization': 'Basic ***', 'Accept': '*'}"),
        ("Authorization: Bearer abc.def-1", "Authorization: Bearer ***"),
        ("the password: it must be long; basic words", "the password: it must be long; basic words"),
        ("redis://:pw@host", "redis://:***@host"),
        ("AccountName=a;AccountKey=abc+/==;x", "AccountName=a;AccountKey=***;x"),
        ("two: s3://a:b@c and (ftp://d:e@f)", "two: s3://a:***@c and (ftp://d:***@f)"),
        ("http://u:pa'ss@host/x", "http://u:***@host/x"),
        ("'http://host:5000', 'a@b.org'", "'http://host:5000', 'a@b.org'"),
        ("at postgresql://u:a/b@host:5432/db, where", "at postgresql://u:***@host:5432/db, where"),
        ("http://u:p@a/ss@host/x", "http://u:***@host/x"),
        ("http://u:a/b@host/x?mail=a@b.org", "http://u:***@host/x?mail=a@b.org"),
        ("http://u:pw@host/x?mail=a@b.org", "http://u:***@host/x?mail=a@b.org"),
        ("http://host:5000/train@focal", "http://host:5000/train@focal"),
        ("sqlite:////a/b@c.db, see a@b.org", "sqlite:////a/b@c.db, see a@b.org"),
    ],
)
def test_passwords_in_text_are_masked_and_nothing_else(text, shown):
    assert masked(text) == shown


def test_a_link_has_no_login():
    assert without_login("https://user:pass@host/#/runs/1") == "https://host/#/runs/1"


def test_secrets_of_the_environment_are_masked_wherever_they_stand(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "correct-horse")
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "admin:battery-staple")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://u:pa%2Fss/word@host:5432/db")
    monkeypatch.setenv("SOME_ADDRESS", "http://127.0.0.1:5000/train@focal")
    said = "correct-horse battery-staple pa%2Fss/word pa/ss/word 5000/train"
    assert masked(said) == "*** *** *** *** 5000/train"


@pytest.mark.parametrize("name", ["MAX_TOKENS", "CLAIM_TOKENS_LIMIT"])
def test_a_number_of_tokens_is_no_secret_but_a_token_of_digits_is(name, monkeypatch):
    monkeypatch.setenv(name, "100000")
    monkeypatch.setenv("TOKENIZER_CACHE", "/var/tokens")
    monkeypatch.setenv("SOME_TOKEN", "123456789")
    monkeypatch.setenv("API_TOKENS", "correct-horse")
    assert masked("100000 images in /var/tokens") == "100000 images in /var/tokens"
    assert masked("123456789 correct-horse") == "*** ***"


@pytest.mark.parametrize("password", ["a/b", "it's", 'a"b', "p@s", "a b", "ü:/@"])
def test_a_password_in_an_address_of_the_environment_is_hidden_however_short_and_whatever_its_signs(
    password, monkeypatch
):
    address = f"postgresql://u:{password}@host:5432/db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    assert masked(f"can't open {address}: gone") == "can't open postgresql://u:***@host:5432/db: gone"


def test_what_is_logged_and_what_a_crash_says_is_masked():
    code = (
        "import logging; from flows.masking import mask_logs; mask_logs(); logging.basicConfig()\n"
        "try: raise ValueError('http://u:one@host')\n"
        "except ValueError: logging.getLogger('any').exception('at %s', 'http://u:two@host')\n"
        "raise OSError('http://u:three@host')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.count("http://u:***@host") == 3
    assert not [secret for secret in ("one", "two", "three") if f":{secret}@" in done.stderr]


def test_what_a_stage_prints_is_masked_in_its_log_and_its_message(toy, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "correct-horse")
    toy.switch("source", "print('http://u:pw@host', os.environ['MLFLOW_TRACKING_PASSWORD'], flush=True); sys.exit(1)")
    heard = []
    runner = StageRunner(toy.root, toy.root / ".equipoise/logs", on_line=lambda stage, line: heard.append(line))
    result = runner.run_stage("source")
    kept = "".join(path.read_text() for path in (toy.root / ".equipoise/logs").iterdir())
    for told in ("\n".join(heard), result.message, kept):
        assert "http://u:***@host ***" in told
        assert "correct-horse" not in told


def files_with(folder: Path, *secrets: str) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return [str(path) for path in files if any(secret.encode() in path.read_bytes() for secret in secrets)]


@pytest.mark.slow
def test_no_secret_of_a_run_is_shown_or_kept(workspace, equipoise, tmp_path):
    secrets = [f"{name}-hush-hush" for name in ("address", "variable", "remote", "origin")]
    address, variable, remote, origin = secrets
    port = free_port()
    server = mlflow_server(port, f"sqlite:///{tmp_path / 'server.db'}", (tmp_path / "artifacts").as_uri())
    url = f"http://me:{origin}@127.0.0.1:9/x.git"
    subprocess.run(["git", "remote", "add", "origin", url], cwd=workspace, check=True)
    config = workspace / ".dvc/config.local"
    config.write_text(f"[core]\n    remote = away\n['remote \"away\"']\n    url = http://me:{remote}@127.0.0.1:9/\n")
    login = {"MLFLOW_TRACKING_USERNAME": "me", "MLFLOW_TRACKING_PASSWORD": variable}
    with started(tmp_path, [server], announce=False):
        tracking = f"http://me:{address}@127.0.0.1:{port}"
        recorded = equipoise(workspace, "run", "ingest", MLFLOW_TRACKING_URI=tracking, **login)
    assert recorded.returncode == 0, recorded.stderr
    assert "can't be used" not in recorded.stdout
    away = equipoise(workspace, "track", MLFLOW_TRACKING_URI=f"http://me:{address}@127.0.0.1:9", **login)
    assert away.returncode == 1
    assert "http://me:***@127.0.0.1:9" in away.stderr
    for done in (recorded, away):
        assert not [secret for secret in secrets if secret in done.stdout + done.stderr]
    config.unlink()
    (workspace / ".git/config").unlink()
    assert files_with(tmp_path, *secrets) == []
