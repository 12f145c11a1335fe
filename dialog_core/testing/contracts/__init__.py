"""The conformance kit: what every component of a kind must do, as pytest classes that a plugin subclasses.

::

    from dialog_acme.testing import kits
    from dialog_core.testing.contracts import SttContract

    class TestAcme(SttContract):
        kit = kits()[0]
"""

from __future__ import annotations

# ruff: noqa: E402 - pytest rewrites the assertions only of modules that it knows of before they are imported
import pkgutil

import pytest

pytest.register_assert_rewrite(
    *(f"{__name__}.{each.name}" for each in pkgutil.iter_modules(__path__))
)

from dialog_core.testing.contracts.barge_in import BargeInContract
from dialog_core.testing.contracts.component import build, choose
from dialog_core.testing.contracts.door import Door, Failure
from dialog_core.testing.contracts.endpointer import EndpointerContract
from dialog_core.testing.contracts.kit import (
    FORMATS,
    Answer,
    Kit,
    LlmAbility,
    LlmKit,
    LlmVendor,
    SttAbility,
    SttKit,
    SttVendor,
    TtsAbility,
    TtsKit,
    TtsVendor,
)
from dialog_core.testing.contracts.llm import LlmContract
from dialog_core.testing.contracts.policy_kit import (
    BargeInAbility,
    BargeInKit,
    EndpointerAbility,
    EndpointerKit,
    VadAbility,
    VadKit,
)
from dialog_core.testing.contracts.stt import SttContract
from dialog_core.testing.contracts.tts import TtsContract
from dialog_core.testing.contracts.vad import VadContract
from dialog_core.testing.contracts.voip import VoipContract, VoipKit

__all__ = [
    "FORMATS",
    "Answer",
    "BargeInAbility",
    "BargeInContract",
    "BargeInKit",
    "Door",
    "EndpointerAbility",
    "EndpointerContract",
    "EndpointerKit",
    "Failure",
    "Kit",
    "LlmAbility",
    "LlmContract",
    "LlmKit",
    "LlmVendor",
    "SttAbility",
    "SttContract",
    "SttKit",
    "SttVendor",
    "TtsAbility",
    "TtsContract",
    "TtsKit",
    "TtsVendor",
    "VadAbility",
    "VadContract",
    "VadKit",
    "VoipContract",
    "VoipKit",
    "build",
    "choose",
]
