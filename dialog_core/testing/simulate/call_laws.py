"""The laws of a whole call, held against what the caller's ear was given and what the core says of it."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import attrs

from dialog_core.messages import Role, SpeakText
from dialog_core.observe.observations import CallEnded, CallStarted, Trouble
from dialog_core.testing.simulate.dead_air import Budget, dead_air
from dialog_core.testing.simulate.hearing import INVENTED, garbled
from dialog_core.testing.simulate.run import HOLDING, LONGEST_CALL, Lived
from dialog_core.testing.simulate.sound import Heard, heard_in
from dialog_core.testing.simulate.turn_laws import Breach, TurnLaws, bare
from dialog_core.turns.effects import ConfirmReply, Keep, StartReply, StopReply
from dialog_core.turns.records import BargeIn, BrokenOff, Said, TakenBack, TurnComplete
from dialog_core.turns.state import Phase

__all__ = ["LAWS", "broken"]

SHORTEST_WORD = 0.1
"""Seconds of the shortest words that the simulated voice speaks."""
LONGEST_WORD = 0.6
GUESS = 0.25
"""Share of the words by which one may be wrong without word times, while a segment is not made to its end."""
ROUNDING = 0.003
CODE = re.compile(r" at \S+\.py:\d+$")
LYING = {"twice", "reorders", "garbles", "invents", "never settles", "is overtaken", "mistimes"}
"""Faults of a recogniser that breaks its promise about the words of one utterance."""
ASIDES = [bare(phrase) for phrase in HOLDING]


@attrs.frozen(eq=False)
class Judged:
    """A call, and what several laws want to know of it."""

    lived: Lived
    heard: tuple[Heard, ...]
    """What sounded at the caller's ear, in order."""
    slack: float
    """Seconds by which we cannot know how far the carrier has played."""


def broken(lived: Lived, *, budget: Budget | None = None) -> list[Breach]:
    """Every law that does not hold of a call, in the order of time. budget: the longest silence allowed."""
    carrier = lived.plan.carrier
    slack = carrier.outbound + carrier.inbound + carrier.jitter + carrier.frame
    slack += sum(
        fault.seconds for _, fault in lived.journal.struck if fault.where in {"line", "mark"}
    )
    judged = Judged(lived, tuple(heard_in(lived.line.played)), slack)
    breaches = steps_by_the_laws(lived)
    for law, check in LAWS.items():
        breaches += [Breach(at, law, detail) for at, detail in check(judged)]
    if budget is not None:
        name = "silence stays within the budget"
        breaches += [
            Breach(
                gap.start, name, f"{gap.seconds:.1f} s after {', '.join(gap.faults) or 'no fault'}"
            )
            for gap in dead_air(lived, judged.heard)
            if not budget.allows(gap)
        ]
    return sorted(breaches, key=lambda breach: breach.at)


def steps_by_the_laws(lived: Lived) -> list[Breach]:
    """What the laws of turn-taking find in the machine's steps."""
    laws = attrs.evolve(TurnLaws.of(lived.policy), excused=frozenset(lied_about(lived)))
    for step in lived.steps:
        laws.take(step.event, Phase(step.phase), step.effects)  # type: ignore[arg-type] # its own values
    laws.close()
    return laws.breaches


def lied_about(lived: Lived) -> Iterator[str]:
    """Words of the utterances of which the recogniser did not tell as it promises to."""
    for _, fault in lived.journal.struck:
        if fault.where == "stt" and fault.what in LYING:
            uttered = lived.line.uttered[fault.number - 1]
            yield from bare(uttered.text)
            yield from bare(garbled(uttered.text))
            yield from bare(INVENTED)


Finding = tuple[float, str]
"""When, and what."""


def call_ends(judged: Judged) -> Iterator[Finding]:
    if judged.lived.ended is None:
        yield LONGEST_CALL, "it still runs"


def nothing_is_left(judged: Judged) -> Iterator[Finding]:
    lived = judged.lived
    open_ = {kind: count for kind, count in lived.journal.open.items() if count}
    if lived.left or open_:
        yield lived.ended or LONGEST_CALL, f"tasks {list(lived.left)}, open {open_}"


def it_is_told_once(judged: Judged) -> Iterator[Finding]:
    for kind in (CallStarted, CallEnded):
        count = sum(isinstance(seen, kind) for seen in judged.lived.observed)
        if count != 1 and judged.lived.ended is not None:
            yield judged.lived.ended, f"{kind.__name__} {count} times"


def nothing_of_ours_fails(judged: Judged) -> Iterator[Finding]:
    for at, seen in zip(judged.lived.seen_at, judged.lived.observed, strict=True):
        if isinstance(seen, Trouble) and is_ours(seen):
            yield at, f"{seen.where}: {seen.what}: {seen.detail}"


