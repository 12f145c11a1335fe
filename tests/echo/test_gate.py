"""The gate over whole stretches of audio, without a call."""

from __future__ import annotations

from typing import cast

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray

from dialog_core.audio import TELEPHONE, AudioFrame
from dialog_core.echo.gate import EchoGate
from dialog_core.echo.guard import EchoGuard
from dialog_core.echo.sounds import Heard
from dialog_core.policies.vad import EnergyModel
from dialog_core.turns.events import SpeechStarted, SpeechStopped
from dialog_core.turns.gate import Gate
from tests.echo.voices import agents_voice, callers_voice, decoded, encoded

F64 = NDArray[np.float64]

AGENT, CALLER = decoded(agents_voice()).astype(float), decoded(callers_voice()).astype(float)
BEGINS = 0.5
"""When the agent begins to speak."""
WINDOW = 256


def line(seconds: float, *, noise: float = -65.0) -> F64:
    """A line with nothing but noise on it."""
    count = int(seconds * 8000)
    samples: F64 = np.random.default_rng(2).standard_normal(count) * 10 ** (noise / 20)
    return samples


def add(onto: F64, samples: F64, at: float) -> None:
    start = round(at * 8000)
    length = min(samples.size, onto.size - start)
    onto[start : start + length] += samples[:length]


def pushed(heard: F64, gate: EchoGate, agent: bytes) -> list[SpeechStarted | SpeechStopped]:
    """What the gate says while the agent speaks and this is heard."""
    model, events, guard = EnergyModel(), list[SpeechStarted | SpeechStopped](), gate.guard
    audio, state = encoded(heard), np.zeros((1, *EnergyModel().state), np.float32)
    for start in range(0, len(audio) - WINDOW, WINDOW):
        at = start / 8000
        if at >= BEGINS and agent:
            guard.played.add(agent, BEGINS)
            agent = b""
        guard.heard.frames.append(AudioFrame(at, audio[start : start + WINDOW]))
        window = decoded(audio[start : start + WINDOW])[None]
        probability, state = model.probabilities(window, state)
        event = gate.push(float(probability[0]), at, WINDOW / 8000)
        events += [event] if event is not None else []
    return events


def new_gate() -> EchoGate:
    return EchoGate(Gate(), EchoGuard.on(TELEPHONE))


def handset(samples: F64) -> F64:
    """Through a telephone's ear and mouth: nothing below 400 Hz, little above 2.5 kHz."""
    spectrum, hertz = np.fft.rfft(samples), np.fft.rfftfreq(samples.size, 1 / 8000)
    gain = 1 / (1 + (400 / np.maximum(hertz, 1)) ** 4) / (1 + (hertz / 2500) ** 4)
    filtered: F64 = np.fft.irfft(spectrum * np.sqrt(gain), samples.size)
    return filtered


@pytest.mark.parametrize("decibels", [-10, -20, -30])
def test_it_stays_closed_to_an_echo_that_a_handset_colours(decibels: float) -> None:
    heard = line(12)
    add(heard, handset(AGENT[:88000]) * 10 ** (decibels / 20), BEGINS + 0.15)
    assert pushed(heard, new_gate(), encoded(AGENT[:88000])) == []


def test_an_echo_that_moves_is_found_again() -> None:
    heard, gate = line(12), new_gate()
    add(heard, AGENT[:40000] * 0.1, BEGINS + 0.1)
    add(heard, AGENT[40000:88000] * 0.1, BEGINS + 5.0 + 0.35)
    assert pushed(heard, gate, encoded(AGENT[:88000])) == []
    assert gate.guard.path is not None


def test_it_closes_when_only_the_echo_goes_on() -> None:
    heard = line(8)
    add(heard, AGENT[:60000] * 0.2, BEGINS + 0.1)
    add(heard, CALLER[:8000], 3.0)
    started, stopped = pushed(heard, new_gate(), encoded(AGENT[:60000]))
    assert isinstance(started, SpeechStarted)
    assert isinstance(stopped, SpeechStopped)
    assert started.at == pytest.approx(3.0, abs=0.1)
    assert stopped.at == pytest.approx(4.0, abs=0.2)


def test_a_silent_caller_costs_nothing() -> None:
    heard, gate = line(8), gate_that_must_not_compare()
    assert pushed(heard, gate, encoded(AGENT[:60000])) == []


def test_a_silent_agent_costs_nothing() -> None:
    heard, gate = line(4), gate_that_must_not_compare()
    add(heard, CALLER, 1.0)
    guarded = pushed(heard, gate, b"")
    assert [type(event) for event in guarded] == [SpeechStarted, SpeechStopped]


@attrs.frozen
class Uncompared:
    """Frames that nobody may look at."""

    frames: list[AudioFrame] = attrs.field(factory=list)

    def samples(self, _end: float, _count: int) -> None:
        raise AssertionError("nothing is to be compared")


def gate_that_must_not_compare() -> EchoGate:
    guard = EchoGuard.on(TELEPHONE)
    return EchoGate(Gate(), EchoGuard(guard.played, cast("Heard", Uncompared())))


def test_after_the_agent_has_ended_its_tail_is_still_an_echo() -> None:
    heard = line(6)
    add(heard, AGENT[:24000] * 0.2, BEGINS + 0.4)
    assert pushed(heard, new_gate(), encoded(AGENT[:24000])) == []
    assert not EchoGuard.on(TELEPHONE).may_sound(1.0)
