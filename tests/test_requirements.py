"""Which lines of the requirement ledger are shown by which tests: ``python tests/test_requirements.py``."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent
SECTIONS = {"A": 55, "B": 45, "C": 25, "D": 41, "E": 28}
"""How many lines each section has."""


def ledger() -> Mapping[str, str]:
    """Short name of each line by its id."""
    return tomllib.loads((ROOT / "tests" / "ledger.toml").read_text("utf-8"))


def files_with_tests() -> Iterator[Path]:
    yield from sorted(ROOT.glob("tests/**/test_*.py"))
    yield from sorted(ROOT.glob("plugins/*/tests/**/test_*.py"))
    yield from sorted(ROOT.glob("dialog_core/testing/contracts*.py"))
    yield from sorted(ROOT.glob("contrib/**/test_*.py"))


def marks_of(node: ast.AST) -> Iterator[str]:
    """Ids in ``pytest.mark.requirement(...)`` anywhere below a node."""
    for call in ast.walk(node):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
            continue
        if call.func.attr == "requirement" and ast.unparse(call.func).endswith("mark.requirement"):
            for argument in call.args:
                assert isinstance(argument, ast.Constant), f"write ids out: {ast.unparse(call)}"
                yield str(argument.value)


def shown() -> Iterator[tuple[str, str]]:
    """(id, test) for each mark; a mark on a class or module stands for all that is in it."""
    for path in files_with_tests():
        where = path.relative_to(ROOT).as_posix()
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef):
                decorators = [(f"{node.name}", decorator) for decorator in node.decorator_list]
                decorators += [
                    (f"{node.name}::{inner.name}", decorator)
                    for inner in node.body
                    if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef)
                    for decorator in inner.decorator_list
                ]
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                decorators = [(node.name, decorator) for decorator in node.decorator_list]
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark":
                decorators = [("all", node.value)]
            else:
                continue
            for test, decorator in decorators:
                yield from ((line, f"{where}::{test}") for line in marks_of(decorator))


def table() -> str:
    """Each line with the tests that show it."""
    by_line: dict[str, list[str]] = {}
    for line, test in shown():
        by_line.setdefault(line, []).append(test)
    rows = []
    for line, name in ledger().items():
        rows.append(f"{line:<5} {name}{'' if line in by_line else '  (not shown)'}")
        rows += [f"      {test}" for test in by_line.get(line, ())]
    return "\n".join([*rows, f"{len(by_line)} of {len(ledger())} lines are shown"])


def test_the_ledger_is_whole() -> None:
    expected = [f"{letter}.{n}" for letter, last in SECTIONS.items() for n in range(1, last + 1)]

    assert list(ledger()) == expected


def test_every_mark_names_a_line_of_the_ledger() -> None:
    unknown = [(line, test) for line, test in shown() if line not in ledger()]

    print(table())  # noqa: T201 - pytest shows it when the test fails, or with -s
    assert unknown == []


if __name__ == "__main__":
    print(table())  # noqa: T201 - a command's output
