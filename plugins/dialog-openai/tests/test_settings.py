from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
from dialog_openai import dialog_llm
from dialog_openai.realtime.settings import RealtimeSettings
from dialog_openai.settings import OpenAISettings
from dialog_openai.transcribe.settings import TranscribeSettings

from dialog_core.errors import SettingsError
from dialog_core.fields import Secret
from dialog_core.settings import load


def test_everything_has_a_default() -> None:
    settings = OpenAISettings()
    assert settings.api_key is None
    assert settings.model == "gpt-4.1-mini"
    assert (settings.first_token, settings.token_gap, settings.retries) == (2.5, 5.0, 1)


def test_every_setting_says_what_it_is_for() -> None:
    assert all(field.metadata["help"] for field in attrs.fields(OpenAISettings))


def test_the_hook_offers_one_model_named_openai() -> None:
    (factory,) = dialog_llm()
    assert (factory.name, factory.settings) == ("openai", OpenAISettings)


AGENT = """
[agents.front]
agent = "chat"
voip = { use = "twilio", account_sid = "AC00000000000000000000000000000000", auth_token = "t" }
llm = { use = "openai", api_key = { env = "OPENAI_API_KEY" } }
stt = { use = "%s", api_key = { env = "OPENAI_API_KEY" } }
tts = { use = "openai", api_key = { env = "OPENAI_API_KEY" } }
"""


@pytest.mark.requirement("D.5")
@pytest.mark.parametrize(
    ("name", "kind"), [("openai", RealtimeSettings), ("openai:transcribe", TranscribeSettings)]
)
def test_one_distribution_and_one_key_are_a_whole_cascade(
    tmp_path: Path, name: str, kind: type[Any]
) -> None:
    pytest.importorskip("dialog_twilio", reason="the agent is called through dialog-twilio")
    file = tmp_path / "dialog.toml"
    file.write_text(AGENT % name, "utf-8")
    agent = load(file, environ={"OPENAI_API_KEY": "sk-1"}).agents["front"]
    chosen = (agent.llm, agent.stt, agent.tts)
    assert {each.plugin.distribution for each in chosen if each and each.plugin} == {
        "dialog-openai"
    }
    assert isinstance(agent.stt.settings, kind)
    assert all(each.settings.api_key.reveal() == "sk-1" for each in chosen if each)


@pytest.mark.requirement("D.5")
def test_without_the_key_the_file_is_refused_by_its_path(tmp_path: Path) -> None:
    file = tmp_path / "dialog.toml"
    file.write_text(AGENT % "openai", "utf-8")
    with pytest.raises(SettingsError) as caught:
        load(file, environ={})
    paths = {problem.path for problem in caught.value.problems}
    assert {f"agents.front.{kind}.api_key" for kind in ("llm", "stt", "tts")} <= paths


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1",
        "https://llm.example.com/openai/v1/",
        "http://localhost:8000/v1",
        "http://127.0.0.1:8000/v1",
        "http://10.1.2.3/v1",
        "http://vllm:8000/v1",
        "http://models.internal/v1",
    ],
)
def test_a_url_may_be_https_anywhere_or_http_nearby(url: str) -> None:
    assert OpenAISettings(url=url).url == url


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"url": "http://api.openai.com/v1"}, "must be https"),
        ({"url": "api.openai.com/v1"}, "must be an http or https URL"),
        ({"url": "https://api.openai.com/v1?x=1"}, "no user, query or fragment"),
        ({"url": "https://me@api.openai.com/v1"}, "no user, query or fragment"),
        ({"api_key": Secret("")}, "printable ASCII"),
        ({"api_key": Secret("sk\n1")}, "printable ASCII"),
        ({"model": " "}, "must name a model"),
        ({"temperature": 2.1}, "at most 2"),
        ({"max_completion_tokens": 0}, "more than 0"),
        ({"max_completion_tokens": 5, "max_tokens": 5}, "keep one"),
        ({"options": {"stream": False}}, "'stream'"),
        ({"options": {"messages": []}}, "'messages'"),
        ({"headers": {"Content-Type": Secret("x")}}, "'Content-Type'"),
        ({"headers": {"x-key": Secret("é")}}, "'x-key'"),
        ({"headers": {"Authorization": Secret("x")}, "api_key": Secret("k")}, "keep one"),
        ({"first_token": 0}, "more than 0"),
        ({"retries": -1}, "at least 0"),
        ({"coalesce": 0.5}, "at most 0.1"),
    ],
)
def test_a_wrong_setting_is_refused_with_what_would_do(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        OpenAISettings(**wrong)


def test_a_header_may_bring_the_authorization_where_there_is_no_key() -> None:
    settings = OpenAISettings(headers={"authorization": Secret("Basic abc")})
    assert settings.headers["authorization"].reveal() == "Basic abc"


def test_secrets_do_not_print() -> None:
    settings = OpenAISettings(api_key=Secret("sk-1"), headers={"x": Secret("hush")})
    assert "sk-1" not in repr(settings)
    assert "hush" not in repr(settings)
