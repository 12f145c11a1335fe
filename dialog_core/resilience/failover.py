"""Chains: several providers that together obey the contract of one.

A chain is one component whose settings are its members, so nothing else of a call knows of it. What its members share
is here; the three combinators are :mod:`~dialog_core.resilience.failover_stt`, ``failover_llm`` and ``failover_tts``::

    Chain      the settings: members in order of preference, and how patient to be
    Roster     one call's members: who is to be asked next, each made when it is first needed
    Lease      one use of a member; its end tells the member's circuit how it went
    Board      the process's circuits, by provider and settings

Sessions reconnect, chains fail over, the turn machine degrades (:mod:`~dialog_core.resilience.verdict`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

import anyio
import attrs
from anyio.abc import TaskGroup

from dialog_core.call.guard import describe, first_error
from dialog_core.errors import ProviderUnavailable, SettingsError, SettingsProblem
from dialog_core.factory import Factory, Services
from dialog_core.fields import setting
from dialog_core.observe.observations import Trouble
from dialog_core.plugins import Chosen
from dialog_core.resilience.circuit import Circuit, CircuitSettings, State
from dialog_core.resilience.verdict import Verdict, remedies
from dialog_core.sources import Faults, fault, under

__all__ = [
    "CHAINED",
    "Board",
    "Chain",
    "FailoverSettings",
    "Lease",
    "Roster",
    "chain_of",
    "late",
    "lone",
    "members_of",
    "open_board",
    "told",
]

T = TypeVar("T")

CHAINED = ("stt", "llm", "tts")
"""Kinds of which a list is a chain: the next stands in for the one before it."""
JOINED = ("endpointer", "barge_in")
"""Kinds of which a list decides together: a stack, and a vote (:mod:`dialog_core.policies`)."""


@attrs.frozen
class FailoverSettings:
    """How long a chain waits before it asks its next provider beside the one that is late."""

    first_token: float = setting(
        default=1.2,
        unit="s",
        above=0,
        help="wait for a model's first token before the next is asked",
    )
    token_gap: float = setting(
        default=1.5, unit="s", above=0, help="silence within an answer before the next is asked"
    )
    first_audio: float = setting(
        default=1.2, unit="s", above=0, help="wait for owed audio before the next voice is asked"
    )
    silence: float = setting(
        default=1.5,
        unit="s",
        above=0,
        help="heard speech without a result before the next recogniser listens too",
    )
    final: float = setting(
        default=0.7,
        unit="s",
        above=0,
        help="wait for the words of speech that is over before the next recogniser is asked",
    )
    replay: float = setting(
        default=8.0,
        unit="s",
        at_least=2,
        at_most=30,
        help="audio kept for a recogniser that takes over",
    )
    circuit: CircuitSettings = setting(
        factory=CircuitSettings, help="when a provider that failed is left alone"
    )


@attrs.frozen
class Chain:
    """Settings of a list of components: a chain, or policies that decide together."""

    kind: str = attrs.field(metadata={"help": "stt, llm, tts, endpointer or barge_in"})
    members: tuple[Chosen[Any], ...] = attrs.field(metadata={"help": "in order of preference"})
    failover: FailoverSettings = setting(factory=FailoverSettings, help="how patient it is")

    def without_effect(self) -> Iterator[tuple[str, str]]:
        """What its members say of their own settings: (key, reason)."""
        for number, member in enumerate(self.members):
            tell = getattr(member.settings, "without_effect", None)
            for key, reason in tell() if callable(tell) else ():
                yield f"{number}.{key}", reason


# --- choosing ---------------------------------------------------------------------------------------------------------


def chain_of(kind: str, members: Sequence[Chosen[Any]]) -> Chosen[Any]:
    """One component out of several; a single one stays what it is. Raises: Faults."""
    if kind not in (*CHAINED, *JOINED):
        raise fault(f"must be one component: only {', '.join((*CHAINED, *JOINED))} may be lists")
    if not members:
        raise fault("is empty: name at least one component")
    if len(members) == 1:
        return members[0]
    name = ", ".join(member.name for member in members)
    return Chosen(Factory(name, Chain, build, warm), Chain(kind, tuple(members)))


def members_of(chosen: Chosen[Any]) -> tuple[Chosen[Any], ...]:
    """The members of a chain; of anything else, itself."""
    settings = chosen.settings
    return settings.members if isinstance(settings, Chain) else (chosen,)


def told(chosen: Chosen[Any], *, language: str, failover: FailoverSettings) -> Chosen[Any]:
    """A component that knows what its agent says for all of them. Raises: Faults."""
    chain = chosen.settings
    if not isinstance(chain, Chain):
        return chosen.speaking(language)
    members: list[Chosen[Any]] = []
    problems: list[SettingsProblem] = []
    for number, member in enumerate(chain.members):
        try:
            members.append(member.speaking(language))
        except Faults as error:
            problems += under(str(number), error)
    if problems:
        raise Faults(*problems)
    return attrs.evolve(
        chosen, settings=attrs.evolve(chain, members=tuple(members), failover=failover)
    )


def build(chain: Chain, services: Services) -> object:
    """Make the combinator; the members of a chain are made when they are first needed."""
    if chain.kind in JOINED:
        from dialog_core.policies.stack import Stack  # noqa: PLC0415 - what a call does not use is not loaded
        from dialog_core.policies.vote import Vote  # noqa: PLC0415

        members = [member.build(services) for member in chain.members]
        return Stack.of(members) if chain.kind == "endpointer" else Vote.of(members)
    from dialog_core.resilience.failover_llm import FailoverLlm  # noqa: PLC0415 - they need Chain
    from dialog_core.resilience.failover_stt import FailoverStt  # noqa: PLC0415
    from dialog_core.resilience.failover_tts import FailoverTts  # noqa: PLC0415

    makers: dict[str, Any] = {"stt": FailoverStt, "llm": FailoverLlm, "tts": FailoverTts}
    return makers[chain.kind](Roster(chain, services))


async def warm(chain: Chain, services: Services) -> None:
    """Prepare every member; one that cannot does not keep the others. Raises: SettingsError."""
    misset: list[SettingsError] = []

    async def prepare(member: Chosen[Any]) -> None:
        try:
            await member.factory.warm(member.settings, services)
        except SettingsError as error:
            misset.append(error)
        except Exception as error:  # noqa: BLE001 - whatever a plugin raises, its neighbours are prepared
            services.observe(
                Trouble("", f"{chain.kind} {member.name}", "could not prepare", describe(error))
            )

    async with anyio.create_task_group() as tasks:
        for member in chain.members:
            tasks.start_soon(prepare, member)
    if misset:
        raise misset[0]


# --- the process's memory ---------------------------------------------------------------------------------------------


@attrs.define(eq=False)
class Board:
    """The circuits of a process, and tasks that belong to none of its calls' scopes."""

    tasks: TaskGroup
    _circuits: list[tuple[tuple[str, str, object], Circuit]] = attrs.field(factory=list)

    def circuit(self, kind: str, member: Chosen[Any], settings: CircuitSettings) -> Circuit:
        """The circuit of a provider with these settings; as many as settings files name."""
        identity = (kind, member.name, member.settings)
        for known, circuit in self._circuits:
            if known == identity and circuit.settings == settings:
                return circuit
        circuit = Circuit(settings)
        self._circuits.append((identity, circuit))
        return circuit