def is_ours(trouble: Trouble) -> bool:
    """Whether it is an exception that nobody planned; those tell the line of code that raised them."""
    unforeseen = CODE.search(trouble.detail) is not None or "stuck" in trouble.what
    return unforeseen and "simulated" not in trouble.detail


def a_cut_is_a_cut(judged: Judged) -> Iterator[Finding]:
    lived = judged.lived
    cuts = {
        effect.reply: at
        for at, step in lived.timed_steps
        for effect in step.effects
        if isinstance(effect, StopReply)
    }
    for sound in judged.heard:
        reply = lived.tts.sound.words[sound.number - 1][0] if sound.number else 0
        cut = cuts.get(reply, math.inf)
        if sound.end > cut + lived.plan.carrier.outbound + ROUNDING:
            yield sound.end, f"reply {reply} sounds {sound.end - cut:.2f} s after it was cut"


def replies_sound_in_order(judged: Judged) -> Iterator[Finding]:
    sound_of = judged.lived.tts.sound
    latest = 0
    for sound in judged.heard:
        if not sound.number or not sound_of.words[sound.number - 1][0]:
            continue  # a fade, or an apology
        again = sum(sound_of.seconds[sound.number - 1 : latest])
        if sound.number < latest and again > judged.slack + SHORTEST_WORD + LONGEST_WORD:
            yield (
                sound.start,
                f"{sound_of.words[sound.number - 1]} after {sound_of.words[latest - 1]}",
            )
        latest = max(latest, sound.number)


def no_word_sounds_twice(judged: Judged) -> Iterator[Finding]:
    total: dict[int, float] = defaultdict(float)
    for sound in judged.heard:
        if sound.number and judged.lived.tts.sound.words[sound.number - 1][0]:
            total[sound.number] += sound.end - sound.start
    for number, seconds in total.items():
        if seconds > judged.lived.tts.sound.seconds[number - 1] + judged.slack + ROUNDING:
            text = judged.lived.tts.sound.words[number - 1][2]
            yield 0.0, f"{text!r} sounded for {seconds:.2f} s"


def records_tell_what_was_heard(judged: Judged) -> Iterator[Finding]:
    lived = judged.lived
    sounded: dict[int, set[int]] = defaultdict(set)
    for sound in judged.heard:
        if sound.number:
            sounded[lived.tts.sound.words[sound.number - 1][0]].add(sound.number)
    allowed = 1 + math.ceil(judged.slack / SHORTEST_WORD)
    mistimed = any(
        (each.where, each.what) == ("tts", "mistimes") for _, each in lived.journal.struck
    )
    for record in lived.records:
        if not isinstance(record, Said | BargeIn | BrokenOff | TakenBack):
            continue
        segments = lived.tts.said.get(record.reply, ())
        said = " ".join(segment.as_written for segment in segments).split()
        if not said:
            continue  # an apology, which no voice spoke
        heard = [] if isinstance(record, TakenBack) else without_asides(record.heard).split()
        if heard != said[: len(heard)]:
            yield record.at, f"{heard!r} is no beginning of {said!r}"
        told, real = as_spoken(segments, len(heard)), len(sounded[record.reply])
        amount = max(
            told, as_spoken(segments, len(heard) + 1) - 1
        )  # counts when all of it has sounded
        guessed = 0 if lived.plan.word_times else math.ceil(real * GUESS)
        if not told - allowed - guessed <= real <= amount + allowed + guessed and not mistimed:
            yield record.at, f"reply {record.reply}: {told} words recorded, {real} sounded"
        if isinstance(record, Said) and lived.line.stopped is None and heard != said:
            yield record.at, f"reply {record.reply} was said, but not all of it heard: {heard!r}"


def as_spoken(segments: Sequence[SpeakText], count: int) -> int:
    """How many words are spoken for so many written ones; an amount has more spoken words than written ones."""
    total = 0
    for segment in segments:
        words = len(segment.as_written.split())
        if count < words:
            needs = range(1, words + 1) if segment.written is None else segment.written.needs
            return total + (needs[count - 1] if count else 0)
        total, count = total + len(segment.text.split()), count - words
    return total


def without_asides(heard: str) -> str:
    """What was heard of a reply's own words: without hold phrases, the last of which may have been cut."""
    words = heard.split()
    plain = [each.strip(".,?!").lower() for each in words]
    for aside in ASIDES:
        for start in range(len(words)):
            found = plain[start : start + len(aside)]
            if (
                found
                and aside[: len(found)] == found
                and (len(found) == len(aside) or start + len(found) == len(words))
            ):
                del words[start : start + len(found)], plain[start : start + len(found)]
                break
    return " ".join(words)


