"""XML documents that tell a carrier what to do with a call: small, written with every value escaped."""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.sax.saxutils import escape, quoteattr

__all__ = ["document", "element", "text"]

UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def element(name: str, attributes: Mapping[str, str] | None = None, *children: str) -> str:
    """An element; attributes with empty values are left out. children: elements or escaped text."""
    given = (attributes or {}).items()
    written = "".join(f" {key}={quoteattr(_legal(value))}" for key, value in given if value)
    if not children:
        return f"<{name}{written}/>"
    return f"<{name}{written}>{''.join(children)}</{name}>"


def text(value: str) -> str:
    """Text between tags."""
    return escape(_legal(value))


def document(*verbs: str) -> str:
    """A whole answer; verbs run one after another."""
    return f'<?xml version="1.0" encoding="UTF-8"?>{element("Response", None, *verbs)}'


def _legal(value: str) -> str:
    return UNPRINTABLE.sub("", value)