@asynccontextmanager
async def open_board() -> AsyncIterator[Board]:
    """A board; leaving the block ends its tasks."""
    async with anyio.create_task_group() as tasks:
        yield Board(tasks)
        tasks.cancel_scope.cancel()


# --- one call's members -----------------------------------------------------------------------------------------------


@attrs.define(eq=False)
class Lease(Generic[T]):
    """One use of a member, which ends in exactly one verdict; later ones are ignored."""

    number: int
    name: str
    component: T
    _circuit: Circuit
    _roster: Roster[T]
    _probe: bool
    _over: bool = False

    def succeeded(self) -> None:
        """It did its work."""
        if not self._over:
            self._over = True
            self._circuit.succeeded()

    def failed(self, error: Exception) -> None:
        """It did not, and the next may."""
        if self._over:
            return
        self._over = True
        services, where = self._roster.services, f"{self._roster.chain.kind} {self.name}"
        why = describe(first_error(error))
        services.observe(Trouble("", where, "failed; the next in the chain is asked", why))
        if self._circuit.failed(services.clock.monotonic()):
            spared = f"{self._circuit.cool_down:g} s"
            services.observe(Trouble("", where, "is left alone for a while", spared))

    def released(self) -> None:
        """Nobody knows: it was no longer needed."""
        if not self._over:
            self._over = True
            if self._probe:
                self._circuit.released()


@attrs.define(eq=False)
class Roster(Generic[T]):
    """The members of one call's chain."""

    chain: Chain
    services: Services
    _built: dict[int, T] = attrs.field(factory=dict)

    @property
    def failover(self) -> FailoverSettings:
        """How patient the chain is."""
        return self.chain.failover

    async def board(self) -> Board:
        """The process's."""
        return await self.services.shared.get((Board, "failover"), open_board)

    def now(self) -> float:
        """Seconds on the loop's clock."""
        return self.services.clock.monotonic()

    def lease(self, board: Board, tried: set[int]) -> Lease[T] | None:
        """The best member that was not tried, which then is; None if there is none.

        Members whose circuit is open come last: a caller is never refused because of a record.
        """
        now, settings = self.now(), self.failover.circuit
        untried = [number for number in range(len(self.chain.members)) if number not in tried]
        circuits = {
            number: board.circuit(self.chain.kind, self.chain.members[number], settings)
            for number in untried
        }
        for number in untried:
            was = circuits[number].state(now)
            if circuits[number].admit(now):
                return self._take(number, circuits[number], tried, probe=was is not State.CLOSED)
        if untried:
            return self._take(untried[0], circuits[untried[0]], tried, probe=False)
        return None

    def _take(self, number: int, circuit: Circuit, tried: set[int], *, probe: bool) -> Lease[T]:
        tried.add(number)
        chosen = self.chain.members[number]
        if number not in self._built:
            self._built[number] = chosen.build(self.services)
        return Lease(number, chosen.name, self._built[number], circuit, self, probe)

    def goes_on(self, error: Exception, *, spoken: bool = False) -> bool:
        """Whether the next member may help against this error."""
        return Verdict.FAILOVER in remedies(lone(error), self.chain.kind, spoken=spoken)


def late(name: str, stage: str, what: str) -> ProviderUnavailable:
    """The error of a member that another one overtook."""
    return ProviderUnavailable(name, what, stage=stage)


def lone(error: Exception) -> Exception:
    """The error that matters of a group."""
    first = first_error(error)
    return first if isinstance(first, Exception) else error
