"""How much is simulated, and from which seed: from the environment, so that a long night differs only in amounts."""

from __future__ import annotations

import os
import random

__all__ = ["CALLS", "FRESH_SEED", "TURNS"]

CALLS = int(os.environ.get("DIALOG_SIMULATED_CALLS", "600"))
TURNS = int(os.environ.get("DIALOG_SIMULATED_TURNS", "20000"))
FRESH_SEED = int(os.environ.get("DIALOG_SEED", random.SystemRandom().randrange(1, 10**9)))
"""Where the seeds begin that no run has had before; printed with every failure."""
