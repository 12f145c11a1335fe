"""The pages of the documentation, and the parts of them that are made from the code.

A code block whose fence names a file holds that file, or a part of it: a class or function of a Python file, a table
of a TOML file. What stands between ``<!-- kind: what -->`` and ``<!-- end -->`` is made from the code::

    python -m tests.documents          # write both anew
"""

from __future__ import annotations

import ast
import enum
import importlib
import inspect
import itertools
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import click

from dialog_core import hookspecs
from dialog_core.cli.main import COMMANDS
from dialog_core.cli.plugins import facts, settings_of
from dialog_core.plugins import KINDS
from dialog_core.turns.events import Event
from dialog_core.turns.machine import TRANSITIONS
from dialog_core.turns.state import Phase

__all__ = [
    "FENCE",
    "ROOT",
    "Block",
    "blocks_of",
    "classes_of",
    "current",
    "documented_commands",
    "hooks",
    "pages",
    "taken_from",
    "transition_of",
]

ROOT = Path(__file__).parent.parent
FENCE = re.compile(
    r"^```(?P<language>\w*)(?: (?P<name>\S+))?\n(?P<content>.*?)^```$", re.DOTALL | re.MULTILINE
)
GENERATED = re.compile(
    r"^<!-- (?P<kind>\w+): (?P<what>\S+) -->\n(?P<content>.*?)^<!-- end -->$",
    re.DOTALL | re.MULTILINE,
)
TABLE = re.compile(r"^\[+(?P<name>[^\]]+)\]+", re.MULTILINE)


@attrs.frozen
class Block:
    """A fenced block. `name` is the file that it says it is, empty if it does not say."""

    page: str
    line: int
    language: str
    name: str
    content: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """Every page that we keep true."""
    patterns = ("README.md", "docs/**/*.md", "contrib/**/README.md", "plugins/*/README.md")
    return [path for pattern in patterns for path in sorted(ROOT.glob(pattern))]


