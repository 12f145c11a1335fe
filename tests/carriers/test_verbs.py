from __future__ import annotations

import anyio.lowlevel
import attrs
import pytest

from dialog_core.carriers.verbs import (
    asking,
    check_callee,
    check_digits,
    check_target,
    setup_steps,
    start_services,
)
from dialog_core.errors import LineError, ProviderUnavailable


@attrs.define
class Line:
    refused: frozenset[str] = frozenset()
    started: list[str] = attrs.field(factory=list)
    notes: list[tuple[str, str]] = attrs.field(factory=list)

    async def start_recording(self) -> str:
        return await self.start("recording")

    async def start_transcription(self) -> str:
        return await self.start("transcription")

    async def start(self, what: str) -> str:
        await anyio.lowlevel.checkpoint()
        if what in self.refused:
            raise LineError("no")
        self.started.append(what)
        return what

    def note(self, what: str, detail: str) -> None:
        self.notes.append((what, detail))


@pytest.mark.anyio
async def test_a_service_that_does_not_start_is_noted_and_stops_nothing() -> None:
    line = Line(frozenset({"recording"}))
    await start_services(line, record=True, transcribe=True)
    assert line.started == ["transcription"]
    assert line.notes == [("recording was not started", "no")]


@pytest.mark.anyio
async def test_what_the_settings_do_not_ask_for_is_not_started() -> None:
    line = Line()
    await start_services(line, record=False)
    assert line.started == []


@pytest.mark.parametrize("digits", ["", "x", "1" * 101, "1 2", "\u0661"])
def test_digits_are_what_a_telephone_can_sound(digits: str) -> None:
    with pytest.raises(LineError, match="digits are"):
        check_digits(digits)
    check_digits("0123456789*#ABCDwW")


@pytest.mark.parametrize("number", ["", "5550001111", "+0", "sip:", "sip:a b", "sip:\u00e4@b"])
def test_numbers_are_e164_or_sip(number: str) -> None:
    with pytest.raises(LineError, match=r"E\.164"):
        check_target(number)
    with pytest.raises(LineError, match=r"E\.164"):
        check_callee("acme", number, shown="+15550001111")
    check_target("sip:tom@example.com")
    check_callee("acme", "+15550002222", shown="+15550001111")


def test_a_call_needs_a_number_to_show() -> None:
    with pytest.raises(LineError, match="acme cannot outbound: set dial_from"):
        check_callee("acme", "+15550002222", shown="")


def test_what_a_rest_interface_refuses_is_the_lines_error() -> None:
    with pytest.raises(LineError, match="cannot transfer: "), asking("transfer"):
        raise ProviderUnavailable("acme", "busy", stage="voip")


def test_dangers_stand_before_the_steps() -> None:
    assert setup_steps("Acme", "https://ours", "Call", unsigned=False) == ["Call"]
    danger, proxy, last = setup_steps("Acme", "http://ours", "Call", unsigned=True)
    assert last == "Call"
    assert "https" in danger + proxy
    assert "DANGER" in danger + proxy
