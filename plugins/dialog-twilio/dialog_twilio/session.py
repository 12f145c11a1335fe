from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import BaseRoute, Route, WebSocketRoute

from dialog_core.factory import Services
from dialog_core.protocols import FrontDoor
from dialog_twilio.answers import Answers
from dialog_twilio.callbacks import Webhooks
from dialog_twilio.gate import Gate
from dialog_twilio.media import MediaSocket
from dialog_twilio.settings import TwilioSettings

__all__ = ["TwilioVoIP"]


class TwilioVoIP:
    """Calls to Twilio numbers; see :class:`dialog_core.protocols.VoIP`."""

    def __init__(self, settings: TwilioSettings, services: Services) -> None:
        self._settings = settings
        self._services = services

    def routes(self, door: FrontDoor) -> Sequence[BaseRoute]:
        """Callbacks find their call by its CallSid, in the process that holds it."""
        answers = Answers()
        gate = Gate(self._settings, door, self._services.observe)
        media = MediaSocket(self._settings, self._services, door, gate, answers)
        hooks = Webhooks(self._settings, self._services, door, gate, answers, media.lines)
        both = ["GET", "POST"]
        return (
            Route("/voice", hooks.voice, methods=both),
            WebSocketRoute("/media/{ticket}", media),
            Route("/recording/{id}", hooks.recording, methods=both),
            Route("/transcription/{id}", hooks.transcription, methods=both),
            Route("/stream-status", hooks.stream_status, methods=both),
            Route("/after", hooks.after, methods=both),
        )

    def next_steps(self, base: str) -> Sequence[str]:
        """What to enter in Twilio's console."""
        steps = [
            f'In the Twilio console, set the number\'s "A call comes in" to: Webhook, {base}/voice, HTTP POST',
            "Call the number",
        ]
        if not base.startswith("https://"):
            steps.insert(
                0, "Twilio wants https and wss: put a TLS proxy or a tunnel before this server"
            )
        if self._settings.allow_unsigned:
            steps.insert(
                0, "DANGER: allow_unsigned is set, so anybody can place calls on this server"
            )
        return steps
