from __future__ import annotations

import pytest
from dialog_plivo import xml
from dialog_plivo.testing import PhoneFault, read_xml
from dialog_plivo.testing.verbs import Dial, Hangup, Speak, Stream, Wait
from hypothesis import given
from hypothesis import strategies as st

URL = "wss://voice.example.com/plivo/media/t"


def test_a_stream_is_both_ways_and_keeps_the_call() -> None:
    document = xml.document(
        xml.wait(2),
        xml.stream(
            URL + "?a=1&b=2", status_callback="https://h/s?x=1&y=2", headers={"From": "1555"}
        ),
        xml.hang_up(),
    )
    assert read_xml(document) == (
        Wait(2),
        Stream(URL + "?a=1&b=2", "https://h/s?x=1&y=2", {"From": "1555"}, "From=1555"),
        Hangup(),
    )
    assert 'contentType="audio/x-mulaw;rate=8000"' in document


def test_plivos_noise_cancellation_is_asked_for_only_where_it_is_wanted() -> None:
    quiet = xml.stream(URL, status_callback="", noise_cancellation=85)
    assert 'noiseCancellation="true" noiseCancellationLevel="85"' in quiet
    assert "noise" not in xml.stream(URL, status_callback="")


@pytest.mark.parametrize(
    ("number", "noun"), [("+15550003333", "Number"), ("sip:a@phone.plivo.com", "User")]
)
def test_a_dial_lets_the_document_go_on(number: str, noun: str) -> None:
    verb = xml.dial(number, caller_id="+15550002222", timeout=30, action="https://h/after")
    assert f"<{noun}>" in verb
    dial = Dial(number, "https://h/after", "+15550002222")
    assert read_xml(xml.document(verb)) == (dial,)


@pytest.mark.parametrize(
    ("message", "verbs"),
    [("", (Hangup("busy"),)), ("All <busy> & more", (Speak("All <busy> & more"), Hangup()))],
)
def test_a_busy_answer_is_a_tone_or_a_sentence(message: str, verbs: tuple[object, ...]) -> None:
    assert read_xml(xml.busy(message)) == verbs


@given(st.text(max_size=60))
def test_any_text_is_escaped(said: str) -> None:
    speak, _ = read_xml(xml.busy(said + "."))
    assert isinstance(speak, Speak)


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=80), max_size=12))
def test_extra_headers_never_break_plivos_rules(headers: dict[str, str]) -> None:
    read_xml(xml.document(xml.stream(URL, status_callback="", headers=headers)))


def test_extra_headers_that_do_not_fit_are_left_out() -> None:
    written = xml.extra_headers({"a": "1" * 500, "b": "2" * 20, "c": "3", "d": "+4"})
    assert written == f"a={'1' * 500},c=3"


GOOD = xml.document(xml.stream(URL, status_callback=""))


@pytest.mark.parametrize(
    ("wrong", "number"),
    [
        ("<Response", "8011"),
        ("<Reply/>", "8011"),
        ("<Response><Say>hi</Say></Response>", "8011"),
        ('<Response><Hangup reason="tired"/></Response>', "8011"),
        ('<Response><Hangup now="1"/></Response>', "8011"),
        ("<Response><Dial>+1555</Dial></Response>", "8011"),
        ("<Response><Dial><Number>1555</Number></Dial></Response>", "8011"),
        (GOOD.replace("wss", "https"), "8011"),
        (GOOD.replace('bidirectional="true"', ""), "8011"),
        (GOOD.replace('keepCallAlive="true"', ""), "4010"),
        (GOOD.replace("x-mulaw", "x-opus"), "8011"),
        (GOOD.replace("<Stream ", '<Stream audioTrack="both" '), "8011"),
        (GOOD.replace("<Stream ", '<Stream extraHeaders="a=+1" '), "8011"),
        ("<Response>" + " " * 100_000 + "</Response>", "8011"),
    ],
)
def test_xml_is_read_as_strictly_as_plivo_reads_it(wrong: str, number: str) -> None:
    with pytest.raises(PhoneFault, match=number):
        read_xml(wrong)
