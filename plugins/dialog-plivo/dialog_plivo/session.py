from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.routing import BaseRoute, Route, WebSocketRoute

from dialog_core.carriers.answers import Answers, Placed
from dialog_core.carriers.desk import Desk
from dialog_core.carriers.verbs import asking, check_callee, setup_steps
from dialog_core.factory import Services
from dialog_core.line import Ability
from dialog_core.protocols import FrontDoor
from dialog_plivo.callbacks import Webhooks
from dialog_plivo.gate import Gate
from dialog_plivo.line import ABILITIES
from dialog_plivo.media import MediaSocket
from dialog_plivo.rest import PlivoRest
from dialog_plivo.settings import PlivoSettings
from dialog_plivo.webhooks import CallMetadata

__all__ = ["PlivoVoIP"]


class PlivoVoIP:
    """Calls to and from Plivo numbers; see :class:`dialog_core.protocols.VoIP`."""

    def __init__(self, settings: PlivoSettings, services: Services) -> None:
        self._settings = settings
        self._services = services
        self._placed = Placed()

    @property
    def abilities(self) -> frozenset[str]:
        """Placing calls wants a number to show."""
        return ABILITIES | ({Ability.OUTBOUND} if self._settings.dial_from else set())

    def routes(self, door: FrontDoor) -> Sequence[BaseRoute]:
        """Callbacks find their call by its CallUUID, in the process that holds it."""
        settings, observe = self._settings, self._services.observe
        gate = Gate(settings, door, observe)
        desk = Desk("plivo", gate, observe)
        answers = Answers[CallMetadata](door, self._services.clock, desk.note)
        media = MediaSocket(settings, self._services, door, gate, answers)
        hooks = Webhooks(settings, door, desk, answers, self._placed, media.lines)
        both = ["GET", "POST"]
        return (
            Route("/answer", hooks.answer, methods=both),
            Route("/outbound/{id}", hooks.outbound, methods=both),
            WebSocketRoute("/media/{ticket}", media),
            Route("/status", hooks.status, methods=both),
            Route("/recording/{id}", hooks.recording, methods=both),
            Route("/stream-status", hooks.stream_status, methods=both),
            Route("/transfer", hooks.transfer, methods=both),
            Route("/after", hooks.after, methods=both),
        )

    def next_steps(self, base: str) -> Sequence[str]:
        """What to enter in Plivo's console."""
        return setup_steps(
            "Plivo",
            base,
            f"In the Plivo console, make an XML application: Answer URL {base}/answer, Hangup URL {base}/status, POST",
            "Give it to the number",
            "Call the number",
            unsigned=self._settings.allow_unsigned,
        )

    async def dial(self, door: FrontDoor, number: str, metadata: Mapping[str, str]) -> str:
        """Plivo asks what to do with the call when it is answered, and gets the same XML as for one that comes in.

        What is returned is the request's id; the call has another, which its webhooks connect with this one.
        Source: Plivo docs, "Make a call".
        """
        settings = self._settings
        check_callee("plivo", number, shown=settings.dial_from)
        status = door.url(None, "/status")
        answer = door.url(None, f"/outbound/{self._placed.keep(metadata)}")
        body: dict[str, str | int | bool] = {
            "from": settings.dial_from.lstrip("+"),
            "to": number.lstrip("+"),
            "answer_url": answer,
            "answer_method": "POST",
            "fallback_url": answer,
            "fallback_method": "POST",
            "ring_url": status,
            "ring_method": "POST",
            "hangup_url": status,
            "hangup_method": "POST",
            "ring_timeout": settings.dial_timeout,
            "time_limit": settings.dial_limit,
        }
        if settings.machine_detection:
            body["machine_detection"] = settings.machine_detection
        with asking("place a call"):
            return await PlivoRest(settings, self._services).create_call(body)
