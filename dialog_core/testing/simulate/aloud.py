"""Plays a scenario with audio: through the recogniser, the voice detector, the voice and the model of a settings file.

Nothing is simulated here but the caller and their telephone, so it takes as long as the call does, and the providers
need their keys. What the caller says is read from a WAV file, or spoken by the settings' own voice.
"""

from __future__ import annotations

from pathlib import Path

import anyio
import numpy as np

from dialog_core import g711
from dialog_core.audio import TELEPHONE, Encoding
from dialog_core.cascade.ready_made import render
from dialog_core.document import Override
from dialog_core.errors import SettingsError, SettingsProblem
from dialog_core.observe.observations import Observation, StepTaken, Trouble
from dialog_core.plugins import Plugins
from dialog_core.process import Process, open_process
from dialog_core.settings import Settings, load
from dialog_core.testing.line import FakeLine
from dialog_core.testing.simulate.acting import ScenarioReport
from dialog_core.testing.simulate.performance import Performance, Sounded, missed_in
from dialog_core.testing.simulate.scenario import CallerLine, Scenario
from dialog_core.testing.simulate.stories import told_step
from dialog_core.turns.effects import Keep
from dialog_core.turns.events import ReplyAudible
from dialog_core.turns.records import BargeIn, BrokenOff, Said
from dialog_core.wav import parse

__all__ = ["play_aloud"]

QUIET = 1.0
"""Seconds of silence after which the caller takes it that the agent has finished."""
LONGEST = 20.0
"""Seconds that the caller waits for the agent."""
LOOK = 0.05
COUGH = 0.4


async def play_aloud(scenario: Scenario, *, plugins: Plugins | None = None) -> ScenarioReport:
    """Play a scenario in real time. Raises: SettingsError."""
    settings = settings_of(scenario, plugins)
    observed: list[tuple[float, Observation]] = []
    line = FakeLine()

    def observe(observation: Observation) -> None:
        if observation.call == line.info.id:
            observed.append((line.now, observation))

    acted: list[tuple[float, float]] = []
    async with open_process(settings, plugins=plugins, observe=observe) as process:
        lines = [await sound_of(each, scenario, process) for each in scenario.caller]
        async with line.calling(), anyio.create_task_group() as tasks:
            tasks.start_soon(process.answer, scenario.agent, line)
            await act(line, scenario, lines, acted)
            line.hang_up_by_caller()
    played = performance_of(observed, line, acted)
    told = [f"{at:8.2f}  {told_step(seen)}" for at, seen in observed if isinstance(seen, StepTaken)]
    return ScenarioReport(scenario, played, tuple(missed_in(scenario, played)), "\n".join(told))


def settings_of(scenario: Scenario, plugins: Plugins | None) -> Settings:
    """The settings that the scenario names. Raises: SettingsError."""
    if not scenario.settings:
        message = "is needed to play aloud: the file whose providers are to be heard"
        raise SettingsError(SettingsProblem("settings", message))
    wanted = (scenario.expect, *(each.expect for each in scenario.caller))
    if scenario.answers or any(each.tools for each in wanted):
        message = "cannot be given nor looked at when a scenario is played aloud"
        raise SettingsError(SettingsProblem("answers", f"and tools {message}"))
    quietly: list[Override] = [("observers", [])]  # the report tells
    file = scenario.path.parent / scenario.settings
    settings = load(file, overrides=quietly, plugins=plugins)
    if scenario.agent not in settings.agents:
        names = ", ".join(settings.agents)
        raise SettingsError(
            SettingsProblem("agent", f"no agent {scenario.agent!r}; there are: {names}")
        )
    return settings


# --- the caller


async def sound_of(line: CallerLine, scenario: Scenario, process: Process) -> bytes:
    """What a line of the caller sounds like, in the telephone's format; empty if it makes no sound."""
    text = line.says or line.acknowledges
    if line.audio:
        return from_wav(scenario.path.parent / line.audio)
    if line.coughs:
        noise = np.random.default_rng(0).normal(0, 6000, TELEPHONE.nbytes(line.seconds or COUGH))
        return g711.encode(noise.clip(-32000, 32000).astype(np.int16), Encoding.MULAW)
    if not text:
        return b""
    chosen = process.settings.agents[scenario.agent]
    return await render(chosen.tts.build(process.services), text, TELEPHONE)


