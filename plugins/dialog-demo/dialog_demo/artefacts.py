"""What a demo leaves behind: a folder with the recording, the transcript and the picture."""

from __future__ import annotations

from pathlib import Path

from dialog_twilio.testing import stereo_wav

from dialog_demo.conversation import Conversation
from dialog_demo.goal import Check
from dialog_demo.take import Take
from dialog_demo.transcript import as_json, as_text

__all__ = ["FILES", "leave"]

FILES = {
    "recording.wav": "both sides: the caller left, the agent right",
    "transcript.txt": "to read",
    "transcript.json": "to compute with: words, times, latencies, checks",
    "timeline.png": "the call at a glance",
    "timeline.svg": "the same, to zoom into",
}
"""Name and content of each file."""


def leave(folder: Path, take: Take, talk: Conversation, checks: tuple[Check, ...]) -> None:
    """Write every file, replacing those of an earlier demo. Raises: OSError."""
    from dialog_demo.picture import draw, save  # noqa: PLC0415 - a second of imports, which can wait until the call is over

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recording.wav").write_bytes(stereo_wav(take.caller, take.agent))
    (folder / "transcript.json").write_text(as_json(take, talk, checks), "utf-8")
    (folder / "transcript.txt").write_text(as_text(take, talk), "utf-8")
    save(draw(take, talk, checks), folder / "timeline.png", folder / "timeline.svg")
