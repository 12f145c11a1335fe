from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from dialog_core.errors import SettingsError
from dialog_core.fields import Secret
from dialog_core.ineffective import without_effect
from dialog_core.plugins import Plugins, discover
from dialog_core.settings import Settings, load, parse_override
from dialog_core.testing.distributions import install_distribution

POLICIES = """
@attrs.frozen
class Patience:
    min_silence: float = setting(default=0.5, unit="s", above=0, help="silence that ends a turn")
    longest: float = setting(default=2.0, unit="s", help="never waits longer")

    @longest.validator
    def _(self, attribute, value):
        if value < self.min_silence:
            raise ValueError("must not be below min_silence")

@attrs.frozen
class Cut:
    after: float = setting(default=0.3, help="speech")

@hookimpl
def dialog_vad():
    return (Factory("energy", NoSettings, make),)

@hookimpl
def dialog_endpointer():
    return (Factory("heuristic", Patience, make), Factory("adaptive", NoSettings, make))

@hookimpl
def dialog_barge_in():
    return (Factory("hard-cut", Cut, make), Factory("backchannel", NoSettings, make))

@hookimpl
def dialog_observer():
    return (Factory("log", NoSettings, make),)
"""
VENDOR = """
import enum
from collections.abc import Mapping
from typing import Literal

class Pace(enum.Enum):
    SLOW = "slow"
    FAST = "fast"

@attrs.frozen
class Voice:
    id: str = setting(help="the voice's id")
    speed: float = setting(default=1.0, at_least=0.5, at_most=2.0, help="of speech")

@attrs.frozen
class VendorSettings:
    api_key: Secret = setting(help="key of the account")
    model: str = setting(default="nova-3", help="name of the model")
    voice: Voice | None = setting(default=None, help="who speaks")
    channels: int = setting(default=1, at_least=1, at_most=2, help="of audio")
    fast: bool = setting(default=False, help="hurry")
    tries: int | None = setting(default=None, help="attempts")
    pace: Pace = setting(default=Pace.SLOW, help="of words")
    tier: Literal["free", "paid"] = setting(default="free", help="of the account")
    keywords: tuple[str, ...] = setting(default=(), help="words to expect")
    weights: Mapping[str, float] = setting(factory=dict, help="of keywords")

@hookimpl
def dialog_voip():
    return (Factory("vendor", NoSettings, make),)

@hookimpl
def dialog_stt():
    return (Factory("vendor", VendorSettings, make),)

@hookimpl
def dialog_tts():
    return (Factory("vendor", VendorSettings, make),)

@hookimpl
def dialog_llm():
    return (Factory("vendor", VendorSettings, make),)

@hookimpl
def dialog_agent():
    return (Factory("vendor", NoSettings, make),)
"""
FRONT = """
[agents.front]
agent = "vendor"
voip = "vendor"
"""
STT = '[agents.front.stt]\nuse = "vendor"\napi_key = { env = "KEY" }\n'
TTS = '[agents.front.tts]\nuse = "vendor"\napi_key = "k"\n'
GOOD = FRONT + STT + TTS
ENVIRON = {"KEY": "a key"}


@attrs.frozen
class Desk:
    """A folder with a settings file, and the plugins it may name."""

    folder: Path

    def load(self, text: str, *overrides: str, **environ: str) -> Settings:
        file = self.folder / "dialog.toml"
        file.write_text(text, "utf-8")
        return load(
            file,
            overrides=[parse_override(override) for override in overrides],
            environ={**ENVIRON, **environ},
            plugins=Plugins(discover([str(self.folder)])),
        )

    def problems(self, text: str, *overrides: str, **environ: str) -> list[str]:
        with pytest.raises(SettingsError) as caught:
            self.load(text, *overrides, **environ)
        return [str(problem) for problem in caught.value.problems]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.syspath_prepend(tmp_path)
    install_distribution(tmp_path, "dialog-core", POLICIES, entry_point="policies")
    install_distribution(tmp_path, "dialog-vendor", VENDOR)
    return Desk(tmp_path)


@pytest.mark.requirement("D.3")
def test_a_whole_agent_is_one_table_with_defaults(desk: Desk) -> None:
    front = desk.load(GOOD).agents["front"]

    assert (front.name, front.language, front.turns.patience) == ("front", "en-US", 8.0)
    assert {kind: chosen.name for kind, chosen in front.components()} == {
        "voip": "vendor",
        "stt": "vendor",
        "tts": "vendor",
        "vad": "energy",
        "endpointer": "adaptive, heuristic",
        "barge_in": "hard-cut, backchannel",
        "agent": "vendor",
    }
    assert front.stt.settings.model == "nova-3"


