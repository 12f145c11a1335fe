"""A shop that writes as a web page would."""

from __future__ import annotations

from collections.abc import AsyncIterator

from dialog_core import Call, Utterance


class Shop:
    """Knows one price."""

    async def reply(self, _turn: Utterance, _call: Call) -> AsyncIterator[str]:
        """Answer with markdown, an amount and a link."""
        yield "It is **$24.99** until 11/21/2026, see [our list](https://shop.example/list)! 🎉"
