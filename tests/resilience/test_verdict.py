from __future__ import annotations

import itertools

import pytest

from dialog_core.errors import (
    LineError,
    LocalProtocolError,
    PluginError,
    ProviderError,
    ProviderProtocolError,
    ProviderRejected,
    ProviderUnavailable,
)
from dialog_core.resilience.verdict import TABLE, Verdict, remedies

RETRY, FAILOVER = Verdict.RETRY, Verdict.FAILOVER
DEGRADE, END_CALL = Verdict.DEGRADE, Verdict.END_CALL

AWAY = ProviderUnavailable("acme", "away")
REFUSED = ProviderRejected("acme", "no credit")
GARBLED = ProviderProtocolError("acme", "not json")
ERRORS = (AWAY, REFUSED, GARBLED, ProviderError("acme", "?"), LineError("gone"))
BUGS = (PluginError("acme", "broken"), LocalProtocolError("twice"), ZeroDivisionError())
STAGES = ("stt", "llm", "tts", "voip")
ALL = list(itertools.product(ERRORS + BUGS, STAGES, (False, True)))


@pytest.mark.parametrize(
    ("error", "stage", "spoken", "expected"),
    [
        (AWAY, "stt", False, (RETRY, FAILOVER, DEGRADE)),
        (AWAY, "llm", False, (RETRY, FAILOVER, DEGRADE)),
        (AWAY, "llm", True, (FAILOVER, DEGRADE)),
        (AWAY, "tts", True, (RETRY, FAILOVER, DEGRADE)),
        (GARBLED, "llm", True, (FAILOVER, DEGRADE)),
        (GARBLED, "stt", False, (RETRY, FAILOVER, DEGRADE)),
        (REFUSED, "stt", False, (FAILOVER, DEGRADE)),
        (REFUSED, "voip", False, (DEGRADE,)),
        (AWAY, "voip", False, (RETRY, DEGRADE)),
        (LineError("gone"), "voip", True, (END_CALL,)),
        (PluginError("acme", "broken"), "tts", True, (END_CALL,)),
    ],
)
def test_each_failure_has_its_remedies(
    error: Exception, stage: str, *, spoken: bool, expected: tuple[Verdict, ...]
) -> None:
    assert remedies(error, stage, spoken=spoken) == expected


@pytest.mark.parametrize(("error", "stage", "spoken"), ALL)
def test_every_failure_ends_in_something_that_always_works(
    error: Exception, stage: str, *, spoken: bool
) -> None:
    found = remedies(error, stage, spoken=spoken)
    assert found[-1] in {DEGRADE, END_CALL}
    assert not {DEGRADE, END_CALL} & set(found[:-1])


@pytest.mark.parametrize(("stage", "spoken"), list(itertools.product(STAGES, (False, True))))
def test_a_refusal_is_never_tried_again(stage: str, *, spoken: bool) -> None:
    assert RETRY not in remedies(REFUSED, stage, spoken=spoken)


def test_every_row_of_the_table_is_reached() -> None:
    reached = {
        next(row for row in TABLE if row.fits(error, stage, spoken=spoken))
        for error, stage, spoken in ALL
    }
    assert reached == set(TABLE)
