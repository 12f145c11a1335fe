"""The model's file, which does not come with the package."""

from __future__ import annotations

from dialog_core.models import ModelSet

__all__ = ["FILE", "SMART_TURN"]

FILE = "smart-turn-v3.2-cpu.onnx"
SMART_TURN = ModelSet(
    name="smart-turn-v3.2",
    requirement="pipecat-ai==1.14.0",
    platform="any",
    inside="pipecat/audio/turn/smart_turn/data",
    files={FILE: "2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f"},
    licence="BSD-2-Clause",
)
