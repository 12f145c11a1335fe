"""The conformance kit: what every component of a kind must do, as pytest classes that a plugin subclasses.

::

    from dialog_acme.testing import kits
    from dialog_core.testing.contracts import SttContract

    class TestAcme(SttContract):
        kit = kits()[0]
"""

from __future__ import annotations

from dialog_core.testing.contracts.component import build, choose
from dialog_core.testing.contracts.door import Door, Failure
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

__all__ = [
    "FORMATS",
    "Answer",
    "Door",
    "Failure",
    "Kit",
    "LlmAbility",
    "LlmKit",
    "LlmVendor",
    "SttAbility",
    "SttKit",
    "SttVendor",
    "TtsAbility",
    "TtsKit",
    "TtsVendor",
    "build",
    "choose",
]
