"""The call on the terminal while it lasts: two columns, words as they are recognised, levels of both sides.

What is settled is printed and scrolls; what still moves stands below it. Where there is no terminal, in a log, each
thing that happens is a line.
"""

from __future__ import annotations

from collections.abc import Callable

import anyio
import attrs
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from dialog_core.messages import Transcript
from dialog_core.observe.observations import CallEnded, Observation, ReplyTimed, StepTaken, Trouble
from dialog_core.settings import ResolvedAgent
from dialog_core.turns import events as ev
from dialog_core.turns.effects import Keep
from dialog_core.turns.records import BargeIn, BrokenOff, Record, Said, TakenBack, TurnComplete
from dialog_demo.conversation import AgentTurn, turn_sound
from dialog_demo.sound import RATE, envelope

__all__ = ["AGENT", "CALLER", "LiveView", "wide"]

CALLER, AGENT, ALARM, QUICK = "cyan", "yellow", "bold red", "green"
WIDEST = 116
NARROWEST_TTY = 60
REFRESH_SECONDS = 0.08
STRIP_SECONDS = 4.0
BLOCKS = " ▁▂▃▄▅▆▇█"
Tracks = Callable[[], tuple[bytes, bytes]]


def wide(console: Console) -> int:
    """Columns to use."""
    return min(console.width, WIDEST)


@attrs.define
class Hearing:
    """The caller's turn so far."""

    settled: list[str] = attrs.field(factory=list)
    interim: str = ""
    interrupts: bool = False

    @property
    def text(self) -> Text:
        """Settled words, then those that may still change."""
        prefix = Text("(interrupts) ", ALARM) if self.interrupts else Text()
        settled = "".join(f"{each} " for each in self.settled)
        guess = f"{self.interim} …" if self.interim else ""
        return Text.assemble(prefix, (settled, CALLER), (guess, f"dim italic {CALLER}"))


