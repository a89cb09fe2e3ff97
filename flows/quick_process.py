"""The process of a quick run: tied to the one that started it, threads settled before anything else is imported."""

from __future__ import annotations

import sys

from flows.lifeline import hold_lifeline
from tasks.__main__ import settle_environment

if __name__ == "__main__":
    hold_lifeline()
    settle_environment()
    from tasks.quick import main

    sys.exit(main())
