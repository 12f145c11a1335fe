"""What the vendor owes for voice that it was sent."""

from __future__ import annotations

import pytest

from dialog_assemblyai.debt import Debt


def test_a_cough_is_owed_nothing() -> None:
    debt = Debt(sure=1.0)
    debt.started(5.0)
    debt.stopped(5.4)

    assert debt.late(60.0) == 0.0


def test_speech_without_a_result_is_owed_one_since_it_began() -> None:
    debt = Debt(sure=1.0)
    debt.started(5.0)

    assert debt.late(5.9) == 0.0
    assert debt.late(9.0) == pytest.approx(4.0)


def test_coughs_add_up() -> None:
    debt = Debt(sure=1.0)
    for at in (5.0, 6.0, 7.0):
        debt.started(at)
        debt.stopped(at + 0.4)

    assert debt.late(9.0) == pytest.approx(4.0)


def test_a_result_settles_it_and_who_speaks_on_is_owed_another() -> None:
    debt = Debt(sure=1.0)
    debt.started(5.0)
    debt.settled(7.0)

    assert debt.late(7.5) == 0.0
    assert debt.late(9.0) == pytest.approx(2.0)


def test_a_result_after_the_voice_settles_it_for_good() -> None:
    debt = Debt(sure=1.0)
    debt.started(5.0)
    debt.stopped(7.0)
    debt.settled(7.5)

    assert debt.late(60.0) == 0.0


def test_a_new_session_owes_from_where_its_audio_begins() -> None:
    debt = Debt(sure=1.0)
    debt.started(5.0)
    debt.stopped(7.0)
    debt.renewed(8.0)

    assert debt.late(9.0) == pytest.approx(1.0)


def test_a_sign_of_life_before_any_audio_was_sent_settles_it_too() -> None:
    debt = Debt(sure=1.0)
    debt.started(50.0)
    debt.settled(0.0)

    assert debt.late(50.5) == 0.0
    assert debt.late(52.0) == pytest.approx(2.0)
