"""Whole calls and turns in virtual time, from a seed, held against laws.

::

    report = simulate_calls(range(1000))
    assert not report.failures, report
    report = simulate_turns(1_000_000)
    assert not report.failures, report

Each call runs through the real runner, with a caller, vendors and a carrier that are drawn from its seed and do what
such do: hesitate, cough, interrupt; stall, lie, hang up. A call that breaks a law is made small, and told.
"""

from __future__ import annotations

from dialog_core.testing.simulate.acting import ScenarioReport, check_scenario, play
from dialog_core.testing.simulate.call_laws import LAWS, broken
from dialog_core.testing.simulate.calls import CallsReport, Failure, judge, simulate_calls
from dialog_core.testing.simulate.dead_air import Budget, Gap, dead_air
from dialog_core.testing.simulate.draw import FAULTS, draw_plan
from dialog_core.testing.simulate.many_turns import BrokenTurn, TurnsReport, simulate_turns
from dialog_core.testing.simulate.plan import (
    Act,
    Answer,
    CallPlan,
    Carrier,
    Cue,
    Deed,
    Fault,
    Pace,
    Wish,
)
from dialog_core.testing.simulate.run import Lived, live
from dialog_core.testing.simulate.scenario import Scenario, load_scenario
from dialog_core.testing.simulate.shrinking import shrink
from dialog_core.testing.simulate.stories import story
from dialog_core.testing.simulate.turn_laws import Breach, TurnLaws
from dialog_core.testing.simulate.turns import Machinery

__all__ = [
    "FAULTS",
    "LAWS",
    "Act",
    "Answer",
    "Breach",
    "BrokenTurn",
    "Budget",
    "CallPlan",
    "CallsReport",
    "Carrier",
    "Cue",
    "Deed",
    "Failure",
    "Fault",
    "Gap",
    "Lived",
    "Machinery",
    "Pace",
    "Scenario",
    "ScenarioReport",
    "TurnLaws",
    "TurnsReport",
    "Wish",
    "broken",
    "check_scenario",
    "dead_air",
    "draw_plan",
    "judge",
    "live",
    "load_scenario",
    "play",
    "shrink",
    "simulate_calls",
    "simulate_turns",
    "story",
]
