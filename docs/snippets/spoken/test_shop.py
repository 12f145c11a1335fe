"""What the voice is given, and what the history keeps."""

from __future__ import annotations

import pytest
from shop import Shop

from dialog_core.testing.calls import in_call
from dialog_core.testing.fakes import FakeTts
from dialog_core.testing.line import FakeLine

pytestmark = pytest.mark.anyio


async def test_the_voice_is_given_words_and_the_history_keeps_what_was_written() -> None:
    line, tts = FakeLine(), FakeTts()
    async with in_call(line, Shop(), tts=tts) as call:
        await line.say("What does it cost?")
        await line.listen()
    assert "".join(segment.text for segment in tts.spoken).strip() == (
        "It is twenty-four dollars and ninety-nine cents until "
        "November twenty-first, twenty twenty-six, see our list!"
    )
    assert call.history.heard() == (
        "It is **$24.99** until 11/21/2026, see [our list](https://shop.example/list)! 🎉"
    )
