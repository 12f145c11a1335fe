from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar
from urllib.parse import parse_qsl

import attrs
from starlette.requests import Request
from starlette.responses import Response

from dialog_core.errors import ProviderProtocolError
from dialog_core.observe.observations import Observation, Trouble

__all__ = [
    "DONE",
    "REFUSED",
    "UNKNOWN",
    "UNREADABLE",
    "Desk",
    "Fields",
    "Gate",
    "Pairs",
    "read_pairs",
]

T = TypeVar("T")
FIELDS_MOST = 200

Fields = Mapping[str, str]
Pairs = Sequence[tuple[str, str]]


class Gate(Protocol):
    """Lets in what a carrier signed."""

    async def read(self, request: Request, path: str) -> Fields | None:
        """The fields of a webhook; None, and noted, if it must be refused. path: of its route."""
        ...


@attrs.frozen
class Desk:
    """Where a carrier's forms are taken: each is checked before anything else, read, and then acted on."""

    carrier: str
    gate: Gate
    observe: Callable[[Observation], None]

    async def take(
        self,
        request: Request,
        path: str,
        read: Callable[[Fields], T],
        act: Callable[[T], Response | None],
    ) -> Response:
        """Answer one webhook: 403 if the gate refuses it, 400 if `read` cannot read it, 204 unless `act` answers."""
        fields = await self.gate.read(request, path)
        if fields is None:
            return REFUSED
        try:
            told = read(fields)
        except ProviderProtocolError as error:
            self.note("", "a webhook cannot be read", str(error))
            return UNREADABLE
        return act(told) or DONE

    def is_for(self, callback_id: str | None, request: Request, call: str) -> bool:
        """Whether a callback came to the address that was made for a live call; noted if not.

        callback_id: the address's last part, which nobody can guess; None if the call is not here.
        """
        given = request.path_params["id"].encode()
        if callback_id is not None and secrets.compare_digest(callback_id.encode(), given):
            return True
        self.note(call, "a callback came for a call that is not here", "")
        return False

    def note(self, call: str, what: str, detail: str) -> None:
        """Record a trouble with a webhook."""
        self.observe(Trouble(call, f"{self.carrier}.webhook", what, detail))


def read_pairs(form: str) -> Pairs | None:
    """A form's names and values, blanks kept; None if it has absurdly many."""
    try:
        return parse_qsl(form, keep_blank_values=True, max_num_fields=FIELDS_MOST)
    except ValueError:
        return None


REFUSED = Response(status_code=403)
UNREADABLE = Response(status_code=400)
UNKNOWN = Response(status_code=404)
DONE = Response(status_code=204)
