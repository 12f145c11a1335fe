"""The replies of a call: made, played, held and stopped; and the history, which is what was heard of them.

The ledger (inside the outbox) knows what was heard; this keeps the replies that have not ended, and turns the marks
that return into events.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable

import anyio
import attrs
from anyio.abc import TaskGroup

from dialog_core.call.context import CallContext
from dialog_core.call.draft import Draft
from dialog_core.call.echo import CallEcho
from dialog_core.call.fade import fade_out
from dialog_core.call.outbox import Outbox, read_mark
from dialog_core.call.reply import Playout, ReplyPlan, ReplyTimes, Watched
from dialog_core.messages import Utterance
from dialog_core.observe.observations import EagerReply, ReplyTimed, Trouble
from dialog_core.protocols import Line
from dialog_core.speech.history import History
from dialog_core.speech.ledger import Ledger, Piece
from dialog_core.turns import events as ev
from dialog_core.turns.effects import Cause, Unheard
from dialog_core.turns.events import Event
from dialog_core.turns.records import BargeIn, BrokenOff, Record, Said, TakenBack, TurnComplete
from dialog_core.turns.state import Phase, TurnState

__all__ = ["Make", "OnRecord", "Replies"]

Make = Callable[[ReplyPlan, Playout], Awaitable[str | None]]
"""Makes a reply; returns what went wrong, None if nothing did. Cancelling it stops the reply everywhere."""
OnRecord = Callable[[Record, Cause | None], None]
"""Told each record, with the cause of the reply it ends, after the history has it."""


@attrs.define
class Live:
    """A reply that has not ended."""

    playout: Playout
    scope: anyio.CancelScope
    cause: Cause
    made: bool = False
    """The responder has put all of it into the playout."""


@attrs.define(eq=False)
class Replies:
    """One call's replies."""

    context: CallContext
    post: Callable[[Event], None]
    make: Make
    on_record: OnRecord
    outbox: Outbox
    history: History = attrs.field(factory=History)
    _live: dict[int, Live] = attrs.field(factory=dict)
    _watched: dict[tuple[int, int], Watched] = attrs.field(factory=dict)

    @classmethod
    def on(
        cls,
        line: Line,
        context: CallContext,
        *,
        post: Callable[[Event], None],
        make: Make,
        on_record: OnRecord,
        echo: CallEcho | None = None,
    ) -> Replies:
        """Replies that are played on this line. echo: notes what is played."""
        outbox = Outbox(line if echo is None else echo.line(line), Ledger(line.fmt), context.now)
        replies = cls(context, post, make, on_record, outbox)
        note = replies.note_sent
        outbox.on_sent = note if echo is None else echo.noting(note, outbox.ledger)
        return replies

    @property
    def ledger(self) -> Ledger:
        """What was made, sent and heard."""
        return self.outbox.ledger

    # --- what the line says

    def mark_returned(self, name: str) -> None:
        """The line played up to a mark."""
        key = read_mark(name)
        if key is not None:
            self.reached(key)

    def reached(self, key: tuple[int, int], *, lost: bool = False) -> None:
        """Playback reached the end of a segment, or must have: tell the machine and whoever waits for it."""
        now = self.context.now()
        for segment in self.ledger.lost(key) if lost else self.ledger.reached(key, now):
            self.post(ev.MarkReached(now, segment.reply, segment.as_written))
            if segment.protected:
                shielded = self.ledger.is_shielded(segment.reply)
                self.post(ev.Shielded(now, segment.reply, on=shielded))
            watched = self._watched.pop((segment.reply, segment.index), None)
            if watched is not None:
                watched.heard = True
                watched.over.set()
        self._check_played(key[0])

    def note_sent(self, piece: Piece) -> None:
        """The line was given audio: the first of a reply makes it audible."""
        live = self._live.get(piece.key[0])
        if live is not None and live.playout.times.audible is None:
            live.playout.times.audible = self.context.now()
            self.post(ev.ReplyAudible(self.context.now(), piece.key[0]))

    def _check_played(self, reply: int) -> None:
        live = self._live.get(reply)
        if live is None or live.playout.draft is not None:
            return
        if live.made and self.ledger.is_played(reply):
            self.post(ev.ReplyPlayed(self.context.now(), reply, self.ledger.ends))

    def dead_air_at(self, state: TurnState, budget: float) -> float:
        """When a reply will have been live in silence for too long; never, while the silence is the caller's.

        Counted from the last that sounded, what left for the carrier or the caller's voice, since it was owed.
        """
        phase = state.phase
        if state.voiced or (phase is not Phase.THINKING and phase is not Phase.SPEAKING):
            return math.inf
        playout = self._live[state.reply].playout
        silent = max(self.ledger.ends, state.silent_since, playout.began)
        if silent + budget <= playout.times.decided:
            silent = playout.times.decided  # nobody could have known before: the words came so late
        return silent + budget

    def tell_dead_air(self, reply: int) -> None:
        """Let the operator know who was waited for."""
        kind = "tts" if self.ledger.owes(reply) else "llm" if self.context.asks("llm") else "agent"
        why = f"nothing of reply {reply} came from {self.context.who(kind)} in time"
        self.context.observe(Trouble(self.context.id, kind, "left the line dead", why))

    def _tell_unheard(self) -> None:
        why = f"{self.context.who('stt')} made no word of the caller's voice"
        self.context.observe(Trouble(self.context.id, "stt", "heard nothing", why))

    # --- what the machine wants

    def start(self, reply: int, cause: Cause, tasks: TaskGroup, *, eager: bool = False) -> None:
        """Begin to make a reply. Its scope exists before its task, so that a stop can never come too early.

        eager: nothing of it leaves before :meth:`confirm`.
        """
        times, now = ReplyTimes(self.context.now()), self.context.now
        if isinstance(cause, Unheard):
            self._tell_unheard()
        playout = Playout(reply, times, self.ledger, self.outbox, now, self.post)
        if isinstance(cause, Utterance):
            playout.count_from(cause.ended)
        if eager and isinstance(cause, Utterance):
            playout.held, playout.draft = True, Draft.answering(cause, times.decided)
            times.began = times.decided
        live = self._live[reply] = Live(playout, anyio.CancelScope(), cause)
        tasks.start_soon(self._respond, live)

    async def _respond(self, live: Live) -> None:
        reply = live.playout.reply
        with live.scope:
            error = await self.make(ReplyPlan(reply, live.cause), live.playout)
            if error is not None:
                self.post(ev.ReplyFailed(self.context.now(), reply, error))
                return
            live.made = True
            self._check_played(reply)

    def confirm(self, reply: int, cause: Utterance) -> None:
        """The turn of an eager reply is complete, and in the history: what there is of it is played."""
        live = self._live[reply]
        live.cause = cause
        playout = live.playout
        self._tell_eager(live, "")
        assert playout.draft is not None
        self.history = playout.draft.enter(self.history)
        playout.times.decided = self.context.now()
        playout.count_from(cause.ended)
        playout.held, playout.draft = False, None
        self.outbox.put_now(self.ledger.rest(reply))
        self._check_played(reply)

    def drop(self, reply: int, why: str) -> None:
        """Stop an eager reply, of which nobody knows, and forget it. why: constant phrase."""
        live = self._live.pop(reply)
        live.scope.cancel()
        self._tell_eager(live, why)
        self._close_accounts(reply)

    def _tell_eager(self, live: Live, why: str) -> None:
        playout, now = live.playout, self.context.now()
        self.context.observe(
            EagerReply(
                self.context.id, now, playout.reply, why, now - playout.times.decided,
                self.ledger.characters(playout.reply), self.ledger.made(playout.reply),
            )
        )  # fmt: skip

    def stop(self, reply: int) -> None:
        """Stop a reply everywhere: model, synthesis, our queue and the carrier's buffer."""
        live = self._live.get(reply)
        if live is None:
            return
        live.scope.cancel()
        self.outbox.flush(reply)
        if self.ledger.was_sent(reply):
            self.ledger.stop(self.context.now())
            self.outbox.clear()

    def hold(self, reply: int, *, fade: float) -> None:
        """Stop playing a reply, after a fade of so many seconds, and keep it."""
        self._live[reply].playout.held = True
        self.outbox.flush(reply)
        where = self.ledger.hold(reply, self.context.now())
        self.outbox.clear()
        if where is not None and fade > 0:
            fmt = self.ledger.fmt
            key, position = where
            start = fmt.nbytes(position)
            audio = bytes(self.ledger.entries[key].audio[start : start + fmt.nbytes(fade)])
            self.outbox.play_ahead(fade_out(audio, fmt))

    def resume(self, reply: int) -> None:
        """Go on with a held reply from where the caller stopped hearing it."""
        self._live[reply].playout.held = False
        self.outbox.clear()
        self.outbox.put_now(self.ledger.rest(reply))

    def watch(self, key: tuple[int, int]) -> Watched:
        """Wait for a segment to be heard, or for it to be certain that it never will."""
        entry = self.ledger.entries.get(key)
        if entry is None or entry.heard:
            watched = Watched(heard=entry is not None)
            watched.over.set()
            return watched
        return self._watched.setdefault(key, Watched())

    def let_go(self) -> None:
        """The call is over: whoever waits for a segment waits no longer."""
        for watched in self._watched.values():
            watched.over.set()

    # --- the history

    def note_heard(self, reply: int) -> None:
        """Bring the history up to what was heard of a live reply."""
        if reply in self._live:
            heard = self.ledger.heard(reply, self.context.now())
            self.history = self.history.said(reply, heard, at=self._began(reply))

    def _began(self, reply: int) -> float:
        times = self._live[reply].playout.times
        return times.decided if times.audible is None else times.audible

    def keep(self, record: Record) -> Record:
        """Enter a record into the history; returns it with what was really heard."""
        cause: Cause | None = None
        match record:
            case TurnComplete(at=at, utterance=utterance):
                self.history = self.history.asked(utterance, at)
            case TakenBack(reply=reply):
                self.history = self.history.taken_back()
                cause = self._retire(reply, record)
            case Said(reply=reply) | BargeIn(reply=reply) | BrokenOff(reply=reply):
                heard = self.ledger.heard(reply, self.context.now())
                record = attrs.evolve(record, heard=heard)
                cut = not isinstance(record, Said)
                self.history = self.history.said(reply, heard, at=self._began(reply), cut=cut)
                cause = self._retire(reply, record)
        self.on_record(record, cause)
        return record

    def _retire(self, reply: int, record: Record) -> Cause:
        live = self._live.pop(reply)
        self._close_accounts(reply)
        times, cause = live.playout.times, live.cause
        ended = cause.ended if isinstance(cause, Utterance) else None
        self.context.observe(
            ReplyTimed(
                self.context.id, reply, ended, times.decided, times.first_text,
                times.first_segment, times.first_audio, times.audible, type(record).__name__,
                times.began,
            )
        )  # fmt: skip
        return cause

    def _close_accounts(self, reply: int) -> None:
        for key in [key for key in self._watched if key[0] == reply]:
            self._watched.pop(key).over.set()
        self.ledger.retire(reply)
