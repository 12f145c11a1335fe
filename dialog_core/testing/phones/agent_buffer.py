from __future__ import annotations

from collections import deque
from itertools import takewhile

__all__ = ["RATE", "AgentBuffer"]

RATE = 8000
SILENT = b"\xff\x7f"
"""Zero, in mu-law, from both sides."""
LONGEST = 600.0
"""Seconds of unplayed audio, ten minutes; a carrier throws away what comes then."""


class AgentBuffer:
    """What a carrier holds of the agent's audio, and what the caller heard of it. Pure: `now` is an argument.

    The buffer is a timeline, not a queue that somebody empties: audio that arrives at `now` plays from the end of what
    came before, or from now. So the played position needs no task, and is exact. All positions are samples at 8 kHz
    on the caller's audio clock.
    """

    def __init__(self, *, keep: bool = True, longest: float = LONGEST) -> None:
        """keep: whether to remember what was played. longest: seconds of unplayed audio that are held."""
        self.end = 0
        """Where the last audio ends that was not cleared."""
        self.sounds_until = 0
        """The same without digital silence at its end."""
        self._pieces: list[tuple[int, bytes]] = []
        self._marks: deque[tuple[int, str]] = deque()
        self._keep = keep
        self._longest = round(longest * RATE)

    def push(self, audio: bytes, now: int) -> bool:
        """Queue audio; False if it was thrown away because too much waits already."""
        start = max(self.end, now)
        if start - now + len(audio) > self._longest:
            return False
        if not self._keep:
            self._pieces = [piece for piece in self._pieces if piece[0] + len(piece[1]) > now]
        self._pieces.append((start, audio))
        self.end = start + len(audio)
        if sound := len(audio.rstrip(SILENT)):
            self.sounds_until = start + sound
        return True

    def mark(self, name: str, now: int) -> None:
        """Queue a mark; with nothing before it, it is due at once."""
        self._marks.append((max(self.end, now), name))

    def next_mark(self) -> int | None:
        """Where the next mark is due."""
        return self._marks[0][0] if self._marks else None

    def due(self, now: int) -> list[str]:
        """Take the marks whose audio has been played."""
        names = [name for _, name in takewhile(lambda mark: mark[0] <= now, self._marks)]
        for _ in names:
            self._marks.popleft()
        return names

    def clear(self, now: int) -> list[str]:
        """Throw away what has not been played; returns all pending marks."""
        self._pieces = list(self._until(now))
        self.end = min(self.end, now)
        self.sounds_until = min(self.sounds_until, now)
        names = [name for _, name in self._marks]
        self._marks.clear()
        return names

    def played(self, now: int) -> list[tuple[int, bytes]]:
        """What the caller has heard: (first sample, mu-law audio), in order."""
        return list(self._until(now))

    def track(self, now: int) -> bytes:
        """The agent's side as one mu-law track of `now` samples, with silence between."""
        track = bytearray(b"\xff" * now)
        for start, audio in self._until(now):
            track[start : start + len(audio)] = audio
        return bytes(track)

    def _until(self, now: int) -> list[tuple[int, bytes]]:
        return [(start, audio[: now - start]) for start, audio in self._pieces if start < now]