def from_wav(path: Path) -> bytes:
    """A WAV file at 8 kHz as mu-law. Raises: SettingsError."""
    try:
        wav = parse(path.read_bytes())
    except (OSError, ValueError) as error:
        raise SettingsError(
            SettingsProblem("caller.audio", f"cannot read {str(path)!r}: {error}")
        ) from error
    if wav.fmt.rate != TELEPHONE.rate:
        message = f"must be at 8000 Hz, not {wav.fmt.rate}: {str(path)!r}"
        raise SettingsError(SettingsProblem("caller.audio", message))
    if wav.fmt == TELEPHONE:
        return wav.data
    pcm = wav.fmt.encoding is Encoding.PCM16
    samples = np.frombuffer(wav.data, np.int16) if pcm else g711.decode(wav.data, wav.fmt.encoding)
    return g711.encode(samples, Encoding.MULAW)


async def act(
    line: FakeLine, scenario: Scenario, sounds: list[bytes], acted: list[tuple[float, float]]
) -> None:
    """Do what the caller does, each line at its moment, and hear the agent out."""
    answered, since = True, 0.0
    for each, audio in zip(scenario.caller, sounds, strict=True):
        await wait_for(line, each, since, answered=answered or each.listens)
        if is_over(line):
            return
        begun = line.now
        if audio:
            await line.say(each.says or each.acknowledges, audio=audio)
        elif each.presses:
            line.press(each.presses)
        elif each.hangs_up:
            line.hang_up_by_caller()
        await line.wait(each.waits)
        since, answered = line.now, bool(each.says)
        acted.append((begun, since))
    await wait_for(line, CallerLine(listens=True), since, answered=answered)


async def wait_for(line: FakeLine, wanted: CallerLine, since: float, *, answered: bool) -> None:
    """Wait for the moment of a line. answered: the agent must have said something since."""
    if wanted.pause is not None:
        await line.wait(wanted.pause)
        return
    into = wanted.into if wanted.into is not None else 0.5 if wanted.acknowledges else None
    until = line.now + LONGEST
    while line.now < until and not is_over(line):
        sounding = [piece for piece in line.played if ends(line, piece.start, piece.audio) > since]
        if into is not None and sounding and line.now >= max(sounding[0].start, since) + into:
            return
        last = ends(line, line.played[-1].start, line.played[-1].audio) if line.played else 0.0
        quiet = line.now >= max(last, since) + max(QUIET, wanted.after)
        if into is None and quiet and (sounding or not answered):
            return
        await line.wait(LOOK)


def ends(line: FakeLine, start: float, audio: bytes) -> float:
    """When a piece of audio ends."""
    return start + line.fmt.seconds(len(audio))


def is_over(line: FakeLine) -> bool:
    """Whether the agent has ended the call."""
    return bool(line.done)


# --- what came of it


def performance_of(
    observed: list[tuple[float, Observation]], line: FakeLine, acted: list[tuple[float, float]]
) -> Performance:
    """What was heard, as the records have it: each reply's words, spread over the time that it sounded."""
    sounded: list[Sounded] = []
    cuts: list[float] = []
    asked: list[tuple[float, str]] = []
    audible: dict[int, float] = {}
    for at, seen in observed:
        if not isinstance(seen, StepTaken):
            continue
        if isinstance(seen.event, ReplyAudible):
            audible[seen.event.reply] = at
        for effect in seen.effects:
            record = effect.record if isinstance(effect, Keep) else None
            if isinstance(record, BargeIn):
                cuts.append(at)
            if isinstance(record, Said | BargeIn | BrokenOff) and record.reply in audible:
                sounded += spread(record.heard.split(), audible[record.reply], at)
    for verb, argument in line.done:
        how = {"hang_up": "hang up", "transfer": f"transfer to {argument}"}.get(verb)
        asked += [(observed[-1][0] if observed else 0.0, how)] if how else []
    troubles = [
        (at, f"{seen.where}: {seen.detail or seen.what}")
        for at, seen in observed
        if isinstance(seen, Trouble)
    ]
    return Performance(acted, sounded, cuts, asked, (), troubles)


def spread(words: list[str], start: float, end: float) -> list[Sounded]:
    """Words of equal length from one time to another."""
    each = (end - start) / max(1, len(words))
    return [
        Sounded(start + number * each, start + (number + 1) * each, word)
        for number, word in enumerate(words)
    ]
