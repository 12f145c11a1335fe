from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.speech.chunker import LONGEST, Chunker

# ruff: noqa: RUF001 - the marks of all scripts are meant
PIECES = [
    "Dr. ", "No. ", "Yes! ", "3.5 ", "well, ", "word ", "e.g. ", "\n", "  ", "。", "。。", "”", "... ", "x" * 90, ")",
    "1. ", "am 3. ", "Oktober ", "p.m. ", "Monday ", "Please ", "U.S. ", "U. S. ", "…", "$1,250.50 ", "21, ", "2026 ",
    "[a. b](", "https://a.de/b. ", ") ", "`", "**", "« ", " !", " »", "はい", "、", "؟ ", "।", "? she ", "St. ", '."',
    " " * 20, ". " * 9,
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES), max_size=30).map("".join) | st.text(
    alphabet="aB. ,!?\n。…\"')3»", max_size=300
)
languages = st.sampled_from(["", "en-US", "de", "fr", "es", "ja"])


def cut(*deltas: str, language: str = "") -> list[str]:
    chunker = Chunker(language)
    return [*(piece for delta in deltas for piece in chunker.push(delta)), *chunker.flush()]


@given(text=texts, language=languages)
def test_segments_put_together_are_the_text(text: str, language: str) -> None:
    assert "".join(cut(text, language=language)).rstrip() == text.rstrip()


@given(text=texts, at=st.lists(st.integers(0, 300), max_size=8), language=languages)
def test_how_the_text_was_split_into_tokens_does_not_matter(
    text: str, at: list[int], language: str
) -> None:
    edges = [0, *sorted(at), len(text)]
    deltas = [text[start:end] for start, end in pairwise(edges)]
    whole = cut(text, language=language)
    assert cut(*deltas, language=language) == whole == cut(*text, language=language)


@given(text=texts, language=languages)
def test_no_segment_is_blank_or_longer_than_the_longest(text: str, language: str) -> None:
    segments = cut(text, language=language)
    assert all(segment.strip() for segment in segments)
    assert all(len(segment.strip()) <= LONGEST for segment in segments)


@pytest.mark.requirement("B.28")
def test_each_sentence_leaves_as_soon_as_it_is_complete_and_the_rest_at_the_end() -> None:
    chunker = Chunker()
    assert chunker.push("We are open. We") == ("We are open. ",)
    assert chunker.push(" close at six! And") == ("We close at six! ",)
    assert chunker.push(" so on") == ()
    assert chunker.flush() == ("And so on",)


def test_the_first_segment_leaves_at_the_first_clause_and_later_ones_do_not() -> None:
    text = "Of course, sir, I can do that, at once. For you, my friend, always. "
    assert cut(text) == [
        "Of course, sir, ", "I can do that, at once. ", "For you, my friend, always. ",
    ]  # fmt: skip


ONE = {
    "en-US": [
        "Dr. Smith is here.", "It costs 3.50 euros.", "Ask e.g. J. Bach on Oct. third.",
        "See No. 5 on St. James St. today.", "That is 250 U.S. dollars.", "The U.S. Navy has it.",
        "Come at 4:30 p.m. on Tuesday.", "Come at 4:30 p.m. Monday or later.", "At 9 a.m. EST sharp.",
        "It costs $1,250.50 in all.", "Go to www.example.com for more.", "Go to https://a.example/b.c?d=e.f now.",
        "Well... let me see.", "Wait… what is it?", '"Really?" she said.', '"Yes." he said.',
        "Apples, pears etc. are fine.", "It was on Nov. 21 in Ft. Worth.", "Mr. and Mrs. J. R. Smith are here.",
        "George W. Bush was there.", "It is 3.14159 or so.", "Version 2.0.1 is out.",
        "Read [the guide. Part two](https://a.example/x) first.", "Type `a. b. c` now.",
    ],
    "de": [
        "Am 3. Oktober ist zu.", "Freitag, 3. Oktober ist zu.", "Der 2. Versuch war gut.", "Das sind z. B. drei.",
        "Frau Dr. Müller ist da.", "Es kostet 1.250,50 Euro.", "Es sind ca. 5 km, d.h. nicht weit.",
        "Herr Prof. Dr. Weiß kommt.", "Nr. 5 ist frei.", "Sie sagte: „Nein.“ und ging.",
    ],
    "fr": [
        "M. Dupont est là.", "Ça coûte 1 250,50 € par an.", "Voir l'art. 5 du code.", "« Venez ! » dit-il.",
        "Env. 5 km, p. ex. à pied.",
    ],
    "es": ["El Sr. García está aquí.", "Son las 4 p. m. en Madrid.", "En EE. UU. hay más.", "Ud. tiene razón."],
    "it": ["Il sig. Rossi è qui.", "La dott.ssa Bianchi arriva.", "Art. 5 del codice."],
    "pt-BR": ["O Sr. Silva está aqui.", "A Av. Paulista é longa.", "Custa R$ 1.250,50 por mês."],
    "nl": ["Dhr. de Vries is er.", "Het kost bijv. 5 euro.", "Nr. 5 is vrij."],
}  # fmt: skip


