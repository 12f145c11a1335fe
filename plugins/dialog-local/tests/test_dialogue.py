from __future__ import annotations

import datetime as dt

import pytest
from dialog_local.booking.dialogue import Business, Said, Slot, Stage, State, answer, nudge
from hypothesis import given
from hypothesis import strategies as st

SATURDAY = dt.date(2026, 11, 21)
DENTAL = Business("Riverside Dental", "twelve Mill Lane", "forty five dollars", 9, 17)
FRESH = State(SATURDAY)
FILLED = State(SATURDAY, Stage.CONFIRMING, dt.date(2026, 11, 24), dt.time(10, 30), "Daniel Carter")


def talk(*turns: str, start: State = FRESH) -> Said:
    said = Said(start, "")
    for turn in turns:
        assert not said.over
        said = answer(said.state, turn, DENTAL)
    return said


def test_a_whole_booking_as_the_recogniser_writes_it() -> None:
    said = talk(
        "Hello, I would like to book an appointment, please.",
        "I would like to come on. Tuesday morning, please.",
        "When are you open?",
        "Ten thirty would be good, please.",
        "My name is Daniel Carter.",
        "Sorry it can we make it 11 o'clock",
        "Yes, that is right.",
        "How much does it cost?",
        "No, thank you, that is all good bye.",
    )
    assert said.state.appointment == "2026-11-24 11:00 Daniel Carter"
    assert said.over


def test_everything_may_be_said_at_once() -> None:
    said = talk("My name is Anna Miller, can I come next Wednesday at half past two?")
    assert said.state.stage is Stage.CONFIRMING
    assert "Wednesday, November 25th, at 2:30 PM, for Anna Miller" in said.text


def test_it_asks_for_what_is_missing_in_order() -> None:
    said = talk("I want an appointment.")
    assert said.state.asked is Slot.DAY
    said = talk("at ten o'clock", start=said.state)
    assert said.state.asked is Slot.DAY
    said = talk("tomorrow no wait on Monday", start=said.state)
    assert said.state.asked is Slot.NAME


def test_a_bare_number_is_a_time_only_when_one_was_asked_for() -> None:
    assert talk("ten").state.time is None
    assert talk("book", "Tuesday", "ten").state.time == dt.time(10)


@pytest.mark.parametrize(
    "yes", ["Yes.", "Yeah, sure.", "That's right.", "Perfect, thank you.", "Please do.", "OK"]
)
def test_a_yes_books(yes: str) -> None:
    said = talk(yes, start=FILLED)
    assert said.state.appointment == "2026-11-24 10:30 Daniel Carter"
    assert "anything else" in said.text


@pytest.mark.parametrize("no", ["No.", "No, that's wrong.", "Nope", "That is not right."])
def test_a_no_books_nothing_and_asks_what_to_change(no: str) -> None:
    said = talk(no, start=FILLED)
    assert not said.state.appointment
    assert said.text == "What shall I change: the day, the time, or the name?"


@pytest.mark.parametrize(
    ("wish", "slot"),
    [("No, the day.", Slot.DAY), ("the time", Slot.TIME), ("Can we change my name?", Slot.NAME)],
)
def test_a_fact_may_be_changed_by_naming_it(wish: str, slot: Slot) -> None:
    assert talk(wish, start=FILLED).state.asked is slot


def test_a_correction_replaces_the_fact_and_asks_again() -> None:
    said = talk("No, make it Wednesday at eleven.", start=FILLED)
    assert said.state.day == dt.date(2026, 11, 25)
    assert said.state.time == dt.time(11)
    assert said.text.endswith("Shall I book it?")


def test_a_booked_appointment_may_still_be_moved() -> None:
    booked = talk("Yes.", start=FILLED).state
    moved = talk("Actually, can we make it Thursday?", "yes", start=booked).state
    assert moved.appointment == "2026-11-26 10:30 Daniel Carter"


