"""The server that is measured, as ``dialogctl serve`` runs it, alone on one core.

``python -m contrib.bench.server CORE FILE`` prints its address. At each line on its input it collects garbage and
prints what it still holds: blocks of memory in use, and objects that belong to calls.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
from collections import Counter
from pathlib import Path

from dialog_core.app import serve
from dialog_core.settings import load

__all__ = ["main"]

OF_CALLS = frozenset({"CallRun", "TurnLoop", "Ledger", "TwilioLine", "ClientSocket", "Slot"})


def held() -> dict[str, object]:
    """What is left after collecting garbage. Runs beside the loop, so only while no call is up."""
    gc.collect()
    names = (type(each).__name__ for each in gc.get_objects())
    objects = Counter(name for name in names if name in OF_CALLS)
    return {"blocks": sys.getallocatedblocks(), "objects": objects}


def answer() -> None:
    """Answer the lines on the input; its end ends the process."""
    for _ in sys.stdin:
        print(json.dumps(held()), flush=True)
    os.kill(os.getpid(), 15)


def main() -> None:
    """Serve."""
    core, file = sys.argv[1:]
    os.sched_setaffinity(0, {int(core)})
    threading.Thread(target=answer, daemon=True).start()
    serve(load(Path(file)), ready=lambda url: print(json.dumps({"url": url}), flush=True))


if __name__ == "__main__":
    main()
