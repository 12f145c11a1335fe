from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from dialog_core.toml_lines import below, lines_of

ROOT = Path(__file__).parent.parent


def test_keys_stand_where_they_are_written() -> None:
    text = '''# a comment
top = 1
dotted.key = 2

[table]
words = """
[not.a.table]
x = 1
"""
list = [
    1,  # one
    "]",
]
inline = { a = 1, b = { c = 2 } }

["quoted.name".below]
x = 1

[[many]]
x = 1
[[many]]
x = 2
'''

    assert lines_of(text) == {
        ("top",): 2,
        ("dotted",): 3,
        ("dotted", "key"): 3,
        ("table",): 5,
        ("table", "words"): 6,
        ("table", "list"): 10,
        ("table", "list", "0"): 10,
        ("table", "list", "1"): 10,
        ("table", "inline"): 14,
        ("table", "inline", "a"): 14,
        ("table", "inline", "b"): 14,
        ("table", "inline", "b", "c"): 14,
        ("quoted.name", "below"): 16,
        ("quoted.name", "below", "x"): 17,
        ("many", "0"): 19,
        ("many", "0", "x"): 20,
        ("many", "1"): 21,
        ("many", "1", "x"): 22,
    }


@pytest.mark.parametrize("path", sorted(ROOT.glob("**/examples/*/*.toml")), ids=lambda p: p.name)
def test_every_value_of_a_file_has_a_line(path: Path) -> None:
    text = path.read_text("utf-8")
    document = tomllib.loads(text)
    ends = [
        key
        for key in below((), document)
        if not any(key == k[: len(key)] != k for k in below((), document))
    ]

    found = lines_of(text)

    assert [key for key in ends if key not in found] == []
