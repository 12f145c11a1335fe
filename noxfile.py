"""Every check of this repository, each in an environment of its own: ``nox --list``, ``nox -s tests-3.12``.

`make test` runs the ones that matter most in one environment on one Python.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "venv"
nox.options.sessions = [
    "lint",
    "types",
    "tests",
    "plugins",
    "template",
    "certify",
    "docs",
    "minimums",
]

PYTHONS = ["3.11", "3.12", "3.13"]
PLUGINS = sorted(path.parent for path in Path("plugins").glob("*/pyproject.toml"))
FOREIGN = sorted(path.parent for path in Path("contrib").glob("*/pyproject.toml"))
"""Plugins as somebody else would write them: with settings of their own for each tool, which are used."""
PROJECT = nox.project.load_toml("pyproject.toml")
TEMPLATES = ["stt", "tts", "llm", "voip", "endpointer", "barge_in", "vad"]
NEED_MODELS = {"dialog-local", "dialog-demo"}
INSTALLED_CORE = {"DIALOG_CORE_VERSION": ">=0.1"}
"""Makes a plugin depend on the core by version, so that an editable core beside it counts."""


def group(*names: str) -> list[str]:
    """Requirements of dependency groups."""
    return list(nox.project.dependency_groups(PROJECT, *names))


def install_everything(session: nox.Session, *groups: str, constraints: Path | None = None) -> None:
    """The core and every plugin, editable, and what the session needs besides."""
    editable = [argument for path in [".", *PLUGINS, *FOREIGN] for argument in ("-e", f"./{path}")]
    pinned = ["-c", str(constraints)] if constraints is not None else []
    session.install(*editable, *group(*groups), *pinned, env=INSTALLED_CORE)


def fetch_models(session: nox.Session) -> None:
    """The local speech models, without which their tests are skipped; quick when they are there."""
    session.run("dialogctl", "models", "fetch")


@nox.session
def lint(session: nox.Session) -> None:
    """Format and lint."""
    session.install(*group("lint"))
    session.run("ruff", "format", "--check")
    session.run("ruff", "check")


@nox.session
def types(session: nox.Session) -> None:
    """Types: the core with its tests, then each plugin with its own."""
    install_everything(session, "types", "test", "certify")
    session.run("mypy")
    root = Path.cwd()
    for plugin in PLUGINS:  # apart, because every plugin has a module tests.conftest
        with session.chdir(plugin):
            config, cache = (
                f"--config-file={root}/pyproject.toml",
                f"--cache-dir={root}/.mypy_cache",
            )
            session.run("mypy", config, cache, ".")
    for plugin in FOREIGN:
        with session.chdir(plugin):
            session.run("mypy")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The core's tests and every plugin's, with everything installed, without the vendors' SDKs."""
    install_everything(session, "test")
    fetch_models(session)
    session.run("python", "-m", "contrib.quality", "fetch")
    session.run("pytest", "-m", "not certify", *session.posargs)


@nox.session(python=PYTHONS)
@nox.parametrize("plugin", PLUGINS + FOREIGN, ids=[path.name for path in PLUGINS + FOREIGN])
def plugins(session: nox.Session, plugin: Path) -> None:
    """One plugin with nothing but what it asks for itself, as built and installed by a user."""
    core = ["."] if plugin in FOREIGN else []  # ours name the core beside them themselves
    session.install(*core, f"./{plugin}", *group("test"))
    if plugin.name in NEED_MODELS:
        fetch_models(session)
    session.run("pytest", "-m", "not certify", str(plugin), *session.posargs)


@nox.session
def certify(session: nox.Session) -> None:
    """The vendors' own SDKs against our fakes of the vendors."""
    install_everything(session, "test", "certify")
    session.run("pytest", "-m", "certify", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation: nothing undocumented, every snippet runs."""
    install_everything(session, "test")
    session.run("pytest", "tests/test_docs.py", "tests/test_snippets.py", *session.posargs)


@nox.session(python=PYTHONS)
@nox.parametrize("kind", TEMPLATES)
def template(session: nox.Session, kind: str) -> None:
    """A new plugin of each kind as its author gets it: made, installed, linted and tested, far from here."""
    folder = Path(session.create_tmp()).absolute()
    plugin = folder / f"dialog-new-{kind.replace('_', '-')}"
    shutil.rmtree(plugin, ignore_errors=True)
    session.install(".[new,testing]", *group("lint"), "mypy")
    with session.chdir(folder):  # away from this repository, which a user has not
        name = plugin.name.removeprefix("dialog-")
        session.run("dialogctl", "plugins", "new", kind, name)
        session.install(f"./{plugin.name}")
        session.run("dialogctl", "plugins", "check")
        session.run("dialogctl", "plugins", "test", name, "--report", "report.json")
        session.chdir(plugin)
        for command in (("ruff", "format", "--check"), ("ruff", "check"), ("mypy",), ("pytest",)):
            session.run(*command)


@nox.session
def bench(session: nox.Session) -> None:
    """The benchmarks in their quick form."""
    install_everything(session, "test")
    session.run("python", "-m", "contrib.bench", "--quick", *session.posargs)


@nox.session(python="3.11")
def minimums(session: nox.Session) -> None:
    """All tests with the oldest versions of its dependencies that the core allows."""
    constraints = Path(session.create_tmp()) / "minimums.txt"
    constraints.write_text("\n".join(oldest(PROJECT["project"]["dependencies"])) + "\n", "utf-8")
    install_everything(session, "test", constraints=constraints)
    fetch_models(session)
    session.run("python", "-m", "contrib.quality", "fetch")
    session.run("pytest", "-m", "not certify", *session.posargs)


def oldest(requirements: list[str]) -> list[str]:
    """``name>=version; marker`` as ``name==version; marker``."""
    return [re.sub(r">=\s*", "==", requirement, count=1) for requirement in requirements]
