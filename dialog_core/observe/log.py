"""The log: syslog levels, fields instead of sentences, nothing personal, and no writing in the path of a call.

A log call appends to a bounded buffer. One task formats and writes what is there, in a worker thread, so that a slow
disk or terminal holds up neither a call nor the event loop; what does not fit is dropped and counted.
An application may pass its own formatter and sink::

    buffer = LogBuffer(LogSettings(), formatter=json_line, sink=my_queue.put_nowait)
    log = new_logger(LogSettings(), buffer, wall=clock.wall)
"""

from __future__ import annotations

import json
import logging
import sys
from collections import deque
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any

import anyio
import attrs
import structlog
from anyio import to_thread

from dialog_core.fields import setting
from dialog_core.observe.observations import Personal

__all__ = [
    "FORMATTERS",
    "LEVELS",
    "Formatter",
    "LogBuffer",
    "LogSettings",
    "Logger",
    "Sink",
    "StandardHandler",
    "console_line",
    "install",
    "json_line",
    "new_logger",
    "standard_error",
]

Entry = Mapping[str, Any]
Formatter = Callable[[Entry], str]
"""An entry (``at``, ``level``, ``event`` and the fields) as one line."""
Sink = Callable[[str], None]
"""Takes whole lines; called in a worker thread, one call at a time; may be slow."""

LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
"""The severities of RFC 5424, mildest first."""
FLUSH_SECONDS = 0.25
LAST_FLUSH_SECONDS = 1.0


@attrs.frozen
class LogSettings:
    """The ``[log]`` table."""

    level: str = setting(default="info", one_of=LEVELS, help="the mildest level that is written")
    format: str = setting(
        default="console", one_of=("console", "json"), help="what a line looks like"
    )
    personal: bool = setting(
        default=False, help="write what callers say and who they are; leave it off in production"
    )


# --- lines ----------------------------------------------------------------------------------------------------------


def json_line(entry: Entry) -> str:
    """One JSON object; what JSON does not know is written as its `repr`."""
    moment = datetime.fromtimestamp(entry["at"], UTC).isoformat(timespec="milliseconds")
    return json.dumps({**entry, "at": moment}, default=repr, ensure_ascii=False)


def console_line(entry: Entry) -> str:
    """Time of day (UTC), level, event, fields."""
    moment = datetime.fromtimestamp(entry["at"], UTC).strftime("%H:%M:%S.%f")[:-3]
    fields = (f"{k}={v}" for k, v in entry.items() if k not in {"at", "level", "event"} and v != "")
    return " ".join((moment, f"{entry['level']:<9}", str(entry["event"]), *fields)).replace(
        "\n", "\\n"
    )


FORMATTERS: Mapping[str, Formatter] = {"console": console_line, "json": json_line}


def standard_error(text: str) -> None:
    """Write to the process's standard error."""
    sys.stderr.write(text)
    sys.stderr.flush()


# --- the buffer -----------------------------------------------------------------------------------------------------


@attrs.define
class LogBuffer:
    """Keeps entries until they are written; bounded."""

    settings: LogSettings
    formatter: Formatter = attrs.field()
    sink: Sink = standard_error
    limit: int = 10_000
    dropped: int = attrs.field(default=0, init=False)
    """How many entries did not fit, since the process began."""
    _waiting: deque[Entry] = attrs.field(init=False, factory=deque)
    _told: int = attrs.field(default=0, init=False)

    @formatter.default
    def _formatter(self) -> Formatter:
        return FORMATTERS[self.settings.format]

    def append(self, entry: Entry) -> None:
        """Keep an entry; never waits. From any thread."""
        if len(self._waiting) < self.limit:
            self._waiting.append(entry)
        else:
            self.dropped += 1

    def write(self) -> None:
        """Format and write all that waits; blocks as long as the sink does."""
        lines = []
        while self._waiting:
            lines.append(self.formatter(entry := self._waiting.popleft()))
        if self.dropped > self._told and lines:
            lost = self.dropped - self._told
            report = {"at": entry["at"], "level": "warning", "event": "log entries dropped"}
            lines.append(self.formatter({**report, "amount": lost}))
            self._told += lost
        if lines:
            self.sink("".join(f"{line}\n" for line in lines))

    async def run(self) -> None:
        """Write every quarter of a second until cancelled, and then what is left."""
        one_writer = anyio.CapacityLimiter(1)
        try:
            while True:
                await anyio.sleep(FLUSH_SECONDS)
                if self._waiting:
                    await to_thread.run_sync(self.write, limiter=one_writer)
        finally:
            with anyio.move_on_after(LAST_FLUSH_SECONDS, shield=True):
                await to_thread.run_sync(self.write, abandon_on_cancel=True)


