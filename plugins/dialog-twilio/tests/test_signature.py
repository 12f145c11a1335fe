from __future__ import annotations

import pytest
from dialog_twilio.signature import addresses, algorithm_of, body_matches, is_signed, sign

TOKEN = "twilio_fake_auth_token_0001"
VOICE = "https://voice.example.com/twilio/voice?tenant=42"
MEDIA = "wss://voice.example.com/twilio/media"
FORM = [
    ("CallSid", "CA00000000000000000000000000000001"),
    ("AccountSid", "AC00000000000000000000000000000001"),
    ("From", "+15550001111"),
    ("To", "+15550002222"),
    ("CallStatus", "ringing"),
    ("Direction", "inbound"),
    ("ApiVersion", "2010-04-01"),
    ("CallerCity", "SAN JOSÉ"),
    ("StirVerstat", ""),
]
BODY = b'{"event":"transcription","callSid":"CA00000000000000000000000000000001"}'
HASH = "0ee7467f218cc58e0105301758bbd65f1b0621d258565b5b7a20e8710053916e"
JSON = f"https://voice.example.com/twilio/json?bodySHA256={HASH}"

pytestmark = pytest.mark.requirement("A.15")


def test_a_form_is_signed_with_its_address_and_every_field() -> None:
    assert sign(TOKEN, VOICE, FORM) == "B1bfwGiEL5fE6GLv23hRO8Kd4ko="
    signature = "EyPSXsBCmQ8kz9jHOm/z5lowgrpUtZSQuEm2nLrlhCE="
    assert sign(TOKEN, VOICE, FORM, algorithm="HMAC_SHA256") == signature


@pytest.mark.parametrize(
    "signature", ["B1bfwGiEL5fE6GLv23hRO8Kd4ko=", "N4vhudgJjwSx8EwOFjsP363UidE="]
)
def test_the_default_port_may_be_signed_or_not(signature: str) -> None:
    assert is_signed(TOKEN, VOICE, FORM, signature)
    assert is_signed(TOKEN, VOICE.replace(".com", ".com:443"), reversed(FORM), signature)


@pytest.mark.parametrize("index", range(len(FORM)))
def test_any_changed_field_breaks_the_signature(index: int) -> None:
    name, value = FORM[index]
    changed = [*FORM[:index], (name, value + "x"), *FORM[index + 1 :]]
    assert not is_signed(TOKEN, VOICE, changed, "B1bfwGiEL5fE6GLv23hRO8Kd4ko=")


def test_a_json_body_is_bound_to_the_address_by_its_hash() -> None:
    assert is_signed(TOKEN, JSON, (), "duwZD86AHXy+hRJwFA6TFnk6ts8=")
    assert body_matches(JSON, BODY)
    assert not body_matches(JSON, BODY + b" ")
    assert not body_matches("https://voice.example.com/twilio/json", BODY)


def test_an_upgrade_is_signed_with_the_wss_address() -> None:
    assert is_signed(TOKEN, MEDIA, (), "ohXiDtmPGraP5emsResmfsw1ahw=")
    assert is_signed(TOKEN, MEDIA, (), "fl7/56TNzMKItv+zTzSGlIiEZs0=")
    assert not is_signed(TOKEN, MEDIA.replace("wss", "https"), (), "ohXiDtmPGraP5emsResmfsw1ahw=")
    assert not is_signed(TOKEN, MEDIA + "/", (), "ohXiDtmPGraP5emsResmfsw1ahw=")
    assert is_signed(TOKEN, MEDIA + "/", (), "0LelNuCK0VfzBFq1HWpxAhWXjAM=")


@pytest.mark.parametrize("signature", ["", "é", "B1bfwGiEL5fE6GLv23hRO8Kd4k", "=" * 28])
def test_nonsense_is_not_a_signature(signature: str) -> None:
    assert not is_signed(TOKEN, VOICE, FORM, signature)


def test_the_algorithm_comes_from_the_header_and_an_unknown_one_is_refused() -> None:
    assert algorithm_of("") == "HMAC_SHA1"
    assert algorithm_of("key=k1") == "HMAC_SHA1"
    assert algorithm_of("key=k1, algorithm=hmac_sha256") == "HMAC_SHA256"
    unknown = algorithm_of("algorithm=NONE")
    assert not is_signed(TOKEN, VOICE, FORM, "B1bfwGiEL5fE6GLv23hRO8Kd4ko=", algorithm=unknown)


def test_repeated_fields_count_once_for_each_value_in_order() -> None:
    once = [("a", "2"), ("a", "1")]
    assert sign(TOKEN, VOICE, [*once, ("a", "2")]) == sign(TOKEN, VOICE, sorted(once))


def test_the_address_as_configured_is_tried_first() -> None:
    assert addresses("https://h:8443/a?b=c") == (
        "https://h:8443/a?b=c",
        "https://h/a?b=c",
        "https://h:443/a?b=c",
    )
    assert addresses("ws://h/a") == ("ws://h/a", "ws://h:80/a")
