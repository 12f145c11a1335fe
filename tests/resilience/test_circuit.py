from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dialog_core.resilience.circuit import Circuit, CircuitSettings, State


def test_a_circuit_opens_after_failures_within_the_window() -> None:
    circuit = Circuit(CircuitSettings(failures=3, window=10.0))
    assert [circuit.failed(at) for at in (0.0, 5.0, 11.0)] == [False, False, False]
    assert circuit.failed(12.0)
    assert not circuit.admit(13.0)


def test_half_open_lets_one_probe_through() -> None:
    circuit = Circuit(CircuitSettings(cool_down=30.0))
    circuit.failed(0.0)
    assert [circuit.admit(at) for at in (29.0, 30.0, 30.1)] == [False, True, False]


def test_a_probe_that_succeeds_closes_the_circuit() -> None:
    circuit = Circuit(CircuitSettings(cool_down=30.0))
    circuit.failed(0.0)
    circuit.admit(30.0)
    circuit.succeeded()
    assert circuit.state(30.0) is State.CLOSED
    assert circuit.cool_down == 30.0


def test_a_probe_that_fails_is_waited_for_twice_as_long() -> None:
    circuit = Circuit(CircuitSettings(cool_down=30.0, longest=50.0))
    circuit.failed(0.0)
    circuit.admit(30.0)
    assert circuit.failed(31.0)
    assert not circuit.admit(80.9)
    assert circuit.admit(81.0)


def test_a_probe_without_a_verdict_gives_its_place_back() -> None:
    circuit = Circuit(CircuitSettings(cool_down=30.0))
    circuit.failed(0.0)
    assert circuit.admit(30.0)
    circuit.released()
    assert circuit.admit(31.0)


def test_failures_of_calls_that_began_before_do_not_lengthen_the_cool_down() -> None:
    circuit = Circuit(CircuitSettings(cool_down=30.0))
    circuit.failed(0.0)
    assert not circuit.failed(5.0)
    assert circuit.admit(30.0)


@given(st.lists(st.tuples(st.sampled_from(["admit", "fail", "ok", "release"]), st.floats(0, 60))))
def test_a_circuit_is_never_stuck(history: list[tuple[str, float]]) -> None:
    circuit, now = Circuit(), 0.0
    for what, later in history:
        now += later
        match what:
            case "admit":
                circuit.admit(now)
            case "fail":
                circuit.failed(now)
            case "ok":
                circuit.succeeded()
            case _:
                circuit.released()
    circuit.released()
    assert circuit.admit(now + CircuitSettings().longest)
