"""The contracts find mistakes, and nothing in what is right."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import anyio.lowlevel
import attrs
import pytest

from dialog_core.errors import PluginError
from dialog_core.testing.contracts import (
    Door,
    SttAbility,
    SttContract,
    SttKit,
    SttVendor,
    TtsAbility,
    TtsContract,
    TtsKit,
    component,
)
from dialog_core.testing.contracts.contract import calls_counted
from dialog_core.testing.contracts.run import discover_kits, run_kits
from dialog_core.testing.contracts.stage import Stage, awaits_of, on_stage
from dialog_core.testing.distributions import install_distribution

pytestmark = pytest.mark.anyio

SNIPPETS = Path(__file__).parents[2] / "docs" / "snippets"


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tutorials' plugins and their spoilt twins, as if they were installed."""
    component.catalog.cache_clear()
    points = {
        "acme-stt": "dialog_acme_stt",
        "acme-tts": "dialog_acme_tts",
        "faulty": "tests.testing.faulty",
    }
    for name, module in points.items():
        info = tmp_path / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[dialog.plugins]\n{name} = {module}\n")
    for folder in (tmp_path, SNIPPETS / "dialog-acme-stt", SNIPPETS / "dialog-acme-tts"):
        monkeypatch.syspath_prepend(folder)
    return tmp_path


def stt(mistake: str, **changes: Any) -> SttContract:
    good = importlib.import_module("dialog_acme_stt.kits").kits()[0]
    table = {**good.table, "mistake": mistake}
    kit: SttKit = attrs.evolve(good, name="faulty", table=table, **changes)
    contract: SttContract = type("Faulty", (SttContract,), {"kit": kit})()
    return contract


def tts(mistake: str, **changes: Any) -> TtsContract:
    good = importlib.import_module("dialog_acme_tts.kits").kits()[0]
    table = {**good.table, "mistake": mistake}
    kit: TtsKit = attrs.evolve(good, name="faulty", table=table, **changes)
    contract: TtsContract = type("Faulty", (TtsContract,), {"kit": kit})()
    return contract


STT_MISTAKES = [
    ("waits for the vendor", "test_opening_does_not_wait_for_the_vendor", ()),
    ("takes only whole frames", "test_how_audio_is_cut_does_not_matter", (333,)),
    ("keeps its own clock", "test_times_are_the_calls_own", ()),
    ("says words twice", "test_phrases_are_settled_in_their_order", ()),
    ("keeps quiet about words", "test_words_have_times", ()),
    ("swallows errors", "test_a_wrong_key_is_an_error_at_once_and_not_tried_again", ()),
    ("is slow to leave", "test_cancelled_at_any_await_it_leaves_nothing_running", ()),
]


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize(("mistake", "law", "arguments"), STT_MISTAKES)
async def test_a_recognisers_mistake_is_found(
    mistake: str, law: str, arguments: tuple[Any, ...]
) -> None:
    await getattr(stt(""), law)(*arguments)
    with pytest.raises(AssertionError):
        await getattr(stt(mistake), law)(*arguments)


TTS_MISTAKES = [
    ("speaks markup", "test_text_is_text_whatever_its_characters_mean_elsewhere"),
    ("ends in silence", "test_a_wrong_key_is_an_error"),
    ("never ends a segment", "test_a_segment_is_spoken_to_its_end_before_there_is_another"),
    ("ends a segment twice", "test_a_reply_is_spoken_segment_by_segment"),
    ("speaks another format", "test_a_reply_is_spoken_segment_by_segment"),
    ("confuses replies", "test_replies_follow_each_other"),
    ("tells times it does not claim", "test_word_times_rise_and_lie_inside_the_audio"),
]


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize(("mistake", "law"), TTS_MISTAKES)
async def test_a_voices_mistake_is_found(mistake: str, law: str) -> None:
    await getattr(tts(""), law)()
    with pytest.raises((AssertionError, TimeoutError)):
        await getattr(tts(mistake), law)()


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize("ability", [SttAbility.WORDS, SttAbility.TURNS, SttAbility.SPEAKERS])
async def test_a_recogniser_that_boasts_is_found_out(ability: SttAbility) -> None:
    laws = {
        SttAbility.WORDS: "test_words_have_times",
        SttAbility.TURNS: "test_it_says_when_a_turn_is_over",
        SttAbility.SPEAKERS: "test_it_says_who_spoke",
    }
    with pytest.raises(AssertionError):
        await getattr(stt("", abilities=frozenset({ability})), laws[ability])()