@attrs.define(eq=False)
class LiveView:
    """Prints a call as it goes; see :class:`dialog_demo.stage.View`."""

    console: Console
    _hearing: Hearing = attrs.field(factory=Hearing)
    _speaking: list[str] | None = None
    """What of the present reply has been heard; None while there is none."""
    _timed: dict[int, ReplyTimed] = attrs.field(factory=dict)
    _ended: dict[int, Said | BargeIn | BrokenOff] = attrs.field(factory=dict)
    _tracks: Tracks | None = None

    # what happens

    def ready(self, address: str, agent: ResolvedAgent) -> None:
        """See :class:`dialog_demo.stage.View`."""
        parts = ", ".join(f"{kind} {made.name}" for kind, made in agent.components())
        self._print(Text.assemble("server  ", (address, "bold")))
        self._print(Text.assemble("agent   ", (agent.name, "bold"), f"  ({parts})"))
        self._print(
            Text(
                "phone   calls it as Twilio does: signed webhook, media over WebSocket, real time\n"
            )
        )
        if self.console.is_terminal:
            heads = Text("caller", f"bold {CALLER}"), Text("agent", f"bold {AGENT}")
            self._print(self._row("s", heads[0], "waited", heads[1]))

    def observe(self, observation: Observation) -> None:
        """See :class:`dialog_demo.stage.View`."""
        match observation:
            case StepTaken(event=event, effects=effects):
                self._take(event)
                for effect in effects:
                    if isinstance(effect, Keep):
                        self._keep(effect.record)
            case ReplyTimed(reply=reply):
                self._timed[reply] = observation
            case Trouble(where=where, what=what, detail=detail):
                self._print(Text(f"{where}: {what}  {detail}", ALARM))
            case CallEnded(reason=reason, at=at):
                start = f"{at:5.1f} " if self.console.is_terminal else f"{at:6.1f}  "
                self._print(Text(f"{start}({reason})", "dim"))

    def _take(self, event: object) -> None:
        match event:
            case Transcript(text=text, final=True):
                self._hearing.settled.append(text)
                self._hearing.interim = ""
            case Transcript(text=text):
                self._guess(stable(text))
            case ev.ReplyAudible():
                self._speaking = []
            case ev.MarkReached(text=text) if self._speaking is not None:
                self._speaking.append(text)

    def _guess(self, text: str) -> None:
        if text and text != self._hearing.interim and not self.console.is_terminal:
            words = " ".join([*self._hearing.settled, text])
            self._print(Text(f"        caller  {words} ...", "dim"))
        self._hearing.interim = text

    def _keep(self, record: Record) -> None:
        match record:
            case TurnComplete(utterance=said):
                before, self._hearing = self._hearing, Hearing()
                text = Text.assemble(
                    ("(interrupts) " if before.interrupts else "", ALARM), (said.text, CALLER)
                )
                self._tell(said.started, text, Text(), "")
            case Said() | BargeIn() | BrokenOff():
                self._finish(record)
            case TakenBack():
                self._tell(record.at, Text("(goes on)", "dim"), Text(), "")

    def _finish(self, record: Said | BargeIn | BrokenOff) -> None:
        self._speaking = None
        text = Text(record.heard, AGENT)
        if isinstance(record, BargeIn):
            self._hearing.interrupts = True
            text.append(" (cut off)", ALARM)
        if isinstance(record, BrokenOff):
            text.append(f" (broken off: {record.error})", ALARM)
        turn = self._sound(record)
        if turn is None:
            return
        waited = "" if turn.latency is None else f"{turn.latency:.2f} s"
        self._tell(turn.sound.start, Text(), text, waited)

    def _sound(self, record: Said | BargeIn | BrokenOff) -> AgentTurn | None:
        tracks = self._tracks() if self._tracks is not None else (b"", b"")
        return turn_sound(record, self._timed.get(record.reply), *tracks)

    # how it looks

    def listen(self, tracks: Tracks) -> None:
        """From now on waits are measured on these tracks: the caller's and the agent's, so far."""
        self._tracks = tracks

    async def watch(self, tracks: Tracks) -> None:
        """See :class:`dialog_demo.stage.View`."""
        self.listen(tracks)
        if not self.console.is_terminal or self.console.width < NARROWEST_TTY:
            await anyio.sleep_forever()
        with Live(
            console=self.console, auto_refresh=False, transient=True, get_renderable=self._moving
        ) as live:
            while True:
                live.refresh()
                await anyio.sleep(REFRESH_SECONDS)

    def _moving(self) -> RenderableType:
        speaking = Text("".join(self._speaking or []), f"dim {AGENT}")
        if self._speaking is not None:
            speaking.append("…", AGENT)
        caller, agent = self._tracks() if self._tracks is not None else (b"", b"")
        width = (wide(self.console) - 20) // 2
        levels = self._row(
            f"{len(caller) / RATE:.1f}",
            Text(strip(caller, width), CALLER),
            "",
            Text(strip(agent, width), AGENT),
        )
        return Group(self._row("", self._hearing.text, "", speaking), Text(""), levels)

    def _tell(self, at: float, caller: Text, agent: Text, waited: str) -> None:
        """Print something settled."""
        if self.console.is_terminal:
            self._print(self._row(f"{at:.1f}", caller, waited, agent))
            return
        who, text = ("caller", caller) if caller.plain else ("agent ", agent)
        after = f"  [{waited} after the caller]" if waited else ""
        self._print(Text.assemble(f"{at:6.1f}  {who}  ", text, (after, QUICK)))

    def _print(self, what: RenderableType) -> None:
        self.console.print(what, soft_wrap=not self.console.is_terminal)

    def _row(self, at: str, caller: Text, waited: str, agent: Text) -> RenderableType:
        row = Table.grid(padding=(0, 1))
        row.add_column(width=5, justify="right", style="dim")
        row.add_column(width=(wide(self.console) - 20) // 2)
        row.add_column(width=8, justify="right", style=QUICK)
        row.add_column(width=(wide(self.console) - 20) // 2)
        row.add_row(at, caller, waited, agent)
        return row


def stable(interim: str) -> str:
    """Without the last word, which is often half of one."""
    return " ".join(interim.split()[:-1])


def strip(track: bytes, width: int) -> str:
    """The last seconds of a track as a row of blocks, the newest on the right."""
    newest = track[-round(STRIP_SECONDS * RATE) :]
    if not newest:
        return " " * width
    return "".join(BLOCKS[min(round(peak * 12), 8)] for peak in envelope(newest, width))
