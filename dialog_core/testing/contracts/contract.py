"""What the contracts of all kinds share: the loop that a kit wants, abilities, and the budget of a plugin."""

from __future__ import annotations

import enum
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar, TypeVar

import attrs
import pytest

import dialog_core
from dialog_core.installed import BUILT_IN
from dialog_core.testing.contracts.component import choose

__all__ = ["Calls", "Contract", "calls_counted", "memory_of", "not_claimed", "proves"]

F = TypeVar("F", bound=Callable[..., Any])

IMPORT_SECONDS = 0.5
"""Of processor time that the import of a plugin may take."""
LIGHT = frozenset({"attr", "attrs", "click", "dialog_core", "pluggy", "rich", "typing_extensions"})
"""What a plugin may import, beside the standard library and itself, before somebody uses it."""
IMPORT = """
import sys, time, json
import dialog_core.factory, dialog_core.fields, dialog_core.hookspecs, dialog_core.errors
before, began = set(sys.modules), time.process_time()
__import__(sys.argv[1])
spent = time.process_time() - began
print(json.dumps({"seconds": spent, "modules": sorted(set(sys.modules) - before)}))
"""


def proves(ability: enum.Enum | str) -> Callable[[F], F]:
    """Marks a test that shows an ability if the kit claims it; else the test shows its absence, or is not run."""

    def mark(function: F) -> F:
        function.__dict__["proves"] = ability
        return function

    return mark


def not_claimed(ability: enum.Enum | str) -> None:
    """End a test that makes no sense without an ability; the report lists the ability as not claimed."""
    word = ability.value if isinstance(ability, enum.Enum) else ability
    pytest.skip(f"not claimed: {word}")


class Contract:
    """A test class for a kit; subclasses of its subclasses name the kit."""

    kit: ClassVar[Any]
    pytestmark: ClassVar[Any] = [pytest.mark.anyio]

    @pytest.fixture
    def anyio_backend(self) -> object:
        """Virtual time, unless the component works in threads of this process."""
        if getattr(self.kit, "local", False):
            return "asyncio"
        from trio.testing import MockClock  # noqa: PLC0415 - only virtual time needs trio

        return "trio", {"clock": MockClock(autojump_threshold=0)}

    @pytest.fixture(autouse=True)
    def runnable(self) -> None:
        """Leave out what cannot be run on this machine."""
        if absent := getattr(self.kit, "absent", ""):
            pytest.skip(absent)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """A test that takes `fmt` is run with each format of the kit."""
        if "fmt" in metafunc.fixturenames:
            metafunc.parametrize(
                "fmt",
                self.kit.formats,
                ids=[f"{f.encoding.value}-{f.rate}" for f in self.kit.formats],
            )

    def claims(self, ability: enum.Enum | str) -> bool:
        """Whether the kit claims an ability."""
        return ability in self.kit.abilities

    def test_listing_the_plugin_imports_nothing_heavy(self) -> None:
        plugin = choose(self.kit).plugin
        assert plugin is not None
        if plugin.name == BUILT_IN:
            pytest.skip("not applicable: the core is loaded already")
        code = [sys.executable, "-c", IMPORT, plugin.module]
        done = subprocess.run(code, capture_output=True, check=True, text=True)  # noqa: S603 - our own code
        told = json.loads(done.stdout)
        own = plugin.module.partition(".")[0]
        known = LIGHT | sys.stdlib_module_names | {own}
        tops = {name.partition(".")[0] for name in told["modules"]}
        strays = {name for name in tops - known if not name.startswith("_")}
        assert not strays, f"importing {plugin.module} also imports {', '.join(sorted(strays))}"
        assert told["seconds"] < IMPORT_SECONDS

    def test_making_a_component_does_no_io(self) -> None:
        chosen = choose(self.kit)
        assert chosen.build(Untouched()) is not None  # type: ignore[arg-type]


class Untouched:
    """Services that nobody may use yet."""

    def __getattr__(self, name: str) -> Any:
        if name in {"http", "connect", "clock", "shared", "observe"}:
            return Forbidden(name)
        raise AttributeError(name)


@attrs.frozen
class Forbidden:
    """A service that fails the test when it is used."""

    service: str

    def __call__(self, *_args: object, **_options: object) -> Any:
        raise AssertionError(f"building a component used services.{self.service}")

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"building a component used services.{self.service}.{name}")


# --- counting, which is the same on every machine -------------------------------------------------------------------


@attrs.define
class Calls:
    """Python functions of the plugin and the core that were called."""

    count: int = 0


@contextmanager
def calls_counted(module: str) -> Iterator[Calls]:
    """Count calls of functions of this module's package and of the core, but for the core's test code."""
    package = import_module(module.partition(".")[0])
    core = Path(dialog_core.__file__).parent
    own = (
        [str(Path(folder).resolve()) for folder in package.__path__]
        if hasattr(package, "__path__")
        else []
    )
    folders = (*own, str(core))
    testing = str(core / "testing")
    calls = Calls()
    counted: dict[str, bool] = {}

    def is_counted(file: str) -> bool:
        return (
            file.startswith(folders)
            and not file.startswith(testing)
            and "testing" not in Path(file).stem
        )

    def profile(frame: FrameType, event: str, _arg: object) -> None:
        if event == "call":
            file = frame.f_code.co_filename
            if file not in counted:
                counted[file] = is_counted(file)
            calls.count += counted[file]

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        yield calls
    finally:
        sys.setprofile(before)


@contextmanager
def memory_of() -> Iterator[Callable[[], int]]:
    """Yields a function: bytes of Python objects more than there were at the beginning."""
    tracing = tracemalloc.is_tracing()
    if not tracing:
        tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    try:
        yield lambda: tracemalloc.get_traced_memory()[0] - before
    finally:
        if not tracing:
            tracemalloc.stop()