@pytest.mark.usefixtures("acme")
async def test_a_voice_that_boasts_is_found_out() -> None:
    boastful = tts("", abilities=frozenset({TtsAbility.WORD_TIMES}))
    with pytest.raises((AssertionError, IndexError)):
        await boastful.test_word_times_rise_and_lie_inside_the_audio()


# --- the stage


def nobody() -> SttVendor:
    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            continue

    return SttVendor(Door(app), lambda *_phrases: None)


KIT = SttKit("none", {}, nobody)


async def test_a_connection_left_open_fails_the_test() -> None:
    with pytest.RaisesGroup(pytest.RaisesExc(AssertionError, match="were left open")):
        async with anyio.create_task_group() as tasks:
            async with on_stage(KIT, nobody()) as stage:
                await tasks.start(hold_open, stage)


async def hold_open(stage: Stage[SttVendor], *, task_status: anyio.abc.TaskStatus[None]) -> None:
    async with stage.services.connect("ws://vendor.example"):
        task_status.started()
        await anyio.sleep_forever()


async def test_a_task_left_running_fails_the_test() -> None:
    with pytest.RaisesGroup(pytest.RaisesExc(AssertionError, match="a task was left running")):
        async with anyio.create_task_group() as tasks:
            async with on_stage(KIT, nobody()):
                tasks.start_soon(anyio.sleep_forever)


async def test_work_is_cancelled_at_each_of_its_awaits() -> None:
    reached: list[int] = []

    async def work() -> None:
        for number in range(3):
            reached.append(number)
            await anyio.lowlevel.checkpoint()

    async with on_stage(KIT, nobody()) as stage:
        assert await awaits_of(stage, work) == 3
    assert reached == [0, 0, 1, 0, 1, 2, 0, 1, 2]


async def test_what_goes_on_after_a_cancellation_is_found() -> None:
    async def stubborn() -> None:
        with anyio.move_on_after(10, shield=True):
            await anyio.sleep_forever()

    async with on_stage(KIT, nobody()) as stage:
        with pytest.raises(AssertionError, match="it left 10 s later"):
            await awaits_of(stage, stubborn)


def test_calls_of_the_core_are_counted_and_not_those_of_its_test_code() -> None:
    from dialog_core.audio import TELEPHONE  # noqa: PLC0415 - only here

    with calls_counted("dialog_core") as calls:
        for _ in range(10):
            TELEPHONE.seconds(8000)
        nobody()
    assert calls.count == 10


# --- an installed plugin


def test_the_kit_runs_on_an_installed_plugin_and_reports(acme: Path) -> None:
    report = acme / "report.json"
    assert run_kits("acme-stt", report) == 0
    (kit,) = json.loads(report.read_text())["kits"]
    assert kit["component"] == "acme-stt"
    assert kit["contract"] == "1.0"
    assert kit["distribution"] == "acme-stt 1.0"
    assert kit["failed"] == {}
    assert kit["abilities"]["reconnects"] == "proven"
    assert kit["abilities"]["words"] == "not claimed"
    text = report.with_suffix(".txt").read_text()
    assert "proven       reconnects" in text
    assert "the fake vendor cannot lie" in text


def test_a_plugin_without_kits_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = install_distribution(tmp_path, "dialog-bare", "")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PluginError, match=f"brings no kits; define kits\\(\\) in {module}.testing"):
        discover_kits("bare")
    sys.modules.pop(module, None)


def test_a_plugin_that_is_not_installed_is_told_with_those_that_are() -> None:
    with pytest.raises(PluginError, match=r"is not installed; installed: .*policies"):
        discover_kits("nonesuch")