def test_every_problem_is_told_at_once_with_its_path(desk: Desk) -> None:
    text = """
    [log]
    level = "loud"
    [server]
    prot = 80
    [agents.front]
    agent = "vendor"
    stt = { use = "vendor", modle = "x", channels = 3 }
    tts = { use = "vendr", api_key = "k" }
    greeting = "hello"
    """
    misspelt = "no text-to-speech named 'vendr'; installed: vendor; did you mean 'vendor'?"
    levels = "debug, info, notice, warning, error, critical, alert, emergency"
    assert set(desk.problems(text)) == {
        "agents.front.greeting: unknown key",
        "agents.front.voip: missing: VoIP line",
        "agents.front.stt.modle: unknown key; did you mean 'model'?",
        'agents.front.stt.api_key: missing: key of the account; write api_key = { env = "NAME" }',
        "agents.front.stt.channels: must be at most 2, not 3",
        f"agents.front.tts.use: {misspelt}",
        "server.prot: unknown key; did you mean 'port'?",
        f"log.level: must be one of {levels}, not 'loud'",
    }


REFUSED = {
    'fast = "no"': "fast: must be true or false, not 'no'",
    "channels = true": "channels: must be a whole number, not true",
    "channels = 1.5": "channels: must be a whole number, not 1.5",
    "model = 3": "model: must be text, not 3",
    "api_key = 7": 'api_key: must be text, best { env = "NAME" }',
    'api_key = "  "': "api_key: is empty",
    'pace = "quick"': "pace: must be one of slow, fast, not 'quick'",
    'tier = "none"': "tier: must be one of free, paid, not 'none'",
    'keywords = "one"': "keywords: must be a list, not 'one'",
    'keywords = ["one", 2]': "keywords.1: must be text, not 2",
    'weights = { one = "1" }': "weights.one: must be a number, not '1'",
    "weights = 1": "weights: must be a table, not 1",
    'tries = "3"': "tries: must be a whole number, not '3'",
    "voice = { speed = 3.0 }": "voice.id: missing: the voice's id|voice.speed: must be at most 2.0, not 3.0",
    "model = { env = 3 }": 'model: a source is written { env = "NAME" } or { file = "path" }',
}


@pytest.mark.parametrize("line", REFUSED)
def test_a_setting_takes_its_own_type_only(desk: Desk, line: str) -> None:
    key = "" if line.startswith("api_key") else 'api_key = "k"\n'
    problems = desk.problems(f'{FRONT}{TTS}[agents.front.stt]\nuse = "vendor"\n{key}{line}\n')

    assert problems == [f"agents.front.stt.{problem}" for problem in REFUSED[line].split("|")]


def test_every_type_is_structured(desk: Desk) -> None:
    text = (
        GOOD + 'fast = true\nchannels = 2\ntries = 3\npace = "fast"\ntier = "paid"\n'
        'keywords = ["one"]\nweights = { one = 2 }\nvoice = { id = "v", speed = 1 }\n'
    )
    voice = desk.load(text).agents["front"].tts.settings

    assert (voice.fast, voice.channels, voice.tries, voice.tier) == (True, 2, 3, "paid")
    assert (voice.pace.value, voice.keywords, voice.weights) == ("fast", ("one",), {"one": 2.0})
    assert (voice.voice.id, voice.voice.speed) == ("v", 1.0)


def test_a_validator_may_compare_settings(desk: Desk) -> None:
    text = GOOD + '[agents.front.endpointer]\nuse = "heuristic"\nmin_silence = 3.0\nlongest = 1.0\n'

    assert desk.problems(text) == ["agents.front.endpointer.longest: must not be below min_silence"]


# --- environment ----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("B.21")
def test_keys_lose_quotes_and_blanks(desk: Desk) -> None:
    settings = desk.load(GOOD, KEY=' "a key" \n').agents["front"].stt.settings

    assert settings.api_key == Secret("a key")
    assert settings.api_key.reveal() == "a key"


def test_a_missing_variable_is_named(desk: Desk) -> None:
    text = GOOD.replace('"KEY"', '"VENDOR_KEY"')

    assert desk.problems(text) == [
        "agents.front.stt.api_key: environment variable VENDOR_KEY is not set; set it, or write it into .env"
    ]


