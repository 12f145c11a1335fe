from __future__ import annotations

import pytest
from dialog_telnyx.testing import kits

from dialog_core.testing.contracts.voip import VoipContract


@pytest.mark.requirement("A.25")
class TestTelnyx(VoipContract):
    kit = kits()[0]
