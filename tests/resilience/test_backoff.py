from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.resilience.backoff import Backoff


@pytest.mark.requirement("D.15")
def test_waits_double_from_a_tenth_of_a_second_up_to_five() -> None:
    steady = Backoff(jitter=0.0)
    waits = [steady.wait(attempt, lambda: 0.0) for attempt in range(8)]
    assert waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0])


@pytest.mark.requirement("D.15")
@given(attempt=st.integers(0, 10**9), luck=st.floats(0, 1))
def test_no_wait_leaves_the_bounds(attempt: int, luck: float) -> None:
    wait = Backoff().wait(attempt, lambda: luck)
    assert 0.1 <= wait <= 5.0 + 1e-9


@given(attempt=st.integers(0, 100))
def test_two_calls_do_not_come_back_together(attempt: int) -> None:
    backoff = Backoff()
    assert backoff.wait(attempt, lambda: 0.1) < backoff.wait(attempt, lambda: 0.9)