@pytest.mark.requirement("B.2")
def test_port_models_and_voice_may_come_from_the_environment(desk: Desk) -> None:
    text = """
    [server]
    port = { env = "PORT" }
    [agents.front]
    agent = "vendor"
    voip = "vendor"
    stt = { use = "vendor", api_key = "k", model = { env = "STT_MODEL" } }
    llm = { use = "vendor", api_key = "k", model = { env = "LLM_MODEL", default = "small" } }
    tts = { use = "vendor", api_key = "k", model = { env = "TTS_MODEL" }, voice = { id = { env = "VOICE" } } }
    """
    settings = desk.load(text, PORT="9000", STT_MODEL="ears", TTS_MODEL="mouth", VOICE="alto")
    front = settings.agents["front"]

    assert settings.server.port == 9000
    assert front.llm is not None
    assert (front.stt.settings.model, front.llm.settings.model) == ("ears", "small")
    assert (front.tts.settings.model, front.tts.settings.voice.id) == ("mouth", "alto")


def test_a_variable_must_read_as_the_settings_type(desk: Desk) -> None:
    text = '[server]\nport = { env = "PORT" }\n' + GOOD

    assert desk.problems(text, PORT="http") == ["server.port: must be a whole number"]


@pytest.mark.requirement("A.47")
def test_a_dotenv_file_is_read_but_never_overrides(desk: Desk) -> None:
    lines = "# keys\nexport KEY='from file'\nMODEL = nova-2 # old\n\n"
    (desk.folder / ".env").write_text(lines, "utf-8")
    text = GOOD.replace('"KEY" }\n', '"KEY" }\nmodel = { env = "MODEL" }\n')

    stt = desk.load(text).agents["front"].stt.settings

    assert stt.model == "nova-2"
    assert stt.api_key == Secret("a key")


def test_a_broken_dotenv_line_is_told_by_number(desk: Desk) -> None:
    (desk.folder / ".env").write_text("A=1\nnonsense\n", "utf-8")

    assert desk.problems(GOOD) == [".env: line 2: write NAME=value"]


def test_a_secret_may_stand_in_a_file_beside_the_settings(desk: Desk) -> None:
    (desk.folder / "key").write_text("from file\n", "utf-8")

    stt = desk.load(GOOD.replace('env = "KEY"', 'file = "key"')).agents["front"].stt.settings

    assert stt.api_key == Secret("from file")


def test_a_file_that_cannot_be_read_is_named(desk: Desk) -> None:
    assert desk.problems(GOOD.replace('env = "KEY"', 'file = "key"')) == [
        "agents.front.stt.api_key: cannot read file 'key': No such file or directory"
    ]


def test_no_message_and_no_repr_shows_a_secret(desk: Desk) -> None:
    text = GOOD.replace('api_key = "k"', 'api_key = "hush-hush"\nspeed = 1')

    assert "hush" not in "".join(desk.problems(text))
    assert "hush" not in repr(desk.load(text.replace("speed = 1", "")))


# --- overrides ------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("D.6")
def test_flags_override_the_file(desk: Desk) -> None:
    text = "[server]\nport = 1\n" + GOOD

    settings = desk.load(
        text, "server.port=9", "agents.front.stt.model=nova-2", "log.personal=true"
    )

    assert (settings.server.port, settings.log.personal) == (9, True)
    assert settings.agents["front"].stt.settings.model == "nova-2"


def test_a_flag_may_give_settings_to_a_bare_name(desk: Desk) -> None:
    text = f'{FRONT}stt = "vendor"\n{TTS}'

    front = desk.load(text, "agents.front.stt.api_key=x").agents["front"]

    assert front.stt.settings.api_key == Secret("x")


def test_a_misshapen_flag_says_how_to_write_it() -> None:
    with pytest.raises(SettingsError) as caught:
        parse_override("agents.front.stt")

    assert str(caught.value) == (
        "--set agents.front.stt: write KEY=VALUE, such as agents.reception.stt.model=nova-3"
    )


# --- the application's own agent ------------------------------------------------------------------------------------

OWN = """
import attrs

@attrs.define
class Desk:
    opening: str = "Hello."
    seen: list[str] = attrs.field(factory=list)

class Plain:
    pass

class Needy:
    def __init__(self, line):
        pass
"""


def own(desk: Desk, agent: str, source: str = OWN) -> str:
    """A settings file whose agent is in a module beside it; `agent` may say MODULE for the module's name."""
    module = f"own_{abs(hash(desk.folder)):x}"
    (desk.folder / f"{module}.py").write_text(source, "utf-8")
    return GOOD.replace('agent = "vendor"', f"agent = {agent.replace('MODULE', module)}")


def test_an_own_agent_is_made_afresh_for_each_call(desk: Desk) -> None:
    agent = (
        desk.load(own(desk, '{ use = "MODULE:Desk", opening = "Hi.", seen = ["x"] }'))
        .agents["front"]
        .agent
    )

    first, second = (agent.factory.build(agent.settings, None) for _ in range(2))  # type: ignore[arg-type]
    first.seen.append("y")

    assert (second.opening, second.seen) == ("Hi.", ["x"])