def test_a_day_without_hours_is_refused_and_asked_for_again() -> None:
    said = talk("Can I come on Sunday at ten?")
    assert "closed on Saturday and Sunday" in said.text
    assert said.state.asked is Slot.DAY
    assert said.state.time == dt.time(10)


def test_a_time_outside_the_hours_is_refused() -> None:
    said = talk("On Tuesday at eight thirty in the evening.")
    assert "8:30 PM is outside our hours" in said.text
    assert said.state.asked is Slot.TIME


@pytest.mark.parametrize(
    ("question", "part"),
    [
        ("When are you open?", "from Monday to Friday, from 9 AM until 5 PM"),
        ("What are your opening hours?", "from Monday to Friday"),
        ("Where are you?", "twelve Mill Lane"),
        ("How much does it cost?", "forty five dollars"),
        ("Am I talking to a robot?", "computer program"),
        ("Is this a real person?", "computer program"),
        ("What can you do?", "opening hours, our address, or the price"),
    ],
)
def test_a_question_is_answered_and_the_open_question_asked_again(question: str, part: str) -> None:
    said = talk("I want an appointment", question)
    assert part in said.text
    assert said.text.endswith("Which day would suit you?")


def test_two_questions_get_two_answers() -> None:
    said = talk("Where are you and how much is it?")
    assert "Mill Lane" in said.text
    assert "forty five dollars" in said.text


def test_a_question_with_a_fact_keeps_the_fact() -> None:
    assert talk("How much is it on Tuesday?").state.day == dt.date(2026, 11, 24)


def test_not_understood_asks_again_then_helps_then_gives_up() -> None:
    first = talk("book", "purple elephants")
    assert first.text == "Sorry, I did not understand that. Which day would suit you?"
    second = talk("the moon", start=first.state)
    assert "I can book an appointment" in second.text
    fourth = talk("blue", "green", start=second.state)
    assert fourth.over


def test_being_understood_forgives_earlier_misses() -> None:
    said = talk("book", "elephants", "elephants", "elephants", "Tuesday", "elephants")
    assert said.state.misses == 1
    assert not said.over


def test_half_a_sentence_is_not_a_miss() -> None:
    assert talk("book", "I would like to come on").state.misses == 0


def test_cancelling_forgets_everything() -> None:
    said = talk("Never mind, cancel it.", start=FILLED)
    assert said.state == FRESH


def test_repeat_says_the_question_again() -> None:
    assert talk("Can you repeat that?", start=FILLED).text.startswith("So that is Tuesday")


@pytest.mark.parametrize("bye", ["Goodbye.", "That's all.", "Bye bye", "good bye"])
def test_goodbye_ends_the_call(bye: str) -> None:
    said = talk(bye)
    assert said.over
    assert said.text.endswith("Goodbye.")


def test_the_farewell_names_the_day() -> None:
    assert "See you on Tuesday, November 24th." in talk("Yes.", "no thanks", start=FILLED).text


def test_silence_is_asked_about_and_then_ends_the_call() -> None:
    assert nudge(FILLED, 1, DENTAL).text.startswith("Are you still there? So that is")
    assert not nudge(FILLED, 2, DENTAL).over
    assert nudge(FILLED, 3, DENTAL).over


SAYINGS = st.sampled_from(
    [
        "book",
        "yes",
        "no",
        "Tuesday",
        "ten thirty",
        "My name is Bo",
        "the day",
        "bye",
        "what",
        "Sunday",
    ]
)


@given(st.lists(SAYINGS | st.text(max_size=30), max_size=12))
def test_every_turn_gets_an_answer_and_only_a_whole_appointment_is_booked(turns: list[str]) -> None:
    state = FRESH
    for turn in turns:
        said = answer(state, turn, DENTAL)
        assert said.text
        if said.state.stage in {Stage.CONFIRMING, Stage.BOOKED}:
            assert None not in (said.state.day, said.state.time, said.state.name)
            assert "None" not in said.text
        state = said.state
