"""What is drawn by chance: anew in each run, so that many runs meet more than one long run does; not so in CI.

CI judges a change. What fails there without the change helps nobody, so each test draws the same there each time, as
Hypothesis does. Whoever runs the tests elsewhere, `make test-slow` in particular, searches on.
"""

from __future__ import annotations

import os
import random
import secrets
import zlib

# Set to what a failed run printed, to meet the same again.
SEED = "WORKBENCH_SEED"


def seed() -> int:
    """Return what this test draws from; pytest shows it when the test fails."""
    if given := os.environ.get(SEED):
        found = int(given)
    elif os.environ.get("CI"):
        found = zlib.crc32(os.environ.get("PYTEST_CURRENT_TEST", "").partition(" ")[0].encode())
    else:
        found = secrets.randbelow(1 << 32)
    print(f"{SEED}={found} draws the same again")
    return found


def chance() -> random.Random:
    """Return a source of moments and choices for this test."""
    return random.Random(seed())
