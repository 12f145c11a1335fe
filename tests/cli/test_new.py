"""A new plugin passes its own tests as it is made."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import pytest
from click.testing import Result

from dialog_core.cli.plugin_new import KINDS, new_plugin, template
from dialog_core.plugins import Plugins, discover

ROOT = Path(__file__).parent.parent.parent
RUFF = (sys.executable, "-m", "ruff")


class Terminal(Protocol):
    @property
    def folder(self) -> Path: ...

    def run(self, *args: str) -> Result: ...


def installed(plugin: Path, site: Path) -> Path:
    """Describe a plugin's folder as a distribution that is installed from it."""
    project = tomllib.loads((plugin / "pyproject.toml").read_text("utf-8"))["project"]
    info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(metadata, "utf-8")
    points = project["entry-points"]["dialog.plugins"]
    lines = ["[dialog.plugins]", *(f"{name} = {module}" for name, module in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines), "utf-8")
    return site


def run(*command: str, cwd: Path, path: tuple[Path, ...] = ()) -> str:
    """What a command prints, if it fails; nothing if all is well."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (*path, ROOT)))}
    done = subprocess.run(  # noqa: S603 - our own words
        command, cwd=cwd, env=environ, capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    name = f"new-{kind.replace('_', '-')}"
    folder = new_plugin(kind, name, tmp_path)
    monkeypatch.syspath_prepend(folder)
    plugins = Plugins(discover([str(installed(folder, tmp_path / "site"))]))

    assert plugins.load_all() == ()
    (offer,) = plugins.offers()
    assert (offer.kind, offer.written) == (kind, name)
    assert not list(folder.rglob("*.jinja"))


@pytest.mark.skipif(find_spec("ruff") is None, reason="ruff is not installed")
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_tidy(tmp_path: Path, kind: str) -> None:
    folder = new_plugin(kind, "acme", tmp_path)

    assert not run(*RUFF, "format", "--diff", "-q", cwd=folder)
    assert not run(*RUFF, "check", cwd=folder)


@pytest.mark.parametrize("kind", ["stt"])
def test_a_new_plugin_passes_its_own_tests(tmp_path: Path, kind: str) -> None:
    folder = new_plugin(kind, "acme", tmp_path)
    site = installed(folder, tmp_path / "site")
    tests = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")

    assert not run(*tests, cwd=folder, path=(folder, site))


def test_a_new_plugin_passes_the_kit(tmp_path: Path) -> None:
    folder = new_plugin("endpointer", "acme", tmp_path)
    site = installed(folder, tmp_path / "site")
    dialogctl = (sys.executable, "-m", "dialog_core.cli.main", "plugins", "test", "acme")

    assert not run(
        *dialogctl, "--report", str(tmp_path / "report"), cwd=tmp_path, path=(folder, site)
    )
    assert (tmp_path / "report").exists()


def test_the_command_says_what_comes_next(terminal: Terminal) -> None:
    result = terminal.run("plugins", "new", "stt", "acme", "--into", str(terminal.folder))

    folder = terminal.folder / "dialog-acme"
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"made {folder}; now:",
        f"  pip install -e '{folder}[test]'",
        "  dialogctl plugins test acme",
        f"and read {folder / 'README.md'}, which says where to begin",
    ]


def test_a_folder_that_is_not_empty_is_left_alone(terminal: Terminal) -> None:
    folder = terminal.folder / "dialog-acme"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine", "utf-8")

    result = terminal.run("plugins", "new", "stt", "acme", "--into", str(terminal.folder))

    assert result.exit_code == 2
    assert result.stderr == (
        f"error: {folder} is not empty; remove it, or choose another folder with --into\n"
    )
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("name", ["Acme", "acme_voice", "-acme", "acme--voice", "9lives", "../up"])
def test_a_name_that_is_none_is_refused(terminal: Terminal, name: str) -> None:
    result = terminal.run("plugins", "new", "--into", str(terminal.folder), "stt", "--", name)

    assert result.exit_code == 2
    assert result.stderr == (
        f"error: the name {name!r} must be a-z, 0-9 and single dashes, such as acme-voice\n"
    )


@pytest.mark.parametrize(
    ("module", "command", "message"),
    [
        (
            "copier",
            ("new", "stt", "acme"),
            "making a plugin needs copier: pip install 'dialog-core[new]'",
        ),
        (
            "trio",
            ("test", "vendor"),
            "testing a plugin needs trio: pip install 'dialog-core[testing]'",
        ),
    ],
)
def test_what_a_command_needs_is_named_with_the_command_that_installs_it(
    terminal: Terminal, tmp_path: Path, module: str, command: tuple[str, ...], message: str
) -> None:
    script = (
        "import sys, importlib.util as util\n"
        f"find = util.find_spec\n"
        f"util.find_spec = lambda name, package=None: None if name == {module!r} else find(name, package)\n"
        "from dialog_core.cli.main import main\n"
        f"sys.argv[1:] = ['plugins', *{command!r}]\n"
        "main()\n"
    )

    told = run(sys.executable, "-c", script, cwd=tmp_path, path=(terminal.folder,))

    assert told == f"error: {message}\n"


def test_the_template_ships_with_the_core() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]

    assert wheel["force-include"] == {"contrib/template": "dialog_core/template"}
    assert (template() / "copier.yml").is_file()
