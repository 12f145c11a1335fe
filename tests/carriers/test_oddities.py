from __future__ import annotations

from dialog_core.carriers.oddities import GARBAGE_MOST, KINDS_MOST, Oddities


def test_the_first_of_each_kind_is_noted_and_the_rest_are_counted() -> None:
    noted: list[tuple[str, str]] = []
    oddities = Oddities(lambda what, detail: noted.append((what, detail)))
    assert [oddities.once("late", "came late", "x" * 300) for _ in range(3)] == [1, 2, 3]
    assert noted == [("came late", "x" * 200)]


def test_kinds_are_bounded() -> None:
    noted: list[str] = []
    oddities = Oddities(lambda what, _detail: noted.append(what))
    for number in range(KINDS_MOST + 5):
        oddities.unknown(str(number))
    assert len(noted) == KINDS_MOST


def test_a_peer_that_says_nothing_readable_is_hopeless() -> None:
    oddities = Oddities(lambda _what, _detail: None)
    assert [oddities.is_hopeless("?") for _ in range(GARBAGE_MOST)].index(True) == GARBAGE_MOST - 1
