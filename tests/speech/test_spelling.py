from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialog_core.speech.spelling import spelling_of
from dialog_core.speech.text import TextSettings

# ruff: noqa: RUF001 - typographic marks are meant
PLAIN = {
    "**Bold**, *soft*, __this__ and ~~that~~.": "Bold, soft, this and that.",
    "`code` and ***both***, snake_case stays.": "code and both, snake_case stays.",
    "## Opening hours\n": "Opening hours.\n",
    "# Title #\n": "Title.\n",
    "- milk\n": "milk.\n",
    "* [x] eggs\n": "eggs.\n",
    "> quoted\n": "quoted.\n",
    "See [the guide](https://a.example/x_(y)) now. ": "See the guide now. ",
    "![A map](map.png) of it": "A map of it",
    "as [told][1] before[^2].": "as told before.",
    "| Day | Hours |\n": "Day, Hours.\n",
    "|---|:--:|\n": "\n",
    "---\n": "\n",
    "```python\n": "\n",
    "Great! 🎉👍🏽 Bye 👋": "Great! Bye",
    "<speak>Hi <break time='1s'/>there</speak>": "Hi there",
    '<prosody rate="slow">Slowly</prosody>': "Slowly",
    "if a < b and b > c": "if a < b and b > c",
    "Tom &amp; Ann": "Tom & Ann",
    r"\*starred\* \#tag": "starred #tag",
    "Go to https://www.example.com/docs?x=y#z, please.": "Go to example dot com slash docs, please.",
    "www.my-shop.example": "my dash shop dot example",
    "Try example.com/a_b.": "Try example dot com slash a underscore b.",
    "<https://a.de/b>.": "a dot de slash b.",
    "Write to jane.doe@mail.example!": "Write to jane dot doe at mail dot example!",
    "E.g. this. Hello.It was": "E.g. this. Hello.It was",
    "Nothing to do, really.": "Nothing to do, really.",
}  # fmt: skip


@pytest.mark.parametrize(("written", "spoken"), PLAIN.items())
def test_what_only_a_reader_can_use_is_not_spoken(written: str, spoken: str) -> None:
    assert spelling_of("en-US")(written)[0] == spoken


