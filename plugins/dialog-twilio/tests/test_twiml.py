from __future__ import annotations

from dialog_twilio import twiml
from dialog_twilio.testing import read_twiml
from dialog_twilio.testing.verbs import Dial, Hangup, Play, Reject, Say, Stream
from hypothesis import given
from hypothesis import strategies as st

printable = st.text(
    st.characters(
        min_codepoint=32, exclude_characters="\x7f\ufffe\uffff", exclude_categories=["Cs"]
    ),
    min_size=1,
    max_size=60,
)


def test_a_call_is_connected_and_then_hung_up() -> None:
    stream = twiml.connect(
        "wss://h/m/t", name="n", status_callback="https://h/s", parameters={"a": "1"}
    )
    assert read_twiml(twiml.document(stream, twiml.hang_up())) == (
        Stream("wss://h/m/t", "n", "https://h/s", {"a": "1"}),
        Hangup(),
    )


@given(st.dictionaries(st.from_regex(r"[A-Za-z]{1,20}", fullmatch=True), printable, max_size=5))
def test_parameters_survive_whatever_they_hold(parameters: dict[str, str]) -> None:
    written = twiml.document(
        twiml.connect("wss://h/m", name="n", status_callback="", parameters=parameters)
    )
    (stream,) = read_twiml(written)
    assert isinstance(stream, Stream)
    assert stream.parameters == parameters


@given(st.text(max_size=100))
def test_any_text_at_all_gives_a_document_that_can_be_read(text: str) -> None:
    assert len(read_twiml(twiml.busy(text))) in {1, 2}
    read_twiml(twiml.document(twiml.dial("+15550001111", caller_id=text, timeout=5, action=text)))


def test_a_parameter_too_long_for_twilio_is_left_out() -> None:
    long = twiml.connect("wss://h/m", name="n", status_callback="", parameters={"a": "x" * 499})
    assert "Parameter" not in long


def test_the_other_verbs() -> None:
    sip = twiml.dial("sip:a@b", caller_id="", timeout=30, action="")
    assert read_twiml(twiml.document(sip, twiml.play_digits("1w#"))) == (
        Dial("sip:a@b"),
        Play("1w#"),
    )
    assert "<Sip>" in sip
    assert "callerId" not in sip
    assert read_twiml(twiml.busy("")) == (Reject("busy"),)
    assert read_twiml(twiml.busy("Tom & I")) == (Say("Tom & I"), Hangup())
