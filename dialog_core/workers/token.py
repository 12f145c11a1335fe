"""Call tickets: a signed note from the webhook that answered a call to the media socket that carries it.

Whichever process gets the socket can check the note, so none needs to remember the call. A ticket is::

    base64url( json [call, agent, expires, nonce] ) "." base64url( HMAC-SHA256 over the part before the dot )

It is not secret (the carrier sees it), it cannot be forged, and it is worth nothing after `expires`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json

import attrs

from dialog_core.errors import TicketError

__all__ = ["Ticket", "sign", "verify"]


@attrs.frozen
class Ticket:
    """What a ticket says."""

    call: str
    agent: str
    expires: float
    """Seconds since 1970."""
    nonce: str
    """Makes each ticket different, so that it can be used up."""


def sign(ticket: Ticket, *, key: bytes) -> str:
    """The ticket as text that is safe in a URL's path."""
    note = [ticket.call, ticket.agent, ticket.expires, ticket.nonce]
    body = encode(json.dumps(note, separators=(",", ":")).encode())
    return f"{body}.{encode(seal(body, key))}"


def verify(text: str, *, agent: str, now: float, key: bytes) -> Ticket:
    """Read and check a ticket for this agent. Raises: TicketError."""
    body, _, signature = text.partition(".")
    if not hmac.compare_digest(encode(seal(body, key)).encode(), signature.encode()):
        raise TicketError("ticket is forged, or signed with another key")
    try:
        call, issued_to, expires, nonce = json.loads(decode(body))
    except (ValueError, binascii.Error) as error:
        raise TicketError("ticket is signed but not readable") from error
    if issued_to != agent:
        raise TicketError(f"ticket belongs to another agent than {agent!r}")
    if expires <= now:
        raise TicketError(f"ticket expired {now - expires:.0f} s ago")
    return Ticket(call, issued_to, expires, nonce)


def seal(body: str, key: bytes) -> bytes:
    """HMAC-SHA256 of the body."""
    return hmac.digest(key, body.encode(), hashlib.sha256)


def encode(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