FIGURES = {
    "en-US": {
        "$24.99": "twenty-four dollars and ninety-nine cents",
        "$1,250.50": "one thousand two hundred fifty dollars and fifty cents",
        "$0.50": "fifty cents",
        "$1": "one dollar",
        "$1.01": "one dollar and one cent",
        "$5k": "five thousand dollars",
        "$1.5 million": "one point five million dollars",
        "$5–$10": "five dollars to ten dollars",
        "$5-10": "five to ten dollars",
        "-$5": "minus five dollars",
        "EUR 12.50": "twelve euros and fifty cents",
        "12.50 euros": "twelve euros and fifty cents",
        "$0.0035": "zero point zero zero three five dollars",
        "2026-11-21": "November twenty-first, twenty twenty-six",
        "11/21/2026": "November twenty-first, twenty twenty-six",
        "Nov. 3rd": "November third",
        "November 21, 2026": "November twenty-first, twenty twenty-six",
        "5 May": "May fifth",
        "13/45/2026": "13/45/2026",
        "2005-01-02": "January second, two thousand five",
        "4:30 p.m.": "four thirty p.m.",
        "4pm": "four p.m.",
        "16:00": "four p.m.",
        "9:05": "nine oh five",
        "9:00": "nine o'clock",
        "9am-5pm": "nine a.m. to five p.m.",
        "9:00 – 17:30": "nine o'clock to five thirty p.m.",
        "25:10": "25:10",
        "(555) 123-4567": "five five five, one two three, four five six seven",
        "+1 555 123 4567": "plus one, five five five, one two three, four five six seven",
        "555-0123": "five five five, zero one two three",
        "call 911": "call nine one one",
        "5%": "five percent",
        "3.5%": "three point five percent",
        "5 km": "five kilometers",
        "1 km": "one kilometer",
        "20°C": "twenty degrees Celsius",
        "3-5 min": "three to five minutes",
        "60 mph": "sixty miles per hour",
        "21st": "twenty-first",
        "102nd": "one hundred second",
        "1/2": "one half",
        "2 1/2": "two and a half",
        "¾": "three quarters",
        "1984": "nineteen eighty-four",
        "1,250,000": "one million two hundred fifty thousand",
        "3.14": "three point one four",
        "-5": "minus five",
        "007": "zero zero seven",
        "10-20": "ten to twenty",
        "No. 5": "number five",
        "#7": "number seven",
        "48213007": "four eight two, one three zero, zero seven",
        "5-year-old": "five-year-old",
        "A320": "A320",
        "24/7": "24/7",
        "3.11.2": "3.11.2",
        "192.168.0.1": "192.168.0.1",
        "1. First\n": "one. First.\n",
        "(5)": "(five)",
        "5.": "five.",
    },
    "en-GB": {
        "£24.99": "twenty-four pounds and ninety-nine pence",
        "£1": "one pound",
        "21/11/2026": "the twenty-first of November twenty twenty-six",
        "21 November": "the twenty-first of November",
        "123 m": "one hundred and twenty-three metres",
    },
    "de": {
        "EUR 1.200,50": "eintausendzweihundert Euro und fünfzig Cent",
        "1 €": "ein Euro",
        "24,99 €": "vierundzwanzig Euro und neunundneunzig Cent",
        "2,5 Mio. Euro": "zwei Komma fünf Millionen Euro",
        "am 21.11.2026": "am einundzwanzigsten November zweitausendsechsundzwanzig",
        "21. November 2026": "einundzwanzigster November zweitausendsechsundzwanzig",
        "der 3. Oktober": "der dritte Oktober",
        "vom 3. Okt.": "vom dritten Oktober",
        "der 2. Versuch": "der zweite Versuch",
        "16:30 Uhr": "sechzehn Uhr dreißig",
        "1 Uhr": "ein Uhr",
        "9.15 Uhr": "neun Uhr fünfzehn",
        "3,14": "drei Komma eins vier",
        "1.250.000": "eine Million zweihundertfünfzigtausend",
        "5 %": "fünf Prozent",
        "030 1234567": "null drei null, eins zwei drei, vier fünf sechs sieben",
        "Nr. 5": "Nummer fünf",
        "1984": "neunzehnhundertvierundachtzig",
        "2026": "zweitausendsechsundzwanzig",
        "10-20": "zehn bis zwanzig",
        "1 kg": "ein Kilogramm",
        "21 Min.": "einundzwanzig Minuten",
        "½": "einhalb",
    },
    "fr": {
        "1 250,50 €": "mille deux cent cinquante euros et cinquante centimes",
        "21 £": "vingt et une livres",
        "2 millions d'euros": "deux millions d'euros",
        "2 000 000 €": "deux millions d'euros",
        "le 21 novembre 2026": "le vingt et un novembre deux mille vingt-six",
        "1er mai": "premier mai",
        "16h30": "seize heures trente",
        "1 h": "une heure",
        "21/11/2026": "vingt et un novembre deux mille vingt-six",
        "01 23 45 67 89": "zéro un, vingt-trois, quarante-cinq, soixante-sept, quatre-vingt-neuf",
        "+33 1 23 45 67 89": "plus trente-trois, un, vingt-trois, quarante-cinq, soixante-sept, quatre-vingt-neuf",
        "2e étage": "deuxième étage",
        "1re fois": "première fois",
        "3,14": "trois virgule un quatre",
        "n° 5": "numéro cinq",
    },
    "es": {
        "1.250,50 €": "mil doscientos cincuenta euros con cincuenta céntimos",
        "21 €": "veintiún euros",
        "1 £": "una libra",
        "200 £": "doscientas libras",
        "2 millones de euros": "dos millones de euros",
        "2.000.000 €": "dos millones de euros",
        "21 de noviembre de 2026": "veintiuno de noviembre de dos mil veintiséis",
        "5/3/2026": "cinco de marzo de dos mil veintiséis",
        "las 16:30": "las dieciséis y treinta",
        "la 1:15": "la una y quince",
        "1.º": "primero",
        "2ª": "segunda",
        "31 km": "treinta y un kilómetros",
        "3,14": "tres coma uno cuatro",
    },
    "es-MX": {
        "$1,250.50": "mil doscientos cincuenta dólares con cincuenta centavos",
        "3.14": "tres punto uno cuatro",
    },
    "it": {
        "1.250,50 €": "milleduecentocinquanta euro e cinquanta centesimi",
        "2.000.000 €": "due milioni di euro",
        "21 novembre 2026": "ventuno novembre duemilaventisei",
        "1º maggio": "primo maggio",
        "16:30": "sedici e trenta",
        "1 km": "un chilometro",
        "3,14": "tre virgola uno quattro",
        "5%": "cinque per cento",
    },
    "pt-BR": {
        "R$ 1.250,50": "mil duzentos e cinquenta reais e cinquenta centavos",
        "2 milhões de reais": "dois milhões de reais",
        "21 de novembro de 2026": "vinte e um de novembro de dois mil e vinte e seis",
        "16h30": "dezesseis horas e trinta",
        "2 £": "duas libras",
        "2 km": "dois quilômetros",
        "1º lugar": "primeiro lugar",
    },
    "pt-PT": {"16:30": "dezasseis horas e trinta", "2 km": "dois quilómetros"},
    "nl": {
        "€ 1.250,50": "duizendtweehonderdvijftig euro en vijftig cent",
        "16.30 uur": "zestien uur dertig",
        "21-11-2026": "eenentwintig november tweeduizendzesentwintig",
        "3e keer": "derde keer",
        "3,14": "drie komma één vier",
    },
}
CASES = [
    (tag, written, spoken) for tag, many in FIGURES.items() for written, spoken in many.items()
]


