from __future__ import annotations

from dialog_smart_turn.testing import kits

from dialog_core.testing.contracts import EndpointerContract

(KIT,) = kits()


class TestEndpointer(EndpointerContract):
    kit = KIT
