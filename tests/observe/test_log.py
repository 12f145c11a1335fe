from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import attrs
import pytest
import structlog

from dialog_core.observe.log import (
    LEVELS,
    LogBuffer,
    Logger,
    LogSettings,
    console_line,
    install,
    json_line,
    new_logger,
)
from dialog_core.observe.observations import Personal
from dialog_core.testing.pytest_plugin import real_loop

MIDNIGHT = 1_767_225_600.0
"""The first of January 2026, UTC."""


@attrs.define
class Log:
    """A logger with its buffer and what it wrote."""

    settings: LogSettings
    formatter: Callable[[Any], str] = json_line
    limit: int = 100
    lines: list[str] = attrs.field(factory=list)

    def open(self) -> tuple[Logger, LogBuffer]:
        sink = lambda text: self.lines.extend(text.splitlines())  # noqa: E731 - names what it is
        buffer = LogBuffer(self.settings, formatter=self.formatter, sink=sink, limit=self.limit)
        return new_logger(self.settings, buffer, wall=lambda: MIDNIGHT), buffer


@pytest.fixture
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.mark.requirement("A.45")
def test_every_syslog_level_is_a_method() -> None:
    written = Log(LogSettings(level="debug"))
    log, buffer = written.open()

    for level in LEVELS:
        getattr(log, level)("something happened", call="CA1")
    buffer.write()

    assert [json.loads(line)["level"] for line in written.lines] == list(LEVELS)


@pytest.mark.parametrize("threshold", LEVELS)
def test_what_is_milder_than_the_threshold_is_not_written(threshold: str) -> None:
    written = Log(LogSettings(level=threshold))
    log, buffer = written.open()

    for level in LEVELS:
        log.log(level, "something happened")
    buffer.write()

    assert [json.loads(line)["level"] for line in written.lines] == list(
        LEVELS[LEVELS.index(threshold) :]
    )


@pytest.mark.requirement("E.14")
def test_a_json_line_holds_the_fields() -> None:
    written = Log(LogSettings())
    log, buffer = written.open()

    log.bind(call="CA1").warning("a provider failed", error=OSError("gone"))
    buffer.write()

    assert json.loads(written.lines[0]) == {
        "at": "2026-01-01T00:00:00.000+00:00",
        "level": "warning",
        "event": "a provider failed",
        "call": "CA1",
        "error": "OSError('gone')",
    }


def test_a_console_line_is_one_line() -> None:
    written = Log(LogSettings(), formatter=console_line)
    log, buffer = written.open()

    log.notice("call started", call="CA1", note="two\nlines", empty="")
    buffer.write()

    assert written.lines == ["00:00:00.000 notice    call started call=CA1 note=two\\nlines"]


@pytest.mark.parametrize(("personal", "shown"), [(False, {}), (True, {"text": "my name is Ada"})])
def test_personal_fields_are_left_out_unless_asked_for(
    personal: bool,
    shown: dict[str, str],
) -> None:
    written = Log(LogSettings(personal=personal))
    log, buffer = written.open()

    log.info("turn complete", text=Personal("my name is Ada"))
    buffer.write()

    line = json.loads(written.lines[0])
    assert {key: line[key] for key in line.keys() - {"at", "level", "event"}} == shown


@pytest.mark.requirement("A.45")
def test_logging_only_fills_a_bounded_buffer_and_counts_what_it_drops() -> None:
    written = Log(LogSettings(), limit=2)
    log, buffer = written.open()

    for number in range(5):
        log.info("something happened", number=number)
    assert written.lines == []
    buffer.write()

    assert [json.loads(line).get("number") for line in written.lines] == [0, 1, None]
    assert json.loads(written.lines[2])["event"] == "log entries dropped"
    assert json.loads(written.lines[2])["amount"] == 3


@real_loop
@pytest.mark.anyio
@pytest.mark.requirement("A.45")
async def test_a_formatter_and_a_sink_of_the_application_are_used() -> None:
    lines: list[str] = []
    settings = LogSettings()
    buffer = LogBuffer(settings, formatter=lambda entry: entry["event"].upper(), sink=lines.append)
    log = new_logger(settings, buffer, wall=lambda: MIDNIGHT)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(buffer.run)
        await anyio.wait_all_tasks_blocked()
        log.info("something happened")
        tasks.cancel_scope.cancel()

    assert lines == ["SOMETHING HAPPENED\n"]


@pytest.mark.usefixtures("_restored")
def test_libraries_and_structlog_write_to_the_same_buffer() -> None:
    written = Log(LogSettings())
    _, buffer = written.open()
    install(written.settings, buffer, wall=lambda: MIDNIGHT)

    structlog.get_logger().info("from structlog")
    logging.getLogger("some.library").error("from %s", "a library")
    buffer.write()

    assert [json.loads(line)["event"] for line in written.lines] == [
        "from structlog",
        "from a library",
    ]
    assert json.loads(written.lines[1])["source"] == "some.library"
