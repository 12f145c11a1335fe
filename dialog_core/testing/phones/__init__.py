"""The other end of the line, for tests of VoIP plugins: what every pretended carrier and telephone has in common."""

from __future__ import annotations

from dialog_core.testing.phones.agent_buffer import AgentBuffer
from dialog_core.testing.phones.door import PlainDoor, application, drain
from dialog_core.testing.phones.jumble import Jumble
from dialog_core.testing.phones.microphone import Microphone
from dialog_core.testing.phones.phone import Carrier, Echo, Outcome, Phone, Seal
from dialog_core.testing.phones.recording import stereo_wav

__all__ = [
    "AgentBuffer",
    "Carrier",
    "Echo",
    "Jumble",
    "Microphone",
    "Outcome",
    "Phone",
    "PlainDoor",
    "Seal",
    "application",
    "drain",
    "stereo_wav",
]
