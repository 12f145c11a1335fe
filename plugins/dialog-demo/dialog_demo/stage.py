"""The call itself: a real server and a real phone, on real sockets of this machine."""

from __future__ import annotations

import datetime as dt
import secrets
import tomllib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import anyio
import attrs
from dialog_twilio.testing import Account, FakeTwilio, PhoneFault, place_call

from dialog_core.app import new_app
from dialog_core.errors import DialogError, SettingsError, SettingsProblem
from dialog_core.net.groups import ungrouped
from dialog_core.net.server import serve
from dialog_core.net.services import open_services
from dialog_core.observe.observations import Observation, Trouble
from dialog_core.plugins import Plugins
from dialog_core.settings import ResolvedAgent, Settings, load
from dialog_core.testing.vendor import served
from dialog_demo.caller import Played, hold
from dialog_demo.lateness import Lateness, too_busy
from dialog_demo.script import Script
from dialog_demo.take import Take

__all__ = ["CallFailed", "Interrupted", "Plan", "View", "agent_in", "perform"]

STOP_SECONDS = 1.0
"""A server that a signal stops ends the call first and returns a moment later: so long, to tell that from a fault."""

Tracks = Callable[[], tuple[bytes, bytes]]


class CallFailed(DialogError):
    """There was no call to speak of."""


class Interrupted(DialogError):
    """Somebody pressed Ctrl-C."""


class View(Protocol):
    """Who watches the call."""

    def observe(self, observation: Observation) -> None:
        """Something happened; must not wait."""
        ...

    def ready(self, address: str, agent: ResolvedAgent) -> None:
        """The server takes calls."""
        ...

    async def watch(self, tracks: Tracks) -> None:
        """Show the call until cancelled. tracks: the caller's audio and the agent's, so far."""
        ...


@attrs.frozen
class Plan:
    """What is to be performed."""

    file: Path
    """Settings of the server; its only agent is called."""
    script: Script
    port: int = 0
    """To listen on; 0 for any that is free."""
    plugins: Plugins = attrs.field(factory=Plugins)


async def perform(plan: Plan, view: View) -> Take:
    """Serve, call, talk, and stop serving. Raises: SettingsError, CallFailed, Interrupted."""
    observed: list[Observation] = []

    def observe(observation: Observation) -> None:
        observed.append(observation)
        view.observe(observation)

    account = Account("AC" + secrets.token_hex(16), secrets.token_hex(16))
    twilio = FakeTwilio(account)
    async with served(twilio) as rest, open_services(observe=observe) as services:
        settings = settings_of(plan, account, rest)
        agent = agent_in(settings)
        async with serving(settings, plan.plugins, observe) as address:
            refuse_trouble(observed)
            view.ready(address, agent)
            url = f"{address}/{agent.name}/{agent.voip.name}/voice"
            lines: list[Played] = []
            lateness = Lateness(services.clock)
            try:
                async with place_call(services, url, twilio=twilio) as phone:
                    await phone.answered()
                    began = services.clock.wall() - phone.now
                    async with anyio.create_task_group() as tasks:
                        tasks.start_soon(view.watch, phone.stereo)
                        tasks.start_soon(lateness.measure)
                        gave_up = await hold(phone, plan.script.lines, said=lines.append)
                        tasks.cancel_scope.cancel()
                    if gave_up:
                        await anyio.sleep(STOP_SECONDS)
                    await phone.hang_up()
            except PhoneFault as fault:
                raise CallFailed(f"the server's answer would not do for Twilio: {fault}") from fault
    caller, voice = phone.stereo()
    return Take(
        dt.datetime.fromtimestamp(began, dt.UTC), caller, voice, tuple(lines), tuple(observed),
        tuple(phone.clears), tuple(phone.warnings), gave_up, too_busy(lateness.worst, observed),
    )  # fmt: skip


@asynccontextmanager
async def serving(
    settings: Settings, plugins: Plugins, observe: Callable[[Observation], None]
) -> AsyncIterator[str]:
    """Serve while in the block; yields the address. Raises: SettingsError, Interrupted."""
    up, address = anyio.Event(), ""
    interrupted = False

    def ready(where: str) -> None:
        nonlocal address
        address = where
        up.set()

    async def run() -> None:
        nonlocal interrupted
        await serve(new_app(settings, plugins=plugins, observe=observe), ready=ready)
        interrupted = True  # by a signal: nothing else makes a server return
        tasks.cancel_scope.cancel()

    with ungrouped():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            await up.wait()
            yield address
            tasks.cancel_scope.cancel()
        if interrupted:
            raise Interrupted("interrupted")


def settings_of(plan: Plan, account: Account, rest: str) -> Settings:
    """The file's settings, with an account of its own, on loopback. Raises: SettingsError."""
    voip = f"agents.{only_agent(plan.file)}.voip"
    overrides: dict[str, object] = {
        "server.host": "127.0.0.1",
        "server.port": plan.port,
        "server.public_url": "",
        "server.drain": 0.0,
        "observers": [],
        f"{voip}.account_sid": account.sid,
        f"{voip}.auth_token": account.token,
        f"{voip}.api_url": rest,
    }
    return load(plan.file, overrides=list(overrides.items()), plugins=plan.plugins)


def only_agent(file: Path) -> str:
    """The name of the file's agent; what else is wrong with the file is told when it is loaded."""
    try:
        agents = tomllib.loads(file.read_text("utf-8")).get("agents", {})
    except (OSError, ValueError):
        return "any"
    if isinstance(agents, dict) and len(agents) > 1:
        raise SettingsError(
            SettingsProblem("agents", "a demo calls the only agent of a file, and here are more")
        )
    return next(iter(agents), "any")


def agent_in(settings: Settings) -> ResolvedAgent:
    """The agent that is called. Raises: SettingsError if it has no telephone number of Twilio's."""
    (agent,) = settings.agents.values()
    if agent.voip.name != "twilio":
        what = f"a demo calls through 'twilio', not {agent.voip.name!r}"
        raise SettingsError(SettingsProblem(f"agents.{agent.name}.voip.use", what))
    return agent


def refuse_trouble(observed: list[Observation]) -> None:
    """Do not call a server that is not well. Raises: CallFailed."""
    troubles = [each for each in observed if isinstance(each, Trouble)]
    if troubles:
        raise CallFailed(
            "; ".join(each.detail or f"{each.where}: {each.what}" for each in troubles)
        )