def blocks_of(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page."""
    text = page.read_text("utf-8")
    where = page.relative_to(ROOT).as_posix()
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        yield Block(where, line, match["language"], match["name"] or "", match["content"])


# --- parts of files -------------------------------------------------------------------------------------------------


def taken_from(name: str) -> str:
    """What ``path`` or ``path#part`` names. Raises: KeyError if there is no such part."""
    path, _, part = name.partition("#")
    text = (ROOT / path).read_text("utf-8")
    if not part:
        return text
    return table_of(text, part) if path.endswith(".toml") else definition_of(text, part)


def definition_of(text: str, dotted: str) -> str:
    """A class, function or method of a Python file, as written, moved to the left."""
    body = ast.parse(text).body
    node: ast.stmt | None = None
    for name in dotted.split("."):
        node = next((each for each in body if getattr(each, "name", "") == name), None)
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            raise KeyError(dotted)
        body = node.body
    assert isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    lines = text.splitlines(keepends=True)[first - 1 : node.end_lineno]
    return textwrap.dedent("".join(lines))


def table_of(text: str, name: str) -> str:
    """A table of a TOML file, from its heading to the next."""
    starts = [(match["name"], match.start()) for match in TABLE.finditer(text)]
    ends = [*(start for _, start in starts[1:]), len(text)]
    for (found, start), end in zip(starts, ends, strict=True):
        if found == name:
            return text[start:end].rstrip() + "\n"
    raise KeyError(name)


# --- parts made from the code ---------------------------------------------------------------------------------------


def sentence(doc: str | None) -> str:
    """The first sentence or paragraph of a docstring, as Markdown in one line."""
    first = " ".join(inspect.cleandoc(doc or "").split("\n\n")[0].split())
    plain = re.sub(r":\w+:`~?\.?(?:\w+\.)*(\w+)`", r"`\1`", first)
    return plain.replace("``", "`").replace("|", "\\|")


def rows(heading: tuple[str, ...], content: Iterator[tuple[str, ...]]) -> str:
    """A table."""
    lines = [heading, ("---",) * len(heading), *content]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def found(what: str) -> Any:
    """The object at ``module:name``, or the module."""
    module, _, name = what.partition(":")
    loaded = importlib.import_module(module)
    return getattr(loaded, name) if name else loaded


def settings(what: str) -> str:
    """A settings class as a table."""
    fields = settings_of(found(what))
    content = (
        (f"`{key}`", ", ".join(facts(field)).replace("|", "\\|"), field.metadata.get("help", ""))
        for key, field in fields
    )
    return rows(("setting", "value", "what it is for"), content)


def comments_of(module: ModuleType) -> Mapping[str, str]:
    """The text under each attribute of a module's classes, by ``Class.attribute``."""
    told: dict[str, str] = {}
    for node in ast.parse(inspect.getsource(module)).body:
        if not isinstance(node, ast.ClassDef):
            continue
        for field, after in zip(node.body, node.body[1:], strict=False):
            target = getattr(field, "target", None) or next(
                iter(getattr(field, "targets", [])), None
            )
            text = getattr(getattr(after, "value", None), "value", None)
            if (
                isinstance(target, ast.Name)
                and isinstance(after, ast.Expr)
                and isinstance(text, str)
            ):
                told[f"{node.name}.{target.id}"] = text
    return told


def classes_of(what: str) -> list[type]:
    """The classes in a module's `__all__`."""
    module = found(what)
    values = (getattr(module, name) for name in module.__all__)
    return [value for value in values if isinstance(value, type)]


def classes(what: str) -> str:
    """Every value class of a module's `__all__`: a heading, its docstring, its fields."""
    module = found(what)
    told = comments_of(module)
    return "\n".join(
        part
        for cls in classes_of(what)
        for part in (f"### {cls.__name__}\n", f"{sentence(cls.__doc__)}\n", fields_of(cls, told))
        if part
    )


def fields_of(cls: type, told: Mapping[str, str]) -> str:
    """A class's fields, or an enumeration's members, as a table; nothing if it has none."""
    if issubclass(cls, enum.Enum):
        members = (
            (f"`{each.name}`", sentence(told.get(f"{cls.__name__}.{each.name}"))) for each in cls
        )
        return rows(("member", ""), members)
    if not attrs.has(cls) or not attrs.fields(cls):
        return ""
    kinds = inspect.get_annotations(cls)
    content = (
        (
            f"`{field.name}`",
            f"`{kinds.get(field.name, '')}`".replace("|", "\\|"),
            sentence(told.get(f"{cls.__name__}.{field.name}")),
        )
        for field in attrs.fields(cls)
    )
    return rows(("field", "type", ""), content)


def names(what: str) -> str:
    """Each name of a module's `__all__` in a sentence."""
    module = found(what)
    documented = ((name, getattr(module, name)) for name in module.__all__)
    content = (
        (f"`{name}`", sentence(value.__doc__) if callable(value) else constant_told(module, name))
        for name, value in documented
    )
    return rows(("name", "what it is"), content)


def constant_told(module: ModuleType, name: str) -> str:
    """The text under a constant."""
    body = ast.parse(inspect.getsource(module)).body
    for node, after in itertools.pairwise(body):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            text = getattr(getattr(after, "value", None), "value", None)
            return sentence(text) if isinstance(text, str) else ""
    return ""


def hooks() -> Mapping[str, Any]:
    """Every hook by its name."""
    return {name: spec for name, spec in vars(hookspecs).items() if name.startswith("dialog_")}


def hook_table(_what: str) -> str:
    """Every hook."""
    content = (
        (f"`{name}`", key(name.removeprefix("dialog_")), returned(spec), sentence(spec.__doc__))
        for name, spec in hooks().items()
    )
    return rows(("hook", "settings key", "returns", "what it is for"), content)


def key(kind: str) -> str:
    """What a settings file writes for a kind of component."""
    if kind not in KINDS:
        return ""
    return "`observers`" if kind == "observer" else f"`{kind}`"


def returned(spec: Callable[..., Any]) -> str:
    """A hook's answer."""
    answer = str(inspect.get_annotations(spec)["return"])
    return "nothing" if answer == "None" else f"`{answer}`"


def transition_of(phase: Phase, event: type) -> str:
    """What the machine does with an event in a phase; empty if only the notes keep it."""
    handler = TRANSITIONS.get((phase, event))
    if handler is None:
        return ""
    inside = inspect.getclosurevars(handler).nonlocals
    if "act" in inside:
        return f"{inside['act'].__name__} ({inside['timer'].name})"
    return handler.__name__


def transitions(_what: str) -> str:
    """The turn machine's table: events down, phases across; and what each transition means."""
    events = Event.__args__
    phases = [phase for phase in Phase if any((phase, event) in TRANSITIONS for event in events)]
    table = rows(
        ("event", *(phase.name for phase in phases)),
        (
            (f"`{each.__name__}`", *(transition_of(phase, each) for phase in phases))
            for each in events
        ),
    )
    acts: dict[str, str] = {}
    for handler in TRANSITIONS.values():
        act = inspect.getclosurevars(handler).nonlocals.get("act", handler)
        acts[act.__name__] = sentence(act.__doc__)
    return f"{table}\n{rows(('transition', 'what it does'), iter(sorted(acts.items())))}"


def documented_commands() -> Iterator[tuple[str, click.Command]]:
    """Each command of the core, with the whole of its name."""
    for name, module in COMMANDS.items():
        yield from commands_below(f"dialogctl {name}", found(f"{module}:command"))


def commands_below(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """A command, or those of a group."""
    if isinstance(command, click.Group):
        for below, inner in command.commands.items():
            yield from commands_below(f"{name} {below}", inner)
    else:
        yield name, command


def commands(_what: str) -> str:
    """Every command of the core, with its arguments and options."""
    parts = []
    for name, command in documented_commands():
        wanted = [each for each in command.params if isinstance(each, click.Argument)]
        options = [each for each in command.params if isinstance(each, click.Option)]
        usage = " ".join([name, *(each.make_metavar(click.Context(command)) for each in wanted)])
        parts += [f"### {name}\n", f"`{usage}`\n", f"{sentence(command.help)}\n"]
        if options:
            content = ((f"`{each.opts[0]}`", each.help or "") for each in options)
            parts.append(rows(("option", ""), content))
    return "\n".join(parts)


MAKERS: Mapping[str, Callable[[str], str]] = {
    "classes": classes,
    "commands": commands,
    "hooks": hook_table,
    "names": names,
    "settings": settings,
    "transitions": transitions,
}


def current(text: str) -> str:
    """A page's text with everything in it that is made from the code made anew."""

    def made(match: re.Match[str]) -> str:
        content = MAKERS[match["kind"]](match["what"])
        return f"<!-- {match['kind']}: {match['what']} -->\n\n{content}\n<!-- end -->"

    def quoted(match: re.Match[str]) -> str:
        if not match["name"]:
            return match[0]
        return f"```{match['language']} {match['name']}\n{taken_from(match['name'])}```"

    return FENCE.sub(quoted, GENERATED.sub(made, text))


def main() -> None:
    """Write every page anew."""
    for page in pages():
        text = page.read_text("utf-8")
        if (new := current(text)) != text:
            page.write_text(new, "utf-8")
            click.echo(f"wrote {page.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
