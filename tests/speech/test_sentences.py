from __future__ import annotations

import attrs
import pytest

from dialog_core.speech.sentences import (
    SENTENCES,
    holding_in,
    sentences_in,
    sorry_in,
    still_there_in,
    unheard_in,
)

NEEDED = ("ar", "de", "en", "es", "fr", "hi", "it", "ja", "nl", "pl", "pt", "sv", "zh")


def all_of(language: str) -> list[str]:
    sorry, unheard, still_there, holding = attrs.astuple(SENTENCES[language], recurse=False)
    return [sorry, unheard, still_there, *holding]


def test_the_languages_of_many_callers_are_there() -> None:
    assert set(NEEDED) <= set(SENTENCES)


@pytest.mark.parametrize("language", sorted(SENTENCES))
def test_each_language_has_each_sentence_in_its_own_words(language: str) -> None:
    sentences = all_of(language)
    assert all(any(letter.isalpha() for letter in sentence) for sentence in sentences)
    assert all(sentence[-1] in ".?。？।؟" for sentence in sentences)  # noqa: RUF001 - full-width marks are meant
    assert len(set(sentences)) == len(sentences)
    others = {sentence for other in SENTENCES if other != language for sentence in all_of(other)}
    assert not others & set(sentences)


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("pt-BR", "pt"),
        ("DE-at", "de"),
        ("no", "nb"),
        ("cmn-Hans-CN", "zh"),
        ("xx", "en"),
        ("", "en"),
    ],
)
def test_a_region_has_its_languages_sentences_and_a_foreign_language_the_english_ones(
    tag: str, language: str
) -> None:
    assert sentences_in(tag) is SENTENCES[language]
    assert [sorry_in(tag), unheard_in(tag), still_there_in(tag), *holding_in(tag)] == all_of(
        language
    )