@pytest.mark.parametrize(
    ("language", "text"), [(language, text) for language, many in ONE.items() for text in many]
)
def test_what_ends_no_sentence_cuts_none(language: str, text: str) -> None:
    assert cut("Yes. ", *text, language=language) == ["Yes. ", text]


MANY = {
    "en-US": [
        "We open at 4:30 p.m. |Please come then.", "She lives in the U.S. |We do not.",
        "It is at 5 Main St. |The door is open.",
        "It is room 5. |Go up.", "That was 1984. |It was long ago.", "No. |We are closed.", "No. 5 is it. |Come in!",
        "So do I. |Then go.", "1. First item\n|2. Second item\n|3. Third", "Well... |Let me see.",
        "(He is here.) |Come in.", '"Really?" |She left.', "**Done.** |Next!", "Really?! |Yes.",
        "Ask Acme Inc. |They know.", "- milk\n|- bread\n|Done. |Bye.", "Call [us. Now](https://a.example). |Thanks.",
        "It is 3.5 |".rstrip("|"), "# Opening hours\n|Nine to five. |Daily.",
    ],
    "de": [
        "Das ist Zimmer 12. |Die Tür ist offen.", "Er kommt um 5. |Bitte warten.", "„Ja.“ |Gut.",
        "Wir haben Obst usw. |Kommen Sie.",
    ],
    "fr": ["Comment allez-vous ? |Bien ?", "« Venez ! » |Il part.", "Il est 5 h. |Venez."],
    "es": ["¿Cómo está? |¡Bien!", "No. |Está cerrado.", "Cierra a las 5 p. m. |Venga antes."],
    "ja": ["こんにちは。|ありがとう。", "「はい。」|次です。", "本当!? |はい！？|では。"],
    "zh": ["你好！|请进。", "他说：“好。”|再见。"],
    "ar": ["كيف حالك؟ |أنا بخير. |شكرا"],
    "hi": ["नमस्ते। |आप कैसे हैं? |धन्यवाद।"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("language", "text"), [(language, text) for language, many in MANY.items() for text in many]
)
def test_sentences_end_where_they_end(language: str, text: str) -> None:
    ready, *segments = cut("OK! \n", *text.replace("|", ""), language=language)
    assert ready == "OK! "
    assert [each.lstrip("\n") for each in segments] == text.split("|")


@pytest.mark.parametrize("answer", ["No.", "Yes.", "OK.", "I."])
def test_a_short_answer_is_a_segment(answer: str) -> None:
    assert cut(f"{answer} ")[0].strip() == answer


def test_a_stop_is_not_judged_before_what_follows_it() -> None:
    chunker = Chunker("en")
    assert [chunker.push(token) for token in ("It is 3", ".", "14")] == [(), (), ()]
    assert [chunker.push(token) for token in (" now", ".", " Dr", ".", " Smith", ".")] == [
        (), (), ("It is 3.14 now. ",), (), (), (),
    ]  # fmt: skip
    assert chunker.push("\n") == ("Dr. Smith.\n",)


def test_what_an_abbreviation_leaves_open_waits_for_one_word() -> None:
    chunker = Chunker("en")
    assert chunker.push("Come at 4 p.m.") == ()
    assert chunker.push(" Mon") == ()
    assert chunker.push("ey is due.") == ("Come at 4 p.m. ",)


def test_the_first_clause_is_not_cut_out_of_a_date() -> None:
    assert cut("It is on Nov. 21, 2026, at noon.") == ["It is on Nov. 21, 2026, ", "at noon."]


def test_a_bracket_that_never_closes_holds_back_no_more_than_the_longest_segment() -> None:
    segments = cut("[oops " + "It goes on. " * 40)
    assert len(segments[0]) <= LONGEST
    assert "".join(segments) == "[oops " + "It goes on. " * 40


def test_a_sentence_without_end_is_cut_between_words_and_not_within_a_number() -> None:
    segments = cut("word " * 100)
    assert len(segments) == 3
    assert all(set(segment.split()) == {"word"} for segment in segments)
    segments = cut("x" * 235 + " 1 250 000 francs " + "word " * 9, language="fr")
    assert segments[0] == "x" * 235 + " "


def test_full_width_marks_end_clauses_and_sentences_without_a_blank() -> None:
    assert cut("少々お待ちください、確認します。", language="ja") == [
        "少々お待ちください、", "確認します。",
    ]  # fmt: skip


def test_blanks_alone_are_no_segment_even_before_a_very_long_word() -> None:
    assert cut(f"  {'x' * 300}")[0].strip()
