"""Passwords are never shown or kept: what is told, logged or recorded goes through `masked`."""

from __future__ import annotations

import logging
import os
import re
import sys
import traceback
from functools import lru_cache
from types import TracebackType
from typing import Any
from urllib.parse import unquote

MASK = "***"
_FEWEST = 6  # letters of a secret that is hidden wherever it stands; shorter ones are words of other sentences, too
# A password reaches to the last @ of what may be one, whatever signs it has: a / in it is no path, unless a port, which
# is a number, stands before it.
_LOGIN = re.compile(
    r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)(?P<user>[^/\s:@'\"]*)"
    r"(?P<password>:(?!\d+/)[^\s\"?#]*@[^/\s\"]*|:(?!\d+/)[^\s\"?#]*|:[^/\s\"]*)?@",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"(?P<name>(?:password|passwd|pwd|token|secret|api_?key|account_?key|access_?key|signature|\bsig)"
    r"(?:=|['\"]\s*:\s*['\"])|authorization['\"]?\s*:\s*['\"]?(?:basic|bearer)\s)[^&;,\s'\")]+",
    re.IGNORECASE,
)
# Names of environment variables whose values are secrets as they stand, MLFLOW_TRACKING_PASSWORD for instance.
_SECRET_NAME = re.compile(
    r"PASSWORD|PASSWD|SECRET|TOKEN(?!IZ)|API_KEY|ACCESS_KEY|ACCOUNT_KEY|AUTH_STRING", re.IGNORECASE
)
_COUNT_NAME = re.compile(r"TOKENS", re.IGNORECASE)  # whose value, where it is a number, says how many
_PASSWORD_OF = re.compile(r"^[a-z][a-z0-9+.-]*://[^/\s:@]*:(?P<password>.+)@", re.IGNORECASE)


def masked(text: str) -> str:
    """`text` with *** in place of each password: ``http://someone:***@host``.

    A password is what stands as one in an address, what follows ``password=``, ``"password": "`` and their like, what a
    header authorizes with, and the value of an environment variable that is named or used as a secret.
    """
    for secret, shown in _secrets(tuple(_candidates())):
        text = text.replace(secret, shown)
    return _NAMED.sub(rf"\g<name>{MASK}", _LOGIN.sub(_hide, text))


def without_login(address: str) -> str:
    """`address` without user name and password, for links: with a masked password no link would work."""
    return masked(_LOGIN.sub(r"\g<scheme>", address))


def mask_logs() -> None:
    """Mask all that is logged in this process from now on, by whichever library, and the last words of a crash."""
    if logging.getLogRecordFactory() is not _masked_record:
        logging.setLogRecordFactory(_masked_record)
        sys.excepthook = _masked_crash


def _hide(found: re.Match[str]) -> str:
    """An address' login: what follows the user name, or, where a token stands alone, all of it."""
    scheme, user, password = found["scheme"], found["user"], found["password"]
    if password is None:
        return f"{scheme}{MASK if scheme.lower().startswith('http') and user else user}@"
    return f"{scheme}{user}:{MASK}@"


def _candidates() -> list[tuple[str, str]]:
    return [(name, text) for name, text in os.environ.items() if "://" in text or _is_secret(name, text)]


def _is_secret(name: str, text: str) -> bool:
    """Whether an environment variable is a secret as it stands."""
    return bool(_SECRET_NAME.search(name)) and not (text.isdigit() and _COUNT_NAME.search(name))


@lru_cache(maxsize=8)
def _secrets(variables: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    """The secrets that these environment variables hold, and what is shown for them, the longest first.

    Addresses with a password are told whole, so that a short password is hidden there too, whatever signs it has.
    """
    found, whole = set[str](), dict[str, str]()
    for name, text in variables:
        login = _PASSWORD_OF.match(text)
        if login and not login["password"].partition("/")[0].isdigit():  # else it is a port, and a path with an @
            found |= {login["password"], unquote(login["password"])}
            whole[text] = text[: login.start("password")] + MASK + text[login.end("password") :]
        elif _is_secret(name, text) and "://" not in text:
            found |= {text, *text.split(":", 1)[1:]}  # Prefect's and others' user:password
    hidden = whole | {secret: MASK for secret in found if len(secret) >= _FEWEST}
    return sorted(hidden.items(), key=lambda item: (-len(item[0]), item))


def _masked_record(*args: Any, **options: Any) -> logging.LogRecord:
    record = logging.LogRecord(*args, **options)
    try:
        record.msg, record.args = masked(record.getMessage()), ()
    except (TypeError, ValueError, KeyError):  # a message that doesn't fit its arguments: logging itself says so
        return record
    if record.exc_info and record.exc_info[0] is None:
        record.exc_info = None  # Prefect logs failures so, and "NoneType: None" would be written
    if record.exc_info:
        record.exc_text = masked("".join(traceback.format_exception(*record.exc_info)).rstrip())
    return record


def _masked_crash(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    sys.stderr.write(masked("".join(traceback.format_exception(kind, error, where))))
