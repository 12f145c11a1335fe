from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dialog_cartesia.settings import CartesiaSettings
from dialog_deepgram.settings import DeepgramSettings
from dialog_local.settings import SttSettings

from dialog_core.errors import SettingsError
from dialog_core.fields import Secret
from dialog_core.language import in_language
from dialog_core.settings import Settings, load
from dialog_core.sources import Faults

CARTESIA = CartesiaSettings(api_key=Secret("k"), voice="v")
FILE = """
[agents.front]
agent = "chat"
voip = { use = "twilio", account_sid = "AC00000000000000000000000000000000", auth_token = "t" }
llm = { use = "openai", api_key = "k" }
tts = { use = "cartesia", api_key = "k", voice = "v" }
"""
STT = 'stt = { use = "deepgram", api_key = "k" }\n'


def loaded(folder: Path, text: str, **overrides: object) -> Settings:
    file = folder / "dialog.toml"
    file.write_text(FILE + text, "utf-8")
    set_ = [(key.replace("__", "."), value) for key, value in overrides.items()]
    return load(file, environ={}, overrides=set_)


def deepgram(**changes: Any) -> DeepgramSettings:
    return DeepgramSettings(api_key=Secret("k"), **changes)


@pytest.mark.requirement("D.39")
@pytest.mark.parametrize(
    ("settings", "tag", "language"),
    [
        (deepgram(), "en-GB", "en-GB"),
        (deepgram(), "de-AT", "de"),
        (deepgram(language="multi"), "de-AT", "multi"),
        (deepgram(model="flux-general-en"), "en-GB", None),
        (CARTESIA, "pt-BR", "pt"),
        (SttSettings(), "en-IN", "en"),
    ],
)
def test_each_vendor_is_told_the_language_in_its_own_form(
    settings: Any, tag: str, language: str | None
) -> None:
    assert in_language(settings, tag).language == language


@pytest.mark.parametrize(
    "make", [SttSettings, lambda: deepgram(model="flux-general-en")], ids=["local", "flux"]
)
def test_a_language_that_a_vendor_does_not_have_is_refused(make: Callable[[], Any]) -> None:
    with pytest.raises(Faults):
        in_language(make(), "de-DE")


@pytest.mark.requirement("D.39")
def test_the_agents_language_reaches_every_component_that_leaves_it_open(tmp_path: Path) -> None:
    front = loaded(tmp_path, STT, agents__front__language="pt-BR").agents["front"]
    assert (front.stt.settings.language, front.tts.settings.language) == ("pt-BR", "pt")


def test_a_components_own_language_stands(tmp_path: Path) -> None:
    overrides = {"agents__front__language": "pt-BR", "agents__front__stt__language": "es-419"}
    assert loaded(tmp_path, STT, **overrides).agents["front"].stt.settings.language == "es-419"


def test_the_message_says_where_the_language_cannot_be_had(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, 'stt = "local"\n', agents__front__language="de-DE")
    assert str(caught.value) == "agents.front.stt.language: must be one of en, not 'de'"
