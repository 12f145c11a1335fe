"""The same conversation on every line, with every recogniser and every voice of the first-party plugins.

The combinations are made from what is installed: each plugin below ``plugins/`` brings the kits that pretend its
vendor, and a new one takes part without a word here. Every VoIP, STT and TTS kit meets every other. Two things are
left out of that product, because it would only grow longer:

- language models take turns: each meets each line, each recogniser and each voice, but not each pair of them;
- speech that is computed in this process needs real time; it holds the conversation once, marked `models`.
"""

from __future__ import annotations

import json
from difflib import SequenceMatcher
from itertools import product
from pathlib import Path

import pytest

from dialog_core.installed import Installed, canonical
from dialog_core.observe.observations import Personal
from dialog_core.testing.contracts import TtsKit
from dialog_core.testing.contracts.caller import same_words
from dialog_core.testing.distributions import install_distribution
from dialog_core.testing.pytest_plugin import real_loop
from dialog_core.turns.records import BargeIn, Said, TurnComplete
from tests.scenarios.catalogue import (
    Combination,
    combinations,
    distributions,
    first_party,
    kits_of,
    local_combination,
    title,
    untested,
)
from tests.scenarios.conversation import (
    GOODBYE,
    GREETING,
    ORDER,
    QUESTION,
    REMARK,
    REPLY,
    STATUS,
    THANKS,
    Conversation,
    hold,
)

ALL = tuple(combinations())
SAID = (QUESTION, REMARK, THANKS)


# --- the catalogue --------------------------------------------------------------------------------------------------


def test_every_plugin_of_this_repository_is_installed() -> None:
    assert {canonical(each.distribution) for each in first_party()} == set(distributions())


@pytest.mark.parametrize("plugin", first_party(), ids=lambda plugin: plugin.name)
def test_every_component_of_a_plugin_comes_with_a_kit(plugin: Installed) -> None:
    assert untested(plugin) == []


def test_a_component_without_a_kit_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = """
    @hookimpl
    def dialog_stt():
        return [Factory("acme", NoSettings, make), Factory("second", NoSettings, make)]
    """
    module = install_distribution(tmp_path, "dialog-acme", source)
    monkeypatch.syspath_prepend(tmp_path)
    acme = Installed("acme", module, "dialog-acme", "1.0")
    assert untested(acme) == ["stt acme", "stt acme:second"]


def test_every_line_meets_every_recogniser_and_every_voice() -> None:
    kits = [kit for plugin in first_party() for kit in kits_of(plugin)]
    remote = {
        kind: {title(k) for k in kits if k.kind == kind and not getattr(k, "local", False)}
        for kind in ("voip", "stt", "tts", "llm")
    }
    met = {(title(c.voip), title(c.stt), title(c.tts)) for c in ALL}
    assert met == set(product(remote["voip"], remote["stt"], remote["tts"]))
    assert len(ALL) == len(met)
    for kind in ("voip", "stt", "tts"):
        pairs = {(title(getattr(c, kind)), title(c.llm)) for c in ALL}
        assert pairs == set(product(remote[kind], remote["llm"]))


# --- the conversation -----------------------------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.parametrize("parts", ALL, ids=str)
async def test_the_conversation_is_held(parts: Combination, tmp_path: Path) -> None:
    held = await hold(parts, tmp_path)
    assert_nothing_failed(held)
    turns = [each.utterance.text for each in held.records if isinstance(each, TurnComplete)]
    assert len(turns) == len(SAID)
    assert all(same_words(heard, said) for heard, said in zip(turns, SAID, strict=True)), turns
    assert_replies(held)
    assert_heard_on_the_phone(held, parts.tts)
    assert_model_was_told(held, turns)


@pytest.mark.anyio
@pytest.mark.models
@pytest.mark.timeout(180)
@real_loop
async def test_the_conversation_is_held_with_real_models(tmp_path: Path) -> None:
    parts = local_combination()
    if parts.stt.absent:
        pytest.skip(parts.stt.absent)
    held = await hold(parts, tmp_path)
    assert_nothing_failed(held)
    turns = [each.utterance.text for each in held.records if isinstance(each, TurnComplete)]
    assert len(turns) == len(SAID)
    alike = [alikeness(heard, said) for heard, said in zip(turns, SAID, strict=True)]
    assert min(alike) > 0.6, turns
    assert_replies(held)
    assert_model_was_told(held, turns)


def alikeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one.lower(), other.lower()).ratio()


def assert_nothing_failed(held: Conversation) -> None:
    """Nobody complained, the call ended as it should, and nothing of it is left."""
    assert held.troubles == []
    assert held.phone.warnings == []
    assert [each.reason for each in held.endings] == ["agent hung up"]
    assert not held.phone.live
    assert held.server.room.calls == 0
    assert {name: door.opened - door.closed for name, door in held.doors.items()} == dict.fromkeys(
        held.doors, 0
    )
    assert held.tasks_left == 0


def assert_replies(held: Conversation) -> None:
    """Everything was heard whole, but for the one reply that the caller interrupted."""
    whole = [each.heard for each in held.records if isinstance(each, Said)]
    assert whole == [GREETING, REPLY, GOODBYE]
    (cut,) = [each.heard for each in held.records if isinstance(each, BargeIn)]
    assert cut
    assert STATUS.startswith(cut)
    assert cut != STATUS


def assert_heard_on_the_phone(held: Conversation, tts: TtsKit) -> None:
    """What counts as heard is what the caller's telephone played: the reply fades at a voice, and words end it."""
    pace = tts.seconds_per_character
    assert pace is not None
    phone, when = held.phone, held.moments
    greeting = held.sounded(0, when[QUESTION])
    assert greeting == pytest.approx(pace * len(GREETING), rel=0.1, abs=0.2)
    faded, *again = phone.clears
    assert len(again) <= 1, "cleared to fade, and once more if anything was left when words came"
    assert 0.1 < faded - when[REMARK] < 0.4
    (cut,) = [each.heard for each in held.records if isinstance(each, BargeIn)]
    played = STATUS[: round(held.sounded(when[QUESTION], faded) / pace)]
    assert 0 <= len(whole_words(played, STATUS)) - len(cut.split()) <= 1, (cut, played)
    goodbye = held.sounded(when[THANKS], phone.now)
    assert goodbye == pytest.approx(pace * len(GOODBYE), rel=0.1, abs=0.2)


def whole_words(played: str, text: str) -> list[str]:
    """Those of a text's beginning whose last letter was played, too."""
    return f"{text} "[: len(played) + 1].rpartition(" ")[0].split()


def assert_model_was_told(held: Conversation, turns: list[str]) -> None:
    """The caller's words reached the model, the tool ran once, and the model knows of its reply what was heard."""
    (ending,) = held.endings
    assert ending.noted == {"looked_up": Personal(ORDER)}
    question, result, remark, thanks, _ = (json.dumps(prompt) for prompt in held.prompts)
    told = (question, remark, thanks)
    assert all(turn in prompt for turn, prompt in zip(turns, told, strict=True))
    assert "with the courier" in result
    (cut,) = [each.heard for each in held.records if isinstance(each, BargeIn)]
    assert f"{cut} \\u2014" in remark
    assert STATUS not in remark
