"""The schema of a settings file accepts what the loader accepts, and refuses what it refuses."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from dialog_core.plugins import KINDS, Plugins
from dialog_core.schema import schema_of

ROOT = Path(__file__).parent.parent
FILES = sorted(ROOT.glob("contrib/examples/*/dialog.toml"))
Table = dict[str, Any]
Change = Callable[[Table], object]


@cache
def schema() -> Table:
    plugins = Plugins()
    plugins.load_all()
    return schema_of(plugins.catalog())


def complaints(document: Table) -> list[str]:
    return [error.json_path for error in Draft202012Validator(schema()).iter_errors(document)]


def read(path: Path) -> Table:
    return tomllib.loads(path.read_text("utf-8"))


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_every_example_is_valid(path: Path) -> None:
    assert complaints(read(path)) == []


def minimal() -> Table:
    return read(ROOT / "contrib/examples/minimal/dialog.toml")


def reception(document: Table) -> Table:
    agent = document["agents"]["reception"]
    assert isinstance(agent, dict)
    return agent


ACCEPTED: dict[str, Change] = {
    "a limit kept": lambda d: d["server"].update(port=0),
    "a number from the environment": lambda d: d["server"].update(
        port={"env": "PORT", "default": 1}
    ),
    "a secret in the file": lambda d: reception(d)["stt"].update(api_key="hush"),
    "a secret in a file": lambda d: reception(d)["stt"].update(api_key={"file": "key"}),
    "a bare name": lambda d: reception(d).update(vad="energy"),
    "a name in full": lambda d: reception(d)["stt"].update(use="dialog-deepgram:deepgram"),
    "an agent of one's own": lambda d: reception(d).update(agent="desk:Desk"),
    "settings of an agent of one's own": lambda d: reception(d).update(
        agent={"use": "desk:Desk", "remembered": 20}
    ),
    "a chain": lambda d: reception(d).update(stt=["local", reception(d)["stt"]]),
    "a name from the environment": lambda d: reception(d)["stt"].update(use={"env": "STT"}),
    "a component from the environment": lambda d: reception(d).update(stt={"env": "STT"}),
    "observers": lambda d: d.update(observers=["log"]),
    "lists of plugins": lambda d: d.update(plugins={"allow": ["dialog-deepgram"], "deny": []}),
}
REFUSED: dict[str, Change] = {
    "a misspelt section": lambda d: d.update(sever={}),
    "a misspelt setting": lambda d: reception(d)["stt"].update(modle="nova-3"),
    "a misspelt component": lambda d: reception(d).update(stl="deepgram"),
    "a component that is not there": lambda d: reception(d)["stt"].update(use="deepgrm"),
    "a bare name that needs settings": lambda d: reception(d).update(voip="twilio"),
    "a chain of nothing": lambda d: reception(d).update(stt=[]),
    "a chain where there may be none": lambda d: reception(d).update(vad=["energy", "silero"]),
    "a misspelt setting in a chain": lambda d: reception(d).update(
        stt=["local", {**reception(d)["stt"], "modle": "nova-3"}]
    ),
    "a missing component": lambda d: reception(d).pop("tts"),
    "a missing setting": lambda d: reception(d)["tts"].pop("voice"),
    "a wrong type": lambda d: d["server"].update(port="8080"),
    "a limit passed": lambda d: d["server"].update(port=65_536),
    "a limit reached that may not be": lambda d: d["server"].update(ticket_seconds=0),
    "a choice that is none": lambda d: d.update(log={"level": "loud"}),
    "a source with a stranger": lambda d: d["server"].update(port={"env": "PORT", "else": 1}),
    "no agents": lambda d: d.pop("agents"),
}


@pytest.mark.parametrize("change", ACCEPTED.values(), ids=list(ACCEPTED))
def test_what_the_loader_takes_is_valid(change: Change) -> None:
    document = copy.deepcopy(minimal())

    change(document)

    assert complaints(document) == []


@pytest.mark.parametrize("change", REFUSED.values(), ids=list(REFUSED))
def test_what_the_loader_refuses_is_not(change: Change) -> None:
    document = copy.deepcopy(minimal())

    change(document)

    assert complaints(document) != []


def tables(node: object) -> Iterator[Table]:
    if isinstance(node, dict):
        if "properties" in node:
            yield node
        for inner in node.values():
            yield from tables(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from tables(inner)


def test_every_setting_says_what_it_is_for_and_in_which_unit() -> None:
    known = [*tables(schema())]
    silent = [
        key
        for table in known
        for key, told in table["properties"].items()
        if key != "use" and "$ref" not in told and not told.get("description")
    ]
    turns = schema()["properties"]["agents"]["additionalProperties"]["properties"]["turns"]

    assert silent == []
    assert turns["properties"]["patience"] == {
        "description": "idle time before the caller is asked whether they are there (in s)",
        "default": 8.0,
        "anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"$ref": "#/$defs/source"}],
    }


def test_every_kind_of_component_is_described() -> None:
    assert set(KINDS) < set(schema()["$defs"])
