"""Random moments that differ from run to run: many runs meet more of them than one long run does."""

from __future__ import annotations

import os
import random
import secrets

# Set to what a failed run printed, to meet the same moments again.
SEED = "WORKBENCH_SEED"


def chance() -> random.Random:
    """Return a source of moments with a seed that is new each time; pytest shows it when the test fails."""
    seed = int(os.environ.get(SEED) or secrets.randbelow(1 << 32))
    print(f"{SEED}={seed} draws the same moments again")
    return random.Random(seed)
