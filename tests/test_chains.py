"""Chains in a settings file: several names in place of one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from dialog_core.cli.check import drawn
from dialog_core.errors import SettingsError
from dialog_core.ineffective import without_effect
from dialog_core.policies.stack import Stack
from dialog_core.policies.vote import Vote
from dialog_core.resilience.failover import Chain, members_of
from dialog_core.settings import ResolvedAgent, load, parse_override
from dialog_core.testing.contracts.quiet import QUIET

FILE = """
[agents.front]
agent = "chat"
voip = { use = "twilio", account_sid = "AC00000000000000000000000000000000", auth_token = "t" }
"""
LLM = 'llm = { use = "openai", api_key = "k" }\n'
TTS = 'tts = { use = "cartesia", api_key = "k", voice = "v" }\n'
TABLES = """
[[agents.front.stt]]
use = "deepgram"
api_key = "k"

[[agents.front.stt]]
use = "deepgram"
url = "ws://127.0.0.1:9000"
"""
GOOD = FILE + LLM + TTS + TABLES


def front(
    folder: Path, text: str, *overrides: str, environ: Mapping[str, str] | None = None
) -> ResolvedAgent:
    file = folder / "dialog.toml"
    file.write_text(text, "utf-8")
    set_ = [parse_override(each) for each in overrides]
    return load(file, environ=environ or {}, overrides=set_).agents["front"]


def problem(folder: Path, text: str, *overrides: str) -> str:
    with pytest.raises(SettingsError) as caught:
        front(folder, text, *overrides)
    return str(caught.value)


def test_a_list_of_names_is_a_chain(tmp_path: Path) -> None:
    stt = front(
        tmp_path, FILE + LLM + TTS + 'stt = ["local", "demo"]\n'.replace("demo", "local")
    ).stt
    assert isinstance(stt.settings, Chain)
    assert [member.name for member in members_of(stt)] == ["local", "local"]


def test_a_list_of_tables_is_a_chain_whose_members_have_their_own_settings(tmp_path: Path) -> None:
    agent = front(tmp_path, GOOD, "agents.front.failover.silence=2.5")
    one, two = members_of(agent.stt)
    assert (one.settings.url, two.settings.url) == ("wss://api.deepgram.com", "ws://127.0.0.1:9000")
    assert agent.stt.settings.failover.silence == 2.5


@pytest.mark.requirement("D.39")
def test_every_member_is_told_the_language(tmp_path: Path) -> None:
    agent = front(tmp_path, GOOD, "agents.front.language=de-DE")
    assert [member.settings.language for member in members_of(agent.stt)] == ["de", "de"]


def test_a_list_of_one_is_no_chain(tmp_path: Path) -> None:
    assert front(tmp_path, FILE + LLM + TTS + 'stt = ["local"]\n').stt.name == "local"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD.replace('"k"\n\n', '"k"\nmodle = "nova-2"\n\n'),
         "agents.front.stt.0.modle: unknown key; did you mean 'model'?"),
        (GOOD + "model = 3\n", "agents.front.stt.1.model: must be text, not 3"),
        (FILE + LLM + TTS + 'stt = ["local", "locla"]\n', "agents.front.stt.1.use: no speech-to-text named 'locla'"),
        (FILE + LLM + TTS + "stt = []\n", "agents.front.stt: is empty: name at least one component"),
        (GOOD.replace('agent = "chat"', 'agent = "chat"\nvad = ["energy", "energy"]'),
         "agents.front.vad: must be one component: only stt, llm, tts, endpointer, barge_in may be lists"),
    ],
)  # fmt: skip
def test_a_fault_in_a_chain_is_told_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    assert message in problem(tmp_path, text)


def test_a_language_that_one_member_does_not_have_is_told_with_its_place(tmp_path: Path) -> None:
    text = FILE + LLM + TTS + 'stt = ["local", "local"]\nlanguage = "de-DE"\n'
    assert problem(tmp_path, text).splitlines() == [
        "agents.front.stt.0.language: must be one of en, not 'de'",
        "agents.front.stt.1.language: must be one of en, not 'de'",
    ]


def test_a_member_can_be_overridden_by_its_number(tmp_path: Path) -> None:
    agent = front(tmp_path, GOOD, "agents.front.stt.1.model=nova-2")
    assert [member.settings.model for member in members_of(agent.stt)] == ["nova-3", "nova-2"]
    assert "a list of 2 has no '2'" in problem(tmp_path, GOOD, "agents.front.stt.2.model=nova-2")


def test_check_draws_the_members_in_their_order(tmp_path: Path) -> None:
    file = tmp_path / "dialog.toml"
    file.write_text(GOOD, "utf-8")
    console = Console(width=120, record=True, file=None, quiet=False)
    with console.capture() as captured:
        console.print(drawn(load(file, environ={})))
    lines = [line.strip("│├└─ ") for line in captured.get().splitlines()]
    chain = lines.index("stt, the first that answers")
    assert lines[chain + 1].startswith("1. deepgram")
    assert any(line.startswith("2. deepgram") for line in lines[chain:])


def test_patience_without_a_chain_is_reported(tmp_path: Path) -> None:
    text = FILE + LLM + TTS + 'stt = "local"\nfailover = { silence = 3.0 }\n'
    front(tmp_path, text)
    (told,) = [
        each
        for each in without_effect(load(tmp_path / "dialog.toml", environ={}))
        if each.path == "agents.front.failover"
    ]
    assert told.message == "has no effect: none of stt, llm and tts is a list"


PROVIDERS = """
[agents.front]
agent = "chat"
voip = { use = "twilio", account_sid = "AC00000000000000000000000000000000", auth_token = "t" }
llm = { use = { env = "LLM", default = "openai" }, api_key = "k" }
tts = [{ env = "TTS" }, "local"]
stt = { env = "STT", default = "local" }
"""


@pytest.mark.requirement("D.21", "B.2")
@pytest.mark.parametrize(
    ("environ", "names"),
    [
        ({"TTS": "local"}, ("openai", "local")),
        ({"TTS": "local", "STT": "local:local", "LLM": "openai:openai"}, ("openai", "local")),
    ],
)
def test_the_environment_may_name_the_provider(
    tmp_path: Path, environ: Mapping[str, str], names: tuple[str, str]
) -> None:
    agent = front(tmp_path, PROVIDERS, environ=environ)
    assert agent.llm is not None
    assert (agent.llm.name, agent.stt.name) == names
    assert [member.name for member in members_of(agent.tts)] == ["local", "local"]


@pytest.mark.requirement("D.21")
def test_a_provider_that_the_environment_does_not_name_is_told(tmp_path: Path) -> None:
    told: Any = problem(tmp_path, PROVIDERS)
    assert told.startswith("agents.front.tts.0: environment variable TTS is not set")


# --- policies that decide together


def test_a_list_of_endpointers_is_a_stack_and_of_barge_in_policies_a_vote(tmp_path: Path) -> None:
    lists = 'stt = "local"\nendpointer = ["provider", { use = "heuristic", finished = 0.4 }]\n'
    lists += 'barge_in = ["silero", "backchannel"]\nlanguage = "en-GB"\n'
    agent = front(tmp_path, FILE + LLM + TTS + lists)
    stack, vote = agent.endpointer.build(QUIET), agent.barge_in.build(QUIET)
    assert isinstance(stack, Stack)
    assert [type(member).__name__ for member in stack.members] == ["Provider", "Heuristic"]
    assert members_of(agent.endpointer)[1].settings.finished == 0.4
    assert members_of(agent.endpointer)[1].settings.language == "en"
    assert isinstance(vote, Vote)
    assert [type(member).__name__ for member in vote.members] == ["SileroBargeIn", "Backchannel"]


def test_a_component_may_have_a_component_of_its_own(tmp_path: Path) -> None:
    own = '{ use = "openai", api_key = "k", model = "small" }'
    text = (
        FILE + 'stt = "local"\n' + LLM + TTS + f'endpointer = {{ use = "semantic", llm = {own} }}\n'
    )
    semantic = front(tmp_path, text).endpointer.settings
    assert semantic.llm.settings.model == "small"
    assert semantic.language == "en"
    missing = text.replace(f", llm = {own}", "")
    assert "agents.front.endpointer.llm: missing" in problem(tmp_path, missing)


def test_an_agent_that_needs_a_model_has_one(tmp_path: Path) -> None:
    text = FILE + 'stt = "local"\n' + TTS
    assert problem(tmp_path, text) == "agents.front.llm: missing: agent 'chat' needs one"
