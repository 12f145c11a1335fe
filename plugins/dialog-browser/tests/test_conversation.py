"""The example, whole: a real browser, a WAV file as its microphone, the recogniser, the voice and the booking agent."""

from __future__ import annotations

import os
import wave
from pathlib import Path

import anyio
import attrs
import numpy as np
import pytest
from dialog_browser.testing.chromium import Chromium, chromium_path, open_chromium

from dialog_core import g711, wav
from dialog_core.app import new_app
from dialog_core.net.server import serve
from dialog_core.net.services import open_services
from dialog_core.observe.observations import CallEnded, Counted, Observation, ReplyTimed, Trouble
from dialog_core.resample import Resampler
from dialog_core.settings import load
from dialog_core.testing.pytest_plugin import real_loop

pytest.importorskip("dialog_silero")
local = pytest.importorskip("dialog_local.models")

EXAMPLES = Path(__file__).parents[3] / "contrib/examples"
RATE = 48_000
PATIENCE = 120.0
"""Not a bound on anything that is shown: a slow machine may take its time."""
CALLS = 3
"""Calls at most: one that the machine had no time for, as the server counts, is held again if it went wrong."""
FOLLOW = """window.states = [];
new MutationObserver(() => states.push(document.body.dataset.state))
  .observe(document.body, {attributes: true, attributeFilter: ["data-state"]})"""
HEARD = """new Promise(resolve => setTimeout(resolve, 50)).then(
  () => [document.body.dataset.state, dialog.rms(), document.querySelector("#state").innerText])"""
TURNS = """[...document.querySelectorAll("#transcript li")].map(item => [item.className, item.innerText])"""

pytestmark = [
    pytest.mark.anyio,
    real_loop,
    pytest.mark.browser,
    pytest.mark.models,
    pytest.mark.skipif(
        chromium_path() is None, reason="no Chromium is installed: apt-get install chromium"
    ),
    pytest.mark.skipif(
        bool(local.missing(local.MOONSHINE, local.default_folder() / local.MOONSHINE.name)),
        reason="the model files are missing; run: dialogctl models fetch",
    ),
]


def microphone(path: Path, *parts: float | str) -> Path:
    """A WAV file of the caller's lines, by name, and of seconds of silence between them."""
    pieces = []
    for part in parts:
        if isinstance(part, str):
            line = wav.parse((EXAMPLES / "local/caller" / part).read_bytes())
            pieces.append(g711.decode(line.data, line.fmt.encoding))
        else:
            pieces.append(np.zeros(round(part * 8000), np.int16))
    resampler = Resampler(8000, RATE)
    samples = np.concatenate((resampler.feed(np.concatenate(pieces)), resampler.flush()))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    return path


@attrs.define
class Visit:
    """What a visitor saw and heard."""

    states: list[str] = attrs.field(factory=list)
    loudest: dict[str, float] = attrs.field(factory=dict)
    """Of the agent's sound as the page played it, by state: root mean square, 1 is full scale."""
    turns: list[tuple[str, str]] = attrs.field(factory=list)

    async def watch(self, browser: Chromium) -> None:
        """Look at the page until the call has ended."""
        state = ""
        while state != "ended":
            before = state
            state, rms, says = await browser.script(HEARD)
            assert says
            if state != before:
                await keep(browser, f"talk-{len(self.loudest)}-{state}")
            self.loudest[state] = max(self.loudest.get(state, 0.0), rms["agent"])
        self.states = await browser.script("states")
        self.turns = [(kind, text) for kind, text in await browser.script(TURNS)]
        await keep(browser, "ended")

    def said(self, side: str) -> str:
        """All that one side said."""
        return " ".join(text for kind, text in self.turns if kind.split()[0] == side)


async def keep(browser: Chromium, name: str) -> None:
    """Keep a picture where the environment wants one."""
    if folder := os.environ.get("DIALOG_BROWSER_PICTURES"):
        await anyio.Path(folder, f"{name}.png").write_bytes(await browser.picture())


@pytest.mark.requirement("D.14")
@pytest.mark.timeout((PATIENCE + 60) * CALLS)
async def test_a_visitor_holds_a_conversation_with_a_barge_in(tmp_path: Path) -> None:
    heard = microphone(tmp_path / "caller.wav", 7.5, "3-hours.wav", 3.6, "9-goodbye.wav", 10.0)
    for more in reversed(range(CALLS)):
        visit, observed = await visited(heard)
        try:
            judge(visit, observed)
        except AssertionError:
            if not more or not unheard(observed):
                raise
        else:
            return


def unheard(observed: list[Observation]) -> int:
    """Pieces of the caller's speech that the server had no time to listen to: the machine was too busy for a call."""
    skipped = [each for each in observed if isinstance(each, Counted)]
    return sum(each.amount for each in skipped if each.what == "speech windows skipped")


async def visited(heard: Path) -> tuple[Visit, list[Observation]]:
    """Hold the call in a browser; returns what was seen there, and what the server told of itself."""
    settings = load(EXAMPLES / "browser/dialog.toml", overrides=[("server.port", 0)])
    observed: list[Observation] = []
    up, address = anyio.Event(), ""
    visit = Visit()

    def ready(where: str) -> None:
        nonlocal address
        address = where
        up.set()

    async with (
        anyio.create_task_group() as tasks,
        open_services(observe=observed.append) as services,
    ):
        app = new_app(settings, observe=observed.append)
        tasks.start_soon(lambda: serve(app, ready=ready))
        await up.wait()
        async with open_chromium(services, microphone=heard) as browser:
            with anyio.fail_after(PATIENCE):
                await browser.open(f"{address}/dentist/browser/")
                await browser.script(FOLLOW)
                await browser.click("#talk")
                await visit.watch(browser)
            assert browser.complaints == []
        tasks.cancel_scope.cancel()
    return visit, observed


def judge(visit: Visit, observed: list[Observation]) -> None:
    """Was it the call that it was to be?"""
    assert [each for each in observed if isinstance(each, Trouble)] == []
    assert visit.states[:4] == ["connecting", "listening", "thinking", "speaking"]
    assert visit.states[-1] == "ended"
    assert visit.loudest["speaking"] > 0.05
    assert visit.loudest.get("thinking", 0.0) < 0.01
    assert "Hello, this is the booking assistant" in visit.said("agent")
    assert "opening hours" in visit.said("caller")
    assert "We are open from Monday" in visit.said("agent")
    assert "(interrupted)" in visit.said("agent")
    assert "Goodbye" in visit.said("agent")
    assert visit.turns[-1] == ("ended", "Call ended")
    outcomes = [each.outcome for each in observed if isinstance(each, ReplyTimed)]
    assert (outcomes[0], outcomes[-1]) == ("Said", "Said")
    assert "BargeIn" in outcomes
    (ended,) = [each for each in observed if isinstance(each, CallEnded)]
    assert ended.reason == "agent hung up"
    assert ended.turns >= 2
