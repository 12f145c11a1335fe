"""The observer that records calls: what the turn machine was told, one file a call, for ``dialogctl replay``.

A line is JSON: an event with its time, and the phase after it. What callers said is masked unless the settings say
otherwise: letters become ``x`` and digits ``0``, so that lengths and punctuation, which decide about turns, stay.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import attrs
from anyio import to_thread
from cattrs import Converter

from dialog_core.factory import Factory, Services
from dialog_core.fields import setting
from dialog_core.messages import Transcript
from dialog_core.observe.observations import CallEnded, Observation, Observer, StepTaken
from dialog_core.turns.events import Event
from dialog_core.turns.expectation import Expectation

__all__ = ["RECORDER", "RecordedStep", "Recorder", "RecorderSettings", "read_recording"]

UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
KINDS: Mapping[str, type] = {kind.__name__: kind for kind in get_args(Event)}
EXPECTATIONS: Mapping[str, type] = {kind.__name__: kind for kind in get_args(Expectation)}
CONVERTER = Converter(omit_if_default=True)


def is_expectation(kind: object) -> bool:
    """Whether a field says what kind of answer is asked for; most of those have nothing else to be told apart by."""
    return kind in {Expectation, Expectation | None}


def told_expectation(expecting: Expectation | None) -> dict[str, Any] | None:
    """What is asked for, by its name."""
    if expecting is None:
        return None
    return {"kind": type(expecting).__name__, **CONVERTER.unstructure(expecting)}


def read_expectation(told: dict[str, Any] | None, _kind: object) -> Expectation | None:
    """What was asked for."""
    if told is None:
        return None
    rest = {name: value for name, value in told.items() if name != "kind"}
    read: Expectation = CONVERTER.structure(rest, EXPECTATIONS[told["kind"]])
    return read


CONVERTER.register_unstructure_hook_func(is_expectation, told_expectation)
CONVERTER.register_structure_hook_func(is_expectation, read_expectation)


@attrs.frozen
class RecorderSettings:
    """Settings of the observer ``recorder``."""

    folder: str = setting(
        default="recordings", help="where the files go, one a call; made if it is not there"
    )
    personal: bool = setting(
        default=False, help="write what callers say as they said it; leave it off in production"
    )


@attrs.frozen
class RecordedStep:
    """A step of a recorded call."""

    event: Event
    phase: str
    """The phase after it."""


@attrs.frozen
class Recorder:
    """Appends each call's events to a file of its own."""

    settings: RecorderSettings

    async def observe(self, batch: Sequence[Observation]) -> None:
        """Write a batch. Raises: OSError, which ends the recording."""
        lines: dict[str, list[str]] = defaultdict(list)
        for observation in batch:
            if isinstance(observation, StepTaken):
                lines[observation.call].append(self._line(observation))
            elif isinstance(observation, CallEnded):
                ended = {"ended": observation.reason, "at": observation.at}
                lines[observation.call].append(json.dumps(ended))
        if lines:
            await to_thread.run_sync(self._write, lines)

    def _line(self, step: StepTaken) -> str:
        event = step.event
        if not self.settings.personal:
            event = masked(event)
        told = {"event": type(event).__name__, **CONVERTER.unstructure(event)}
        return json.dumps({**told, "phase": step.phase}, ensure_ascii=False)

    def _write(self, lines: Mapping[str, Sequence[str]]) -> None:
        folder = Path(self.settings.folder)
        folder.mkdir(parents=True, exist_ok=True)
        for call, texts in lines.items():
            path = folder / f"{UNSAFE.sub('_', call)}.jsonl"
            with path.open("a", encoding="utf-8") as file:
                file.writelines(f"{text}\n" for text in texts)


def masked(event: object) -> object:
    """The event with every word's letters hidden."""
    if not isinstance(event, Transcript):
        return event
    words = tuple(attrs.evolve(word, text=mask(word.text)) for word in event.words)
    return attrs.evolve(event, text=mask(event.text), words=words)


def mask(text: str) -> str:
    """A text of the same shape without what it said."""
    return "".join("x" if each.isalpha() else "0" if each.isdigit() else each for each in text)


def read_recording(text: str) -> Iterator[RecordedStep]:
    """The steps in a file's text. Raises: ValueError naming the line that is none."""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            told: dict[str, Any] = json.loads(line)
            if "ended" in told and "event" not in told:
                continue
            kind, phase = KINDS[told.pop("event")], told.pop("phase", "")
            yield RecordedStep(CONVERTER.structure(told, kind), phase)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"line {number} is no recorded event: {line[:60]!r}") from error


def new_recorder(settings: RecorderSettings, _services: Services) -> Observer:
    """An observer that records."""
    return Recorder(settings)


RECORDER = Factory[RecorderSettings, Observer]("recorder", RecorderSettings, new_recorder)
"""What the hook ``dialog_observer`` returns for the name ``recorder``."""
