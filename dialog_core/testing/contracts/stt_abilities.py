"""What a recogniser claims to be able to do, and what it does not."""

from __future__ import annotations

from dialog_core.testing.contracts.caller import same_words
from dialog_core.testing.contracts.contract import not_claimed, proves
from dialog_core.testing.contracts.door import Failure
from dialog_core.testing.contracts.kit import SttAbility
from dialog_core.testing.contracts.stt_scene import SttScene
from dialog_core.turns.events import EndOfTurn, SpeechStarted, SpeechStopped

__all__ = ["SttAbilities"]


class SttAbilities(SttScene):
    """Each ability is shown if it is claimed; else its absence is."""

    @proves(SttAbility.PARTIALS)
    async def test_words_are_told_while_they_are_spoken(self) -> None:
        async with self.stage() as stage, self.call(stage) as call:
            call.in_time = True
            await call.say(self.phrase)
            await call.hush(1.5)
            assert await call.hears(self.phrase)
            interims = [each for each in call.transcripts if not each.final and each.text]
            assert bool(interims) == self.claims(SttAbility.PARTIALS)
            if interims:
                assert call.transcripts.index(interims[0]) < call.transcripts.index(call.finals[0])

    @proves(SttAbility.WORDS)
    async def test_words_have_times(self) -> None:
        async with self.stage() as stage, self.call(stage) as call:
            await call.say(self.phrase)
            await call.hush(1.5)
            assert await call.hears(self.phrase)
            words = [word for each in call.finals for word in each.words]
            if not self.claims(SttAbility.WORDS):
                assert not words
                return
            assert same_words(" ".join(word.text for word in words), self.phrase)
            times = [time for word in words for time in (word.start, word.end)]
            assert times == sorted(times)

    @proves(SttAbility.CONFIDENCE)
    async def test_it_says_how_sure_it_is(self) -> None:
        async with self.stage() as stage, self.call(stage) as call:
            await call.say(self.phrase)
            await call.hush(1.5)
            assert await call.hears(self.phrase)
            words = [word for each in call.finals for word in each.words]
            sure = [each.confidence for each in call.finals] + [word.confidence for word in words]
            given = [each for each in sure if each is not None]
            assert bool(given) == self.claims(SttAbility.CONFIDENCE)
            assert all(0 <= each <= 1 for each in given)

    @proves(SttAbility.SPEAKERS)
    async def test_it_says_who_spoke(self) -> None:
        async with self.stage() as stage, self.call(stage) as call:
            await call.say(self.phrase)
            await call.hush(1.5)
            assert await call.hears(self.phrase)
            words = [word for each in call.finals for word in each.words]
            speakers = [word.speaker for word in words if word.speaker is not None]
            assert bool(speakers) == self.claims(SttAbility.SPEAKERS)

    @proves(SttAbility.TURNS)
    async def test_it_says_when_a_turn_is_over(self) -> None:
        async with self.stage() as stage, self.call(stage) as call:
            await call.say(self.phrase)
            await call.hush(3.0)
            assert await call.hears(self.phrase)
            await call.until(lambda: call.count(EndOfTurn), within=1.0)
            assert bool(call.count(EndOfTurn)) == self.claims(SttAbility.TURNS)

    @proves(SttAbility.VOICE)
    async def test_it_reports_voice(self) -> None:
        async with self.stage() as stage, self.call(stage) as call:
            await call.say(self.phrase)
            await call.hush(1.5)
            assert await call.hears(self.phrase)
            wanted = self.claims(SttAbility.VOICE)
            assert bool(call.count(SpeechStarted)) == wanted
            assert bool(call.count(SpeechStopped)) == wanted

    @proves(SttAbility.SETTLES)
    async def test_at_silence_pending_words_are_settled_though_the_vendor_is_mute(self) -> None:
        if not self.claims(SttAbility.SETTLES):
            not_claimed(SttAbility.SETTLES)
        async with self.stage() as stage, self.call(stage) as call:
            audio = self.kit.says(self.phrase, call.fmt)
            half = call.fmt.nbytes(call.fmt.seconds(len(audio)) * 0.7)
            call.session.note(SpeechStarted(call.at))
            await call.send(audio[:half])
            assert await call.until(lambda: call.transcripts, within=1.0)
            stage.vendor.door.fail(Failure.MUTE, times=None)
            await call.send(audio[half:])
            call.session.note(SpeechStopped(call.at))
            assert await call.until(lambda: call.finals, within=self.kit.settles_within)
            assert self.phrase.startswith(call.heard)

    @proves(SttAbility.LANGUAGE)
    async def test_the_language_reaches_the_vendor(self) -> None:
        if not self.claims(SttAbility.LANGUAGE):
            not_claimed(SttAbility.LANGUAGE)
        async with self.stage() as stage, self.call(stage, **self.kit.german) as call:
            await call.say(self.phrase)
            await call.hush(1.5)
            assert await call.hears(self.phrase)
            languages = stage.vendor.languages()
            assert languages
            assert all(tag.lower().startswith("de") for tag in languages)
