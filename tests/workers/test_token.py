from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.errors import TicketError
from dialog_core.workers.token import Ticket, sign, verify

KEY = b"k" * 32
TICKET = Ticket("CA123", "reception", 1060.0, "n1")

TICKETS = st.builds(Ticket, st.text(), st.text(), st.floats(1001, 2e9), st.text())


@given(TICKETS)
def test_a_ticket_comes_back_as_it_was_signed(ticket: Ticket) -> None:
    assert verify(sign(ticket, key=KEY), agent=ticket.agent, now=1000, key=KEY) == ticket


@given(TICKETS)
def test_a_ticket_is_safe_in_a_path(ticket: Ticket) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", sign(ticket, key=KEY))


@given(st.data())
def test_a_changed_ticket_is_refused(data: st.DataObject) -> None:
    text = sign(TICKET, key=KEY)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from("AbZ09-_.").filter(lambda c: c != text[place]))
    with pytest.raises(TicketError):
        verify(text[:place] + other + text[place + 1 :], agent="reception", now=1000, key=KEY)


@given(st.text())
def test_no_text_is_a_ticket(text: str) -> None:
    with pytest.raises(TicketError):
        verify(text, agent="reception", now=1000, key=KEY)


def test_another_key_is_refused() -> None:
    with pytest.raises(TicketError, match="forged"):
        verify(sign(TICKET, key=KEY), agent="reception", now=1000, key=b"x" * 32)


def test_another_agent_is_refused() -> None:
    with pytest.raises(TicketError, match="another agent"):
        verify(sign(TICKET, key=KEY), agent="billing", now=1000, key=KEY)


def test_an_expired_ticket_is_refused() -> None:
    text = sign(TICKET, key=KEY)
    assert verify(text, agent="reception", now=1059.9, key=KEY) == TICKET
    with pytest.raises(TicketError, match="expired"):
        verify(text, agent="reception", now=1060.0, key=KEY)
