from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.routing import BaseRoute, Route, WebSocketRoute

from dialog_core.carriers.answers import Answers, Placed
from dialog_core.carriers.desk import Desk
from dialog_core.carriers.verbs import asking, check_callee, setup_steps
from dialog_core.factory import Services
from dialog_core.line import Ability
from dialog_core.protocols import FrontDoor
from dialog_twilio.callbacks import Webhooks
from dialog_twilio.gate import Gate
from dialog_twilio.line import ABILITIES
from dialog_twilio.media import MediaSocket
from dialog_twilio.rest import TwilioRest
from dialog_twilio.settings import TwilioSettings
from dialog_twilio.webhooks import CallMetadata

__all__ = ["TwilioVoIP"]


class TwilioVoIP:
    """Calls to and from Twilio numbers; see :class:`dialog_core.protocols.VoIP`."""

    def __init__(self, settings: TwilioSettings, services: Services) -> None:
        self._settings = settings
        self._services = services
        self._placed = Placed()

    @property
    def abilities(self) -> frozenset[str]:
        """Placing calls wants a number to show."""
        return ABILITIES | ({Ability.OUTBOUND} if self._settings.dial_from else set())

    def routes(self, door: FrontDoor) -> Sequence[BaseRoute]:
        """Callbacks find their call by its CallSid, in the process that holds it."""
        settings, observe = self._settings, self._services.observe
        gate = Gate(settings, door, observe)
        desk = Desk("twilio", gate, observe)
        answers = Answers[CallMetadata](door, self._services.clock, desk.note)
        media = MediaSocket(settings, self._services, door, gate, answers)
        hooks = Webhooks(settings, door, desk, answers, self._placed, media.lines)
        both = ["GET", "POST"]
        return (
            Route("/voice", hooks.voice, methods=both),
            Route("/outbound/{id}", hooks.outbound, methods=both),
            WebSocketRoute("/media/{ticket}", media),
            Route("/status", hooks.status, methods=both),
            Route("/recording/{id}", hooks.recording, methods=both),
            Route("/transcription/{id}", hooks.transcription, methods=both),
            Route("/stream-status", hooks.stream_status, methods=both),
            Route("/after", hooks.after, methods=both),
        )

    def next_steps(self, base: str) -> Sequence[str]:
        """What to enter in Twilio's console."""
        return setup_steps(
            "Twilio",
            base,
            f'In the Twilio console, set the number\'s "A call comes in" to: Webhook, {base}/voice, HTTP POST',
            "Call the number",
            unsigned=self._settings.allow_unsigned,
        )

    async def dial(self, door: FrontDoor, number: str, metadata: Mapping[str, str]) -> str:
        """Twilio asks what to do with the call when it is answered, and gets the same TwiML as for one that comes in.

        Source: Twilio docs, "Call resource", section Create a Call.
        """
        settings = self._settings
        check_callee("twilio", number, shown=settings.dial_from)
        reference = self._placed.keep(metadata)
        form = {
            "To": number,
            "From": settings.dial_from,
            "Url": door.url(None, f"/outbound/{reference}"),
            "Method": "POST",
            "StatusCallback": door.url(None, "/status"),
            "StatusCallbackMethod": "POST",
            "StatusCallbackEvent": ["initiated", "ringing", "answered", "completed"],
            "Timeout": str(settings.dial_timeout),
        }
        with asking("place a call"):
            return await TwilioRest(settings, self._services).place_call(form)