@pytest.mark.parametrize(("tag", "written", "spoken"), CASES)
def test_figures_are_spoken_as_the_language_says_them(tag: str, written: str, spoken: str) -> None:
    assert spelling_of(tag)(written)[0] == spoken
    if "\n" not in written:  # and within a sentence
        assert spelling_of(tag)(f"Ok: {written}, ok. ")[0] == f"Ok: {spoken}, ok. "


@pytest.mark.parametrize("tag", ["ja", "pl-PL", "xx"])
def test_in_other_languages_numbers_are_left_to_the_voice_and_markup_is_not(tag: str) -> None:
    assert spelling_of(tag)("**24.99** on 2026-11-21 🎉")[0] == "24.99 on 2026-11-21"


def test_an_address_is_spoken_in_the_language_and_left_alone_where_it_is_not_known() -> None:
    assert spelling_of("de")("a@b.de")[0] == "a ät b Punkt de"
    assert spelling_of("ja")("https://www.example.com/x")[0] == "example.com/x"


# --- who does what


class Reader:
    """A session of a voice that reads numbers itself."""

    reads_numbers = True


@pytest.mark.parametrize(
    ("settings", "session", "spoken"),
    [
        (TextSettings(), None, "five"),
        (TextSettings(), Reader(), "5"),
        (TextSettings(numbers="words"), Reader(), "five"),
        (TextSettings(numbers="voice"), None, "5"),
        (TextSettings(markdown=False), None, "**five**"),
        (TextSettings(markdown=False, numbers="voice"), None, "**5**"),
    ],
)
def test_settings_and_the_voice_decide_who_reads_numbers(
    settings: TextSettings, session: object, spoken: str
) -> None:
    assert settings.spelling("en-US", session)("**5**")[0] == spoken


# --- the way back


def test_half_an_amount_is_none_and_marks_go_with_their_word() -> None:
    spoken, written = spelling_of("en-US")(
        "It costs **$24.99** now - 🎉 [come in](https://a.example). "
    )
    assert spoken == "It costs twenty-four dollars and ninety-nine cents now - come in. "
    assert written is not None
    heard = [written.upto(words) for words in range(len(spoken.split()) + 1)]
    assert heard[:7] == ["", "It ", *["It costs "] * 5]
    assert heard[7:] == [
        "It costs **$24.99** ", "It costs **$24.99** now ", "It costs **$24.99** now - 🎉 ",
        "It costs **$24.99** now - 🎉 [come ", "It costs **$24.99** now - 🎉 [come in](https://a.example). ",
    ]  # fmt: skip


def test_what_is_spoken_as_written_needs_no_way_back() -> None:
    assert spelling_of("en-US")("Come in, sir. ") == ("Come in, sir. ", None)


PIECES = [
    "It ", "costs ", "**", "$24.99", " ", " and ", "11/21/2026", "\n- ", "🎉", "[a b](https://c.example/d)",
    "4:30 p.m. ",
    "<b>", "_x_", "| ", "555 123 4567", "1/2 ", "\\*", "&amp;", "x@y.example", "10-20", "5 km", "# ", "21st ", "日本",
    "`c`", ". ", "No. 5", "&#32;", "***", "-", "$", "1,000,000 ", "www.a.example. ",
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
tags = st.sampled_from(["en-US", "en-GB", "de", "fr", "es", "it", "pt-BR", "nl", "ja"])


@given(text=texts, tag=tags)
def test_what_was_heard_is_a_growing_prefix_of_what_was_written_by_whole_words(
    text: str, tag: str
) -> None:
    spoken, written = spelling_of(tag)(text)
    if written is None:
        assert spoken == text
        return
    count = len(spoken.split())
    heard = [written.upto(words) for words in range(count + 1)]
    assert heard[0] == ""
    assert all(later.startswith(earlier) for earlier, later in pairwise(heard))
    assert all(text.startswith(each) for each in heard)
    assert all(each.split() == text.split()[: len(each.split())] for each in heard)
    if count:
        assert heard[-1].strip() == text.strip()


@given(text=texts)
def test_no_markup_and_no_emoji_is_ever_spoken(text: str) -> None:
    spoken, _ = spelling_of("en-US")(text)
    assert not re.search(r"\*\*|`|🎉|https?:|\]\(|</?b>|www\.", spoken)


@given(text=st.text("a1.,:/-$€%*_[]()<>|#&@\n ½+🎉h", max_size=240), tag=tags)
def test_nothing_that_a_model_may_write_is_too_much(text: str, tag: str) -> None:
    spoken, written = spelling_of(tag)(text)
    assert (
        written is None
        or written.upto(len(spoken.split())) == text[: len(text)]
        or not spoken.split()
    )