# --- the logger -----------------------------------------------------------------------------------------------------


class Logger(structlog.BoundLoggerBase):
    """A structlog logger with the syslog levels. `event` is a constant; what varies is a field."""

    def log(self, level: str, event: str, **fields: Any) -> None:
        """Log at a level given by name."""
        try:
            _, entry = self._process_event(level, event, fields)
        except structlog.DropEvent:
            return
        self._logger.append(entry)

    def debug(self, event: str, **fields: Any) -> None:
        self.log("debug", event, **fields)

    def info(self, event: str, **fields: Any) -> None:
        self.log("info", event, **fields)

    def notice(self, event: str, **fields: Any) -> None:
        self.log("notice", event, **fields)

    def warning(self, event: str, **fields: Any) -> None:
        self.log("warning", event, **fields)

    def error(self, event: str, **fields: Any) -> None:
        self.log("error", event, **fields)

    def critical(self, event: str, **fields: Any) -> None:
        self.log("critical", event, **fields)

    def alert(self, event: str, **fields: Any) -> None:
        self.log("alert", event, **fields)

    def emergency(self, event: str, **fields: Any) -> None:
        self.log("emergency", event, **fields)


def processors(
    settings: LogSettings, wall: Callable[[], float]
) -> list[structlog.typing.Processor]:
    """From a log call to an entry. wall: seconds since 1970."""
    threshold = LEVELS.index(settings.level)

    def filtered(_log: object, level: str, fields: MutableMapping[str, Any]) -> Entry:
        if LEVELS.index(level) < threshold:
            raise structlog.DropEvent
        event = fields.pop("event")
        entry = {"at": wall(), "level": level, "event": event}
        for key, value in fields.items():
            if not isinstance(value, Personal):
                entry[key] = value
            elif settings.personal:
                entry[key] = value.text
        return entry

    def finished(_log: object, _level: str, fields: MutableMapping[str, Any]) -> tuple[Any, Any]:
        return (), fields

    return [structlog.contextvars.merge_contextvars, filtered, finished]


def new_logger(settings: LogSettings, buffer: LogBuffer, *, wall: Callable[[], float]) -> Logger:
    """A logger that is nobody's global."""
    chain = processors(settings, wall)
    return structlog.wrap_logger(buffer, processors=chain, wrapper_class=Logger).bind()  # type: ignore[no-any-return] # structlog types its proxies as Any


def install(settings: LogSettings, buffer: LogBuffer, *, wall: Callable[[], float]) -> Logger:
    """Make a logger the process's own: ``structlog.get_logger()`` and the standard library write to `buffer` too."""
    structlog.configure(
        processors=processors(settings, wall),
        wrapper_class=Logger,
        logger_factory=lambda *_: buffer,
        cache_logger_on_first_use=False,
    )
    log = new_logger(settings, buffer, wall=wall)
    logging.basicConfig(handlers=[StandardHandler(log)], level=logging.INFO, force=True)
    return log


class StandardHandler(logging.Handler):
    """Takes what libraries log through the standard library."""

    def __init__(self, log: Logger) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        level = "critical" if record.levelno >= logging.CRITICAL else record.levelname.lower()
        error = {"error": repr(record.exc_info[1])} if record.exc_info else {}
        self._log.log(
            level if level in LEVELS else "info", record.getMessage(), source=record.name, **error
        )
