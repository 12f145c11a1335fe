from __future__ import annotations

import pytest
from dialog_telnyx.signature import is_signed, sign
from hypothesis import given
from hypothesis import strategies as st

PUBLIC = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
SEED = bytes(range(32))
BODY = (
    b'{"data":{"event_type":"call.initiated","id":"0f0e0d0c-0000-4000-8000-000000000001",'
    b'"payload":{"call_control_id":"v3:fake-call-control-id","direction":"incoming",'
    b'"from":"+15550001111","to":"+15550002222"},"record_type":"event"}}'
)
SIGNATURE = (
    "DhnXBC/G/3BTpFsTwJgwX/KdOfVG+4PCPqbw0cTUBnkegwkBYAhdMJSWsoY/pCtuCdC7HrO2HqNAI5yfCcaCAA=="
)
SIGNED_AT = 1760000000


def check(
    body: bytes = BODY,
    *,
    key: str = PUBLIC,
    signature: str = SIGNATURE,
    timestamp: str = str(SIGNED_AT),
    now: float = SIGNED_AT + 100,
) -> bool:
    return is_signed(key, body, signature=signature, timestamp=timestamp, now=now, tolerance=300.0)


@pytest.mark.requirement("A.25")
def test_a_webhook_of_telnyx_is_signed() -> None:
    assert check()
    assert sign(SEED, BODY, SIGNED_AT) == SIGNATURE


@pytest.mark.requirement("A.25")
def test_nothing_else_is() -> None:
    assert not check(BODY + b" ")
    assert not check(BODY.replace(b'":"', b'": "'))
    assert not check(now=SIGNED_AT + 301)
    assert not check(now=SIGNED_AT - 301)
    assert not check(timestamp=str(SIGNED_AT + 1))
    assert not check(signature="")
    assert not check(signature="AAAA")
    assert not check(signature="no base64!")
    assert not check(timestamp="")
    assert not check(timestamp="1.76e9")
    assert not check(timestamp="9" * 400)
    assert not check(key="")
    assert not check(key="AAAA")


@given(st.binary(max_size=200), st.integers(0, 2**32), st.integers(0, 199))
def test_what_is_signed_is_read_and_any_other_byte_is_not(body: bytes, at: int, where: int) -> None:
    signature = sign(SEED, body, at)
    assert check(body, signature=signature, timestamp=str(at), now=at)
    if body:
        place = where % len(body)
        other = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        assert not check(other, signature=signature, timestamp=str(at), now=at)
