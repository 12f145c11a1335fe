"""Rules about who may import what and who may read a clock."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CORE = ROOT / "dialog_core"
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))

PURE = (
    "audio.py",
    "g711.py",
    "messages.py",
    "resample.py",
    "wav.py",
    "turns/*.py",
    "speech/*.py",
    "carriers/documents.py",
    "carriers/messages.py",
    "net/sse.py",
    "workers/token.py",
    "resilience/backoff.py",
    "resilience/verdict.py",
)
"""Modules that decide: values in, values out."""
WAITING = ("anyio", "httpx", "starlette", "trio", "uvicorn", "websockets")
"""What a pure module may not import, directly or through another."""
SDKS = ("cartesia", "deepgram", "elevenlabs", "openai", "together", "twilio")
"""The vendors' own clients, for certification only."""
HEAVY = (*WAITING, *SDKS, "numpy", "onnxruntime")
IMPORTERS = {
    "websockets": {
        f"dialog_core/net/{name}.py" for name in ("client_socket", "frames", "websocket")
    },
    "dependency_injector": {"dialog_core/container.py"},
}
"""Who alone may import a library that the rest should not know."""
CLOCKS = {
    "time": {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"},
    "anyio": {"current_time"},
    "datetime": {"now", "utcnow", "today"},
}
ENV_SOURCE = re.compile(r"\benv\s*=\s*\"(\w+)\"")


def sources() -> Iterator[Path]:
    """The code that runs in production: the core and the plugins, without their tests."""
    yield from CORE.rglob("*.py")
    for plugin in PLUGINS:
        yield from plugin.glob("dialog_*/**/*.py")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(tree: ast.AST) -> Iterator[str]:
    """Names of modules that are imported anywhere in a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def run_python(script: str, *path: Path) -> str:
    """Run a script in a fresh interpreter, with folders on its path; what it complains of."""
    prefix = f"import sys; sys.path[:0] = {[str(folder) for folder in path]!r}\n"
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", prefix + script], capture_output=True, text=True, check=False
    )
    return done.stderr


def pure_modules() -> list[str]:
    """Dotted names of the modules that must be pure, those of plugins included."""
    core = [path for pattern in PURE for path in sorted(CORE.glob(pattern))]
    protocols = [
        (path, plugin)
        for plugin in PLUGINS
        for path in sorted(plugin.glob("dialog_*/**/protocol*.py"))
    ]
    files = [(path, ROOT) for path in core] + protocols
    return [
        ".".join(path.relative_to(base).with_suffix("").parts).removesuffix(".__init__")
        for path, base in files
    ]


def test_every_rule_about_a_pure_module_finds_its_module() -> None:
    assert [pattern for pattern in PURE if not list(CORE.glob(pattern))] == []


def test_pure_modules_import_nothing_that_waits() -> None:
    poison = f"sys.modules.update(dict.fromkeys({WAITING!r}))\n"
    imports = "".join(f"import {name}\n" for name in pure_modules())

    assert run_python(poison + imports, ROOT, *PLUGINS) == ""


@pytest.mark.parametrize("module", IMPORTERS)
def test_it_is_imported_in_one_place(module: str) -> None:
    importers = {
        name_of(path)
        for path in sources()
        if any(
            name.split(".")[0] == module for name in imported(ast.parse(path.read_text("utf-8")))
        )
    }

    assert importers <= IMPORTERS[module]


def test_clocks_are_read_in_clock_modules_only() -> None:
    readers = []
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                clock = node.attr in CLOCKS.get(node.value.id, ())
            elif isinstance(node, ast.ImportFrom) and node.module in CLOCKS:
                clock = any(alias.name in CLOCKS[node.module] for alias in node.names)
            else:
                continue
            if clock and path.name != "clock.py":
                readers.append(f"{name_of(path)}:{node.lineno}")

    assert readers == []


def test_importing_the_core_imports_no_server_vendor_or_model() -> None:
    script = (
        f"import dialog_core; print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)"
    )

    assert run_python(script, ROOT) == "[]\n"


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)
def test_importing_a_plugin_imports_no_vendor_or_model(plugin: Path) -> None:
    project = tomllib.loads((plugin / "pyproject.toml").read_text("utf-8"))["project"]
    (module,) = project["entry-points"]["dialog.plugins"].values()
    stacks = {*SDKS, "onnxruntime", "uvicorn", "websockets"}
    script = f"import {module}; print(sorted({stacks!r} & set(sys.modules)), file=sys.stderr)"

    assert run_python(script, ROOT, plugin) == "[]\n"


@pytest.mark.requirement("A.47")
def test_settings_files_come_with_a_template_of_their_environment() -> None:
    missing = []
    for file in (*ROOT.glob("contrib/**/*.toml"), *ROOT.glob("docs/**/*.toml")):
        names = set(ENV_SOURCE.findall(file.read_text("utf-8")))
        template = file.parent / ".env.template"
        known = template.read_text("utf-8") if template.exists() else ""
        missing += [f"{name_of(file)}: {name}" for name in sorted(names) if f"{name}=" not in known]

    assert missing == []
    assert ".env" in (ROOT / ".gitignore").read_text("utf-8").splitlines()
