"""A whole deployment in memory: the minimal example, every vendor pretended, a telephone outside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
from dialog_cartesia.testing import FakeCartesia
from dialog_deepgram.testing import KEY as DEEPGRAM_KEY
from dialog_deepgram.testing import FakeDeepgram
from dialog_openai.testing import KEY as OPENAI_KEY
from dialog_openai.testing import FakeOpenAI
from dialog_together.testing import FakeTogether
from dialog_twilio.testing import Account, FakeTwilio, Phone, place_call

from dialog_core.app import new_app
from dialog_core.factory import Services
from dialog_core.net.app import CallServer
from dialog_core.observe.observations import CallEnded, Observation, StepTaken, Trouble
from dialog_core.settings import load
from dialog_core.testing.vendor import in_memory
from dialog_core.turns.effects import Keep
from dialog_core.turns.records import Record

__all__ = ["MINIMAL", "VOICE", "Vendors", "World", "open_world"]

EXAMPLES = Path(__file__).parents[2] / "contrib" / "examples"
MINIMAL = EXAMPLES / "minimal" / "dialog.toml"
HOST = "voice.example.com"
VOICE = bytes([0x00, 0x80]) * 6400
"""1.6 s of something that is loud, and no voice to a detector that knows voices."""


@attrs.frozen
class Vendors:
    """The pretended vendors."""

    twilio: FakeTwilio = attrs.field(factory=lambda: FakeTwilio(Account()))
    deepgram: FakeDeepgram = attrs.field(factory=FakeDeepgram)
    openai: FakeOpenAI = attrs.field(factory=FakeOpenAI)
    cartesia: FakeCartesia = attrs.field(factory=FakeCartesia)
    together: FakeTogether = attrs.field(factory=FakeTogether)
    environment: Mapping[str, str] = attrs.field(factory=dict)
    """More variables, or others."""

    @property
    def apps(self) -> dict[str, Any]:
        """Each vendor at its own address."""
        return {
            "api.twilio.com": self.twilio,
            "api.deepgram.com": self.deepgram.app,
            "api.openai.com": self.openai.app,
            "api.cartesia.ai": self.cartesia,
            "api.together.ai": self.together.app,
        }

    @property
    def environ(self) -> dict[str, str]:
        """What the examples' settings files look up."""
        return {
            "PUBLIC_URL": f"https://{HOST}",
            "TWILIO_ACCOUNT_SID": self.twilio.account.sid,
            "TWILIO_AUTH_TOKEN": self.twilio.account.token,
            "DEEPGRAM_API_KEY": DEEPGRAM_KEY,
            "OPENAI_API_KEY": OPENAI_KEY,
            "CARTESIA_API_KEY": self.cartesia.api_key,
            **self.environment,
        }


@attrs.define
class World:
    """What a test sees and uses."""

    vendors: Vendors
    server: CallServer
    outside: Services
    observed: list[Observation]
    agent: str = "reception"

    def call(self, **options: Any) -> AbstractAsyncContextManager[Phone]:
        """Place a call; see :func:`place_call` for the options."""
        url = f"https://{HOST}/{self.agent}/twilio/voice"
        return place_call(self.outside, url, twilio=self.vendors.twilio, **options)

    @property
    def records(self) -> list[Record]:
        """What became true, in order."""
        steps = (seen for seen in self.observed if isinstance(seen, StepTaken))
        return [
            effect.record for step in steps for effect in step.effects if isinstance(effect, Keep)
        ]

    @property
    def troubles(self) -> list[Trouble]:
        """What failed or was refused."""
        return [seen for seen in self.observed if isinstance(seen, Trouble)]

    @property
    def endings(self) -> list[str]:
        """Why calls ended."""
        return [seen.reason for seen in self.observed if isinstance(seen, CallEnded)]


@asynccontextmanager
async def open_world(
    vendors: Vendors | None = None,
    *,
    file: Path = MINIMAL,
    agent: str = "reception",
    overrides: Sequence[tuple[str, object]] = (),
    vad: str | None = "energy",
) -> AsyncIterator[World]:
    """Start the server of a settings file and everything around it.

    vad: the voice detector, which is to find :data:`VOICE`; None for what the file says.
    """
    cast = vendors if vendors is not None else Vendors()
    heard_by = [] if vad is None else [(f"agents.{agent}.vad", vad)]
    settings = load(file, environ=cast.environ, overrides=[*heard_by, *overrides])
    observed: list[Observation] = []
    async with in_memory(cast.apps) as services:
        server = new_app(settings, services=services, observe=observed.append)
        async with in_memory({**cast.apps, HOST: server}) as outside, server.running():
            yield World(cast, server, outside, observed, agent)
