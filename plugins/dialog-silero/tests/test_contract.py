from __future__ import annotations

import pytest
from dialog_silero.testing import kits

from dialog_core.testing.contracts import BargeInContract, EndpointerContract, VadContract

NARROW, WIDE, ENDPOINTER, BARGE_IN = kits()


@pytest.mark.models
class TestAt8000(VadContract):
    kit = NARROW


@pytest.mark.models
class TestAt16000(VadContract):
    kit = WIDE


class TestEndpointer(EndpointerContract):
    kit = ENDPOINTER


class TestBargeIn(BargeInContract):
    kit = BARGE_IN