def only_what_may_be_interrupted_is(judged: Judged) -> Iterator[Finding]:
    lived = judged.lived
    causes = {
        effect.reply: effect.cause
        for step in lived.steps
        for effect in step.effects
        if isinstance(effect, StartReply)
    }
    for record in lived.records:
        if not isinstance(record, BargeIn):
            continue
        cause = causes[record.reply]
        allowed = getattr(cause, "interruptible", True)
        if not allowed or lived.policy.forbids_interrupting(cause):
            yield record.at, f"reply {record.reply} was interrupted: {type(cause).__name__}"


def history_is_what_stood(judged: Judged) -> Iterator[Finding]:
    lived = judged.lived
    turns: list[str] = []
    for record in lived.records:
        if isinstance(record, TurnComplete):
            turns.append(record.utterance.text)
        elif isinstance(record, TakenBack) and turns:
            turns.pop()
    entries = lived.run.replies.history.entries
    asked = [entry.text for entry in entries if entry.role is Role.USER]
    if asked != turns:
        yield lived.ended or LONGEST_CALL, f"{asked} in the history, {turns} on record"


def nothing_sounds_too_early(judged: Judged) -> Iterator[Finding]:
    lived = judged.lived
    certain = {
        effect.reply: at
        for at, step in lived.timed_steps
        for effect in step.effects
        if isinstance(effect, ConfirmReply) or (isinstance(effect, StartReply) and not effect.eager)
    }
    for sound in judged.heard:
        reply = lived.tts.sound.words[sound.number - 1][0] if sound.number else 0
        if reply and sound.start < certain.get(reply, math.inf):
            yield sound.start, f"reply {reply} sounds, whose turn was not complete"


def tools_run_for_turns(judged: Judged) -> Iterator[Finding]:
    lived = judged.lived
    certain = {
        effect.reply: at
        for at, step in lived.timed_steps
        for effect in step.effects
        if isinstance(effect, StartReply | ConfirmReply)
        and any(isinstance(e, Keep) and isinstance(e.record, TurnComplete) for e in step.effects)
    }
    for ran in lived.journal.ran:
        if ran.at < certain.get(ran.reply, math.inf) - ROUNDING:
            yield ran.at, f"{ran.name} ran for reply {ran.reply}, whose turn was not complete"


def a_goodbye_is_heard(judged: Judged) -> Iterator[Finding]:
    lived = judged.lived
    if not lived.line.asked:
        return
    asked = lived.line.asked[0][0]
    last = next(
        (r for r in reversed(lived.records) if isinstance(r, Said | BargeIn | BrokenOff)), None
    )
    if not isinstance(last, Said) or lived.journal.struck:
        return
    said = [word for segment in lived.tts.said.get(last.reply, ()) for word in bare(segment.text)]
    sounded = {
        sound.number
        for sound in judged.heard
        if sound.number and lived.tts.sound.words[sound.number - 1][0] == last.reply
    }
    if len(sounded) < len(said):
        yield asked, f"{len(sounded)} of {len(said)} words of the last reply were heard"


def say_tells_the_truth(judged: Judged) -> Iterator[Finding]:
    lived = judged.lived
    said = {
        " ".join(segment.as_written for segment in segments).split()[0]: segments[0].reply
        for segments in lived.tts.said.values()
    }
    told = {
        record.reply: isinstance(record, Said)
        for record in lived.records
        if isinstance(record, Said | BargeIn | BrokenOff)
    }
    for text, heard in lived.journal.promised:
        reply = said.get(text.split()[0])
        if heard and not told.get(reply or 0, False):
            yield 0.0, f"{text!r} is told as heard, and was not"


LAWS: dict[str, Callable[[Judged], Iterator[Finding]]] = {
    "a call ends": call_ends,
    "nothing lives after the call": nothing_is_left,
    "a call begins and ends once": it_is_told_once,
    "nothing of ours fails": nothing_of_ours_fails,
    "nothing sounds after a cut": a_cut_is_a_cut,
    "replies sound in order": replies_sound_in_order,
    "no word sounds twice": no_word_sounds_twice,
    "records tell what was heard": records_tell_what_was_heard,
    "only what may be interrupted is": only_what_may_be_interrupted_is,
    "the history is what was said": history_is_what_stood,
    "replies sound for complete turns": nothing_sounds_too_early,
    "tools run for complete turns": tools_run_for_turns,
    "a goodbye is heard": a_goodbye_is_heard,
    "say tells the truth": say_tells_the_truth,
}
"""What must hold of every call, by name."""
