"""``dialogctl simulate``: scenario files against their agents, or calls and turns that are drawn from a seed."""

from __future__ import annotations

import json
import secrets
from functools import partial
from pathlib import Path
from typing import Any

import click

from dialog_core.cli.refusal import Refusal
from dialog_core.plugins import Plugins

__all__ = ["command"]

SEEDS = 10**9


@click.command("simulate")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
@click.option("--seed", type=int, help="Where the seeds begin; drawn and printed unless given.")
@click.option("--calls", type=click.IntRange(0), default=0, help="How many whole calls to draw.")
@click.option("--turns", type=click.IntRange(0), default=0, help="How many turns to draw.")
@click.option(
    "--aloud",
    is_flag=True,
    help="Play scenarios with audio, through the providers of their settings; takes as long as the calls do.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_obj
def command(
    plugins: Plugins,
    /,
    files: tuple[Path, ...],
    seed: int | None,
    calls: int,
    turns: int,
    *,
    aloud: bool,
    as_json: bool,
) -> None:
    """Play scenario files, or draw whole calls and turns from a seed and hold them against the laws.

    Takes no network, no keys and no waiting, unless played aloud. Exits with 1 if something was not as expected.
    """
    if not files and not calls and not turns:
        raise Refusal(["name a scenario file, or say how much to draw: --calls 100 --turns 10000"])
    reports = [told_scenario(file, plugins, aloud=aloud) for file in files]
    first = seed if seed is not None else secrets.randbelow(SEEDS)
    if turns:
        reports.append(told_turns(first, turns))
    if calls:
        reports.append(told_calls(first, calls))
    if as_json:
        click.echo(json.dumps([report for report, _, _ in reports], indent=2, ensure_ascii=False))
    else:
        click.echo("\n\n".join(text for _, text, _ in reports))
    if not all(fine for _, _, fine in reports):
        raise SystemExit(1)


Told = tuple[dict[str, Any], str, bool]
"""As JSON, as text, and whether all was well."""


def told_scenario(file: Path, plugins: Plugins, *, aloud: bool) -> Told:
    """Play a scenario."""
    from dialog_core.testing.simulate.acting import play  # noqa: PLC0415 - a call's whole stack
    from dialog_core.testing.simulate.scenario import load_scenario  # noqa: PLC0415

    scenario = load_scenario(file)
    if aloud:
        import anyio  # noqa: PLC0415 - only what is played aloud needs a real loop here

        from dialog_core.testing.simulate.aloud import play_aloud  # noqa: PLC0415 - the providers' stack

        report = anyio.run(partial(play_aloud, scenario, plugins=plugins))
    else:
        report = play(scenario, plugins=plugins)
    return report.as_json(), str(report), not report.missed


def told_turns(seed: int, turns: int) -> Told:
    """Draw turns."""
    from dialog_core.testing.simulate.many_turns import simulate_turns  # noqa: PLC0415

    report = simulate_turns(turns, seed=seed)
    return {"turns": report.as_json()}, str(report), not report.failures


def told_calls(seed: int, calls: int) -> Told:
    """Draw whole calls."""
    from dialog_core.testing.simulate.calls import simulate_calls  # noqa: PLC0415

    report = simulate_calls(range(seed, seed + calls))
    return {"calls": report.as_json()}, str(report), not report.failures