def test_an_own_agent_may_be_a_plain_class(desk: Desk) -> None:
    agent = desk.load(own(desk, '"MODULE.Plain"')).agents["front"].agent

    assert type(agent.factory.build(agent.settings, None)).__name__ == "Plain"  # type: ignore[arg-type]


OWN_REFUSED = {
    '{ use = "MODULE:Desk", openin = "x" }': "openin: unknown key; did you mean 'opening'?",
    '{ use = "MODULE:Plain", size = 1 }': "size: has no setting; make Plain an attrs class with a field for each",
    '"MODULE:Nobody"': "use: module 'MODULE' has no 'Nobody'",
    '"MODULE:Needy"': (
        "use: 'MODULE:Needy' cannot be made: missing a required argument: 'line'; "
        "make it an attrs class with defaults"
    ),
    '"no_such_module:Desk"': "use: cannot import 'no_such_module': No module named 'no_such_module'",
}


@pytest.mark.parametrize("agent", OWN_REFUSED)
def test_an_own_agent_that_cannot_be_used_is_explained(desk: Desk, agent: str) -> None:
    (problem,) = desk.problems(own(desk, agent))

    module = f"own_{abs(hash(desk.folder)):x}"
    assert problem == f"agents.front.agent.{OWN_REFUSED[agent]}".replace("MODULE", module)


def test_an_error_in_the_own_module_is_told_with_its_line(desk: Desk) -> None:
    (problem,) = desk.problems(own(desk, '"MODULE:Desk"', "x = 1\ny = {}['key']\n"))

    assert problem.endswith(f"'key' (own_{abs(hash(desk.folder)):x}.py, line 2)")


# --- the file -------------------------------------------------------------------------------------------------------


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere.toml: cannot be read: No such file"):
        load(tmp_path / "nowhere.toml", plugins=Plugins(()))


def test_what_is_not_toml_is_told_with_its_line(desk: Desk) -> None:
    (problem,) = desk.problems("[agents\n")

    assert "is not TOML" in problem
    assert "line 1" in problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "agents: missing: a table for each agent: [agents.NAME]"),
        ("[agents]\n", "agents: is empty: write a table [agents.NAME]"),
        ("agents = 3\n", "agents: must be a table, not 3"),
        ("[agents]\nfront = 3\n", "agents.front: must be a table, not 3"),
        (
            GOOD.replace("agents.front", 'agents."Front Desk"'),
            "agents.Front Desk: an agent's name is part of its address: use a-z, 0-9, - and _",
        ),
        (
            GOOD.replace('voip = "vendor"', 'voip = "vendor"\nlanguage = "english!"'),
            "agents.front.language: must be a language tag such as en-US, not 'english!'",
        ),
        (
            GOOD.replace('voip = "vendor"', 'voip = "vendor"\nsorry = "..."'),
            "agents.front.sorry: must be a sentence that can be spoken",
        ),
        (
            GOOD.replace(
                'voip = "vendor"', 'voip = "vendor"\nturns = { interruptible = ["jokes"] }'
            ),
            "agents.front.turns.interruptible: may list answers, greeting, prompts, not jokes",
        ),
        (
            GOOD.replace('voip = "vendor"', "voip = 3"),
            'agents.front.voip: must be a name or a table with a name: use = "..."',
        ),
        (
            GOOD.replace('voip = "vendor"', "voip = {}"),
            "agents.front.voip.use: missing: the name of a component",
        ),
        (f"observers = 3\n{GOOD}", "observers: must be a list, not 3"),
        (
            f'observers = [{{ use = "log", x = 1 }}]\n{GOOD}',
            "observers.0.x: unknown key; dialogctl plugins show policies lists them",
        ),
    ],
)
def test_a_misshapen_document_is_explained(desk: Desk, text: str, problem: str) -> None:
    assert desk.problems(text) == [problem]


def test_observers_are_the_log_unless_others_are_named(desk: Desk) -> None:
    assert [chosen.name for chosen in desk.load(GOOD).observers] == ["log"]
    assert desk.load(f"observers = []\n{GOOD}").observers == ()


def test_settings_without_effect_are_found(desk: Desk) -> None:
    text = '[server]\npublic_url = "https://x.example"\ntrust_forwarded = true\n'
    late = "[agents.front.turns]\nsettle = 40\neager_most = 3\n"

    assert [str(problem) for problem in without_effect(desk.load(text + GOOD + late))] == [
        "server.trust_forwarded: has no effect: addresses are built from server.public_url",
        "agents.front.turns.settle: has no effect: turns.watchdog ends the turn first",
        "agents.front.turns.eager_most: has no effect: turns.eager is false",
    ]
