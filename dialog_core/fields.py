"""How a settings class declares a setting: its default, its unit, its limits and what it is for.

A settings class is an ``@attrs.frozen`` class. Each field is made by :func:`setting`, so that the settings loader can
check it, ``dialogctl plugins show`` can print it, and a reader finds all of it in one place::

    @attrs.frozen
    class DeepgramSettings:
        api_key: Secret = setting(help="API key of a Deepgram project")
        first_result: float = setting(default=5.0, unit="s", above=0, help="silence that counts as dead")
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs

__all__ = ["Secret", "setting"]

QUOTES = "\"'"


class Secret:
    """Text that must not be seen. Prints as ``Secret(...)``; blanks and quotes around it are dropped."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text.strip().strip(QUOTES).strip()

    def reveal(self) -> str:
        """The text itself; call it at the socket and nowhere else."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(...)"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(("Secret", self._text))


Validator = Callable[[Any, "attrs.Attribute[Any]", Any], None]


def setting(
    *,
    help: str,  # noqa: A002 - the word every option parser uses
    default: Any = attrs.NOTHING,
    factory: Callable[[], Any] | None = None,
    unit: str = "",
    at_least: float | None = None,
    at_most: float | None = None,
    above: float | None = None,
    one_of: Sequence[object] = (),
    check: Validator | None = None,
    spoken: Callable[[str, Any], Any] | None = None,
) -> Any:
    """Declare a setting; without a default it is required.

    help: what it is for, in one sentence. unit: ``s``, ``ms``, ``Hz``, ``dB``, ``bytes``, ``0..1``, ... The limits and
    `one_of` are for numbers and words; None passes where the type allows it. check: any other attrs validator. spoken:
    makes the value from the agent's language where it is None; see :mod:`dialog_core.language`.
    """

    def limits(_instance: Any, _attribute: attrs.Attribute[Any], value: Any) -> None:
        if value is None:
            return
        if at_least is not None and value < at_least:
            raise ValueError(f"must be at least {at_least}, not {value!r}")
        if at_most is not None and value > at_most:
            raise ValueError(f"must be at most {at_most}, not {value!r}")
        if above is not None and value <= above:
            raise ValueError(f"must be more than {above}, not {value!r}")
        if one_of and value not in one_of:
            raise ValueError(f"must be one of {', '.join(map(str, one_of))}, not {value!r}")

    validators = [limits] if check is None else [limits, check]
    choices = tuple(one_of)
    metadata = {
        "help": help,
        "unit": unit,
        "at_least": at_least,
        "at_most": at_most,
        "above": above,
        "one_of": choices,
        "spoken": spoken,
    }
    if factory is not None:
        return attrs.field(factory=factory, validator=validators, metadata=metadata)
    return attrs.field(default=default, validator=validators, metadata=metadata)
