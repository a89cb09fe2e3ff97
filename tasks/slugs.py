"""Names of classes as they may stand in file names, folders and metric names; tables keep the originals."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

from tasks.errors import InputError

LONGEST = 64


def slug(label: str) -> str:
    """A class's name in small ASCII letters, digits, ``_`` and ``-``, at most 64 of them.

    Accents are dropped and other signs become ``_``. A name with letters that ASCII has not, or with too many of them,
    ends in 8 hex digits of its SHA-256, so that names in any script stay apart.

    Examples
    --------
    >>> slug("Likely defective")
    'likely_defective'
    """
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", label) if not unicodedata.combining(sign)).lower()
    kept = re.sub(r"[^a-z0-9_-]+", "_", plain).strip("_")
    lossy = any(sign.isalnum() and not sign.isascii() for sign in plain)
    if kept and not lossy and len(kept) <= LONGEST:
        return kept
    digest = hashlib.sha256(unicodedata.normalize("NFKC", label).lower().encode()).hexdigest()[:8]
    return f"{kept[: LONGEST - 9].strip('_') or 'class'}-{digest}"


def slugs(labels: Iterable[str]) -> dict[str, str]:
    """The slug of each class, in sorted order of the classes; no two are the same.

    Raises
    ------
    InputError
        Classes whose names differ only by case or signs, so that their slugs are the same.
    """
    named: defaultdict[str, list[str]] = defaultdict(list)
    for label in sorted(set(labels)):
        named[slug(label)].append(label)
    alike = [", ".join(repr(label) for label in group) for group in named.values() if len(group) > 1]
    if alike:
        raise InputError(
            f"classes whose names differ only by case or signs: {'; '.join(alike)}; "
            "give them different names, or merge them with ingest.rename"
        )
    return {label: name for name, (label, *_) in named.items()}
