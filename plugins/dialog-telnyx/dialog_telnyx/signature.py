"""Who sent a webhook: Ed25519 over its time and its body.

Source: Telnyx docs, "Receiving Webhooks for Programmable Voice", section on signatures.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

__all__ = ["SIGNATURE_HEADER", "TIMESTAMP_HEADER", "is_signed", "sign"]

SIGNATURE_HEADER = "telnyx-signature-ed25519"
TIMESTAMP_HEADER = "telnyx-timestamp"
SIGNATURE_BYTES = 64
DIGITS_MOST = 12


def is_signed(
    public_key: str, body: bytes, *, signature: str, timestamp: str, now: float, tolerance: float
) -> bool:
    """Whether a raw body was signed by the holder of the key, at most `tolerance` seconds before or after `now`.

    public_key, signature: base64. timestamp, now: seconds since 1970.
    """
    if not timestamp.isdecimal() or len(timestamp) > DIGITS_MOST:
        return False
    if abs(now - int(timestamp)) > tolerance:
        return False
    try:
        given = b64decode(signature, validate=True)
        key = VerifyKey(b64decode(public_key))
    except (binascii.Error, ValueError):
        return False
    if len(given) != SIGNATURE_BYTES:
        return False
    try:
        key.verify(timestamp.encode() + b"|" + body, given)
    except BadSignatureError:
        return False
    return True


def sign(seed: bytes, body: bytes, timestamp: int) -> str:
    """The signature of a body as Telnyx makes it; for pretended carriers. seed: 32 bytes."""
    signed = SigningKey(seed).sign(f"{timestamp}|".encode() + body)
    return b64encode(signed.signature).decode()
