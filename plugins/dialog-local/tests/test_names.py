from __future__ import annotations

import pytest
from dialog_local.booking.names import find_name
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("My name is Daniel Carter.", "Daniel Carter"),
        ("my name is anna and I would like an appointment", "Anna"),
        ("Anna Miller.", "Anna Miller"),
        ("anna miller", "Anna Miller"),
        ("It's Anna.", "Anna"),
        ("This is Bob Jones speaking", "Bob Jones"),
        ("yes, it's for John O'Neil please", "John O'Neil"),
        ("Mary-Jane Watson, thank you", "Mary-Jane Watson"),
    ],
)
def test_a_name_is_understood_when_it_was_asked_for(text: str, name: str) -> None:
    assert find_name(text, asked=True) == name


@pytest.mark.parametrize(
    "text",
    ["Yes.", "I don't know", "What time do you open?", "I'm looking for an appointment", "Sorry?"],
)
def test_what_is_no_name_is_none(text: str) -> None:
    assert find_name(text, asked=True) is None


def test_unasked_a_name_needs_an_introduction() -> None:
    assert find_name("My name is Daniel Carter.", asked=False) == "Daniel Carter"
    assert find_name("Daniel Carter.", asked=False) is None


@given(st.text(), st.booleans())
def test_no_text_breaks_it(text: str, asked: bool) -> None:
    find_name(text, asked=asked)
