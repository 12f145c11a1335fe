"""The conversation as a value: what the caller said, and what they heard (pure).

What the assistant said is what the playout ledger confirms, never what was generated. A turn that was taken back
leaves; it returns with the words that followed.
"""

from __future__ import annotations

import attrs

from dialog_core.messages import Message, Role, Utterance

__all__ = ["Entry", "History"]


@attrs.frozen
class Entry:
    """One contribution to the conversation."""

    role: Role
    text: str
    at: float
    """Seconds since the call began."""
    reply: int | None = None
    """Which reply, on the assistant's entries."""
    cut: bool = False
    """The caller interrupted it, or it broke off: `text` is what was heard before."""
    utterance: Utterance | None = None
    """The recognised turn, on the caller's entries."""
    messages: tuple[Message, ...] = ()
    """What went on inside a reply besides speech: tool calls and their results."""


@attrs.frozen
class History:
    """All entries, oldest first."""

    entries: tuple[Entry, ...] = ()

    def asked(self, utterance: Utterance, at: float) -> History:
        """The caller finished a turn."""
        return self.noted(Entry(Role.USER, utterance.text, at, utterance=utterance))

    def noted(self, entry: Entry) -> History:
        """Add an entry of any role."""
        return History((*self.entries, entry))

    def said(self, reply: int, heard: str, *, at: float, cut: bool = False) -> History:
        """What the caller has heard of a reply so far; replaces what was known of it."""
        kept = [entry for entry in self.entries if entry.reply == reply]
        messages = kept[0].messages if kept else ()
        entry = Entry(Role.ASSISTANT, heard, kept[0].at if kept else at, reply, cut, None, messages)
        if kept:
            return History(tuple(entry if old.reply == reply else old for old in self.entries))
        return self.noted(entry) if heard or messages else self

    def did(self, reply: int, *messages: Message, at: float) -> History:
        """A reply called tools: the calls and their results."""
        for index, old in enumerate(self.entries):
            if old.reply == reply:
                entry = attrs.evolve(old, messages=(*old.messages, *messages))
                return History((*self.entries[:index], entry, *self.entries[index + 1 :]))
        return self.noted(Entry(Role.ASSISTANT, "", at, reply, messages=messages))

    def taken_back(self) -> History:
        """The caller's latest turn is open again."""
        for index in range(len(self.entries) - 1, -1, -1):
            if self.entries[index].role is Role.USER:
                return History(self.entries[:index] + self.entries[index + 1 :])
        return self

    def labelled(self, before: Utterance, after: Utterance) -> History:
        """The caller's turn with the speakers of its words filled in; unchanged if it was taken back meanwhile."""
        return History(
            tuple(
                attrs.evolve(entry, utterance=after) if entry.utterance is before else entry
                for entry in self.entries
            )
        )

    def heard(self) -> str:
        """All that the assistant said, as heard, one entry a line."""
        return "\n".join(entry.text for entry in self.entries if entry.role is Role.ASSISTANT)
