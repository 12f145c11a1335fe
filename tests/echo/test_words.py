from __future__ import annotations

import pytest

from dialog_core.echo.words import Said, is_run, runs_at_ends

SAID = [
    "we",
    "are",
    "open",
    "on",
    "tuesday",
    "from",
    "nine",
    "to",
    "five",
    "and",
    "on",
    "friday",
    "until",
    "noon",
]


@pytest.mark.parametrize(
    ("heard", "run"),
    [
        ("open on tuesday", True),
        ("on tuesday", True),
        ("noon", True),
        ("nine too five and on friday", True),
        ("open on tuesdays", True),
        ("from nine five and on", True),
        ("on wednesday", False),
        ("open tuesday", False),
        ("stop", False),
        ("friday on and five to nine", False),
        ("wait a moment please", False),
        ("", False),
    ],
)
def test_an_echos_words_are_a_run_of_the_agents_but_for_a_few(heard: str, run: bool) -> None:
    assert is_run(heard.split(), SAID) is run


def test_words_of_an_echo_are_found_before_and_behind_the_callers() -> None:
    words = ["on", "tuesday", "from", "wait", "a", "moment", "and", "on", "friday"]
    assert runs_at_ends(words, SAID) == (3, 3)
    assert runs_at_ends(["wait", "a", "moment"], SAID) == (0, 0)
    assert runs_at_ends(["noon", "wait"], SAID) == (0, 0)


def test_only_what_sounds_at_the_time_counts() -> None:
    said = Said()
    text = " ".join(SAID)
    for number in range(25):
        said.note((1, 0), text, 10 + number * 0.2, 10.2 + number * 0.2)
    assert said.between(5.0, 8.0) == []
    assert said.between(10.0, 10.3)[:3] == ["we", "are", "open"]
    assert "noon" not in said.between(10.0, 12.0)
    assert said.between(14.5, 16.0)[-1] == "noon"
    assert said.between(17.0, 20.0) == []


def test_of_a_reply_that_went_on_after_a_hold_all_words_count() -> None:
    said = Said()
    said.note((1, 0), "one two three four five", 1.0, 2.0)
    said.note((1, 0), "one two three four five", 4.0, 4.5)
    assert said.between(4.0, 4.2) == ["one", "two", "three", "four", "five"]


def test_old_segments_are_forgotten() -> None:
    said = Said()
    for number in range(100):
        said.note((number, 0), "word", float(number), number + 0.5)
    assert said.between(0.0, 30.0) == []
    assert len(said.between(90.0, 99.0)) == 11
