from __future__ import annotations

import pytest
from dialog_plivo.signature import is_signed, sign, upgrade_addresses

TOKEN = "plivo_fake_auth_token_0001"
NONCE = "12345678901234567890"
ANSWER = "https://voice.example.com/plivo/answer"
MEDIA = "wss://voice.example.com/plivo/media"
FORM = [
    ("CallUUID", "aaaaaaaa-0000-4000-8000-000000000001"),
    ("From", "15550001111"),
    ("To", "15550002222"),
    ("CallStatus", "ringing"),
    ("Direction", "inbound"),
    ("Event", "StartApp"),
]
BARE = "nHuBgK6pyFbjk3eSsKmQeWQS6eCED0N5RBweoOK+Uw8="

Pairs = list[tuple[str, str]]


@pytest.mark.parametrize(
    ("method", "url", "form", "signature"),
    [
        ("POST", ANSWER, FORM, "rdDpSFP25Za9hNJuTUDnUIyc6qJc5dKUClpsUw6mYR0="),
        (
            "POST",
            f"{ANSWER}?tenant=42&b=2",
            FORM,
            "JD3sh59syfOCK73/B4iIbHVsNOkkNqWRGglxdgoo95I=",
        ),
        (
            "GET",
            f"{ANSWER}?tenant=42&CallUUID=x&From=1555%2B1",
            [],
            "DAAWyCCNmhmZn/z9JlD9iFGJ0Xd0zzpt089V1SrMkoc=",
        ),
        ("POST", ANSWER, [], BARE),
        ("GET", MEDIA.replace("wss", "http"), [], "HKI/XyO6EbhLPFE3ceb86K68p+C6C1pVR64qO52ul7w="),
        (
            "GET",
            MEDIA.replace("wss", "http") + "?call=abc",
            [],
            "9hSRqUFHdO3Y+AzsfxKxwJftzEKEACJNNOGnhqS6Mkk=",
        ),
    ],
)
def test_what_plivo_signs_is_accepted(method: str, url: str, form: Pairs, signature: str) -> None:
    assert sign(TOKEN, method, url, NONCE, form) == signature
    assert is_signed(TOKEN, method, url, NONCE, signature, reversed(form))
    assert not is_signed(TOKEN, method, url + "x", NONCE, signature, form)
    assert not is_signed(TOKEN, method, url, NONCE + "1", signature, form)
    assert not is_signed(TOKEN + "1", method, url, NONCE, signature, form)


@pytest.mark.parametrize("header", [f"AAAA,{BARE}", f"{BARE}, AAAA", f" {BARE} "])
def test_one_of_several_signatures_is_enough(header: str) -> None:
    assert is_signed(TOKEN, "POST", ANSWER, NONCE, header)


@pytest.mark.parametrize("header", ["", ",", "é", BARE[:-1], "=" * 44])
def test_nonsense_is_not_a_signature(header: str) -> None:
    assert not is_signed(TOKEN, "POST", ANSWER, NONCE, header)


@pytest.mark.parametrize("index", range(len(FORM)))
def test_any_changed_field_breaks_the_signature(index: int) -> None:
    signature = sign(TOKEN, "POST", ANSWER, NONCE, FORM)
    name, value = FORM[index]
    changed = [*FORM[:index], (name, value + "x"), *FORM[index + 1 :]]
    assert not is_signed(TOKEN, "POST", ANSWER, NONCE, signature, changed)
    assert not is_signed(TOKEN, "POST", ANSWER, NONCE, signature, FORM[:index])


def test_a_host_that_is_none_is_not_signed() -> None:
    assert not is_signed(TOKEN, "GET", "https://[/x", NONCE, BARE)


def test_an_upgrade_may_be_signed_with_any_scheme_but_no_other_address() -> None:
    assert upgrade_addresses(f"{MEDIA}?call=abc") == tuple(
        f"{scheme}://voice.example.com/plivo/media?call=abc"
        for scheme in ("http", "https", "wss", "ws")
    )
