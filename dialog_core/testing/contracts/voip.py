"""What every way for calls to arrive must do; see :mod:`dialog_core.testing.contracts` for how a plugin uses it."""

from __future__ import annotations

from dialog_core.testing.contracts.voip_gate import VoipGate
from dialog_core.testing.contracts.voip_kit import Clerk, VoipKit, VoipWorld, open_world
from dialog_core.testing.contracts.voip_media import VoipMedia
from dialog_core.testing.contracts.voip_states import VoipStates
from dialog_core.testing.contracts.voip_verbs import VoipVerbs

__all__ = ["Clerk", "VoipContract", "VoipKit", "VoipWorld", "open_world"]


class VoipContract(VoipGate, VoipMedia, VoipVerbs, VoipStates):
    """The whole contract of :class:`dialog_core.protocols.VoIP` and its lines. Subclasses set `kit`."""
