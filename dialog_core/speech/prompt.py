"""From the history to what a language model is given (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dialog_core.messages import Message, Prompt, Role, ToolSpec
from dialog_core.speech.history import Entry, History

__all__ = ["CUT", "new_prompt"]

CUT = " —"
"""Stands behind what was heard of a reply that the caller interrupted."""


def new_prompt(
    instructions: str, history: History, *, limit: int = 40, tools: Sequence[ToolSpec] = ()
) -> Prompt:
    """The instructions and the latest entries of the conversation.

    limit: how many messages of the conversation at most, the instructions not counted. Tool results are never parted
    from the calls they answer: an entry goes in whole or not at all.
    """
    groups = [tuple(messages_of(entry)) for entry in history.entries]
    kept: list[tuple[Message, ...]] = []
    count = 0
    for group in reversed(groups):
        if count + len(group) > limit:
            break
        kept.append(group)
        count += len(group)
    conversation = tuple(message for group in reversed(kept) for message in group)
    system = (Message(Role.SYSTEM, instructions),) if instructions else ()
    return Prompt((*system, *conversation), tuple(tools))


def messages_of(entry: Entry) -> Iterator[Message]:
    """An entry as the messages of a prompt: tool calls and results first, then what was heard."""
    yield from entry.messages
    if entry.text:
        yield Message(entry.role, entry.text + (CUT if entry.cut else ""))
