"""What policies know of a language: how turns trail off, how numbers, days and answers sound, what is no turn at all.

Words are lower case. A language that is not here is judged by punctuation, digits and time alone.
"""

from __future__ import annotations

import re
from functools import cache

import attrs

__all__ = ["LEXICONS", "UNKNOWN", "Lexicon", "lexicon", "plain_words"]

WORD = re.compile(r"[^\W_]+(?:['’.@+-][^\W_]+)*|\+\d+")  # noqa: RUF001 - the typographic apostrophe is meant


def plain_words(text: str) -> list[str]:
    """The words of a text in lower case, without the punctuation around them."""
    return [word.replace("’", "'") for word in WORD.findall(text.lower())]  # noqa: RUF001 - as above


def words(text: str) -> frozenset[str]:
    """A set of words, written as prose."""
    return frozenset(text.split())


def phrases(text: str) -> frozenset[str]:
    """A set of phrases, parted by commas."""
    return frozenset(" ".join(phrase.split()) for phrase in text.split(","))


@attrs.frozen
class Lexicon:
    """One language."""

    unfinished: frozenset[str] = frozenset()
    """Articles, conjunctions, prepositions, auxiliaries and fillers: no turn ends with them."""
    openings: frozenset[str] = frozenset()
    """Sentences after which the matter itself usually comes."""
    digits: frozenset[str] = frozenset()
    """Zero to nine, as spoken one by one."""
    tens: frozenset[str] = frozenset()
    """Ten to ninety: two digits, the second of which may be a word of its own."""
    doubles: frozenset[str] = frozenset()
    triples: frozenset[str] = frozenset()
    months: frozenset[str] = frozenset()
    days: frozenset[str] = frozenset()
    """Days of the week, today and the like: a date by themselves."""
    ordinals: frozenset[str] = frozenset()
    at: frozenset[str] = frozenset()
    """The sign in the middle of an e-mail address, as spoken."""
    dot: frozenset[str] = frozenset()
    answers: frozenset[str] = frozenset()
    """Whole answers to a question that yes or no answers, and words that may go with them."""
    backchannels: frozenset[str] = frozenset()
    """Phrases that tell a speaker to go on."""


ENGLISH = Lexicon(
    unfinished=words(
        """a an the and or but so because if when while that which who to of for from with at in on by about
        into as my your our their his her its this these those is are was were am be been have has had do
        does did will would can could should may might must i we they he she it's i'm i'd i'll you're we're
        not um umm uhm uh er err erm ah hmm like well then than just maybe also between until till whether
        whose"""
    ),
    openings=phrases(
        """hello, hi, hey, good morning, good afternoon, good evening, sorry, i'm sorry, i am sorry, excuse me,
        pardon me, look, listen, okay so, all right so, you know, i mean, the thing is, let me see, let's see,
        one moment, one second, hang on, hold on"""
    ),
    digits=words("zero oh one two three four five six seven eight nine"),
    tens=words(
        """ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty
        fifty sixty seventy eighty ninety"""
    ),
    doubles=words("double"),
    triples=words("triple"),
    months=words(
        "january february march april may june july august september october november december"
    ),
    days=words(
        """monday tuesday wednesday thursday friday saturday sunday today tomorrow tonight yesterday"""
    ),
    ordinals=words(
        """first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth
        fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth thirtieth"""
    ),
    at=words("at"),
    dot=words("dot"),
    answers=words(
        """yes yeah yep yup no nope nah sure correct right ok okay please thanks thank you exactly absolutely
        definitely certainly course not of it is that's i do don't fine good indeed"""
    ),
    backchannels=phrases(
        """mhm, mm-hmm, mm hmm, mmhmm, mm, mmm, hm, hmm, uh-huh, uh huh, aha, ah, oh, ooh, oh okay, okay, ok,
        okay okay, all right, alright, right, right right, i see, oh i see, yeah, yep, yup, yes, yeah yeah,
        yes yes, sure, got it, really, wow, good, great, nice, cool, fine, exactly, true, of course, makes
        sense, go on"""
    ),
)
GERMAN = Lexicon(
    unfinished=words(
        """der die das den dem des ein eine einen einem einer und oder aber weil wenn dass ob als wie zu von
        für mit bei in im an am auf aus nach über um bis durch ohne mein meine meinen ihr ihre sein seine
        unser unsere dieser diese ist sind war bin habe hat hätte werde wird würde kann könnte möchte will
        muss soll ich wir sie er es nicht äh ähm hm also denn noch zwischen"""
    ),
    digits=words("null eins ein zwei zwo drei vier fünf sechs sieben acht neun"),
    tens=words(
        """zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn zwanzig dreißig
        vierzig fünfzig sechzig siebzig achtzig neunzig"""
    ),
    doubles=words("doppel"),
    months=words(
        "januar februar märz april mai juni juli august september oktober november dezember"
    ),
    days=words(
        """montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag heute morgen übermorgen
        gestern"""
    ),
    ordinals=words(
        """erster ersten zweiter zweiten dritter dritten vierten fünften sechsten siebten achten neunten
        zehnten elften zwölften zwanzigsten dreißigsten"""
    ),
    at=words("at ät klammeraffe"),
    dot=words("punkt"),
    answers=words(
        """ja jawohl jo nein nee nö genau richtig stimmt gerne bitte danke doch okay ok klar sicher"""
    ),
    backchannels=phrases(
        """mhm, mm, hm, hmm, aha, ah, oh, ach so, ach, okay, ok, ja, ja ja, jaja, genau, stimmt, gut, klar,
        alles klar, verstehe, richtig, ach ja, na klar"""
    ),
)
FRENCH = Lexicon(
    unfinished=words(
        """le la les un une des du de et ou mais parce que qui quand si dans en sur sous avec pour par à au aux
        chez mon ma mes votre vos notre nos son sa ses ce cette ces est sont était suis ai as avez ont je tu
        il elle on nous vous ils ne pas euh heu ben alors donc voudrais peux peut dois entre jusqu'à c'est
        j'ai"""
    ),
    digits=words("zéro un deux trois quatre cinq six sept huit neuf"),
    tens=words(
        """dix onze douze treize quatorze quinze seize vingt trente quarante cinquante soixante septante
        huitante nonante"""
    ),
    doubles=words("double"),
    triples=words("triple"),
    months=words(
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"
    ),
    days=words(
        """lundi mardi mercredi jeudi vendredi samedi dimanche aujourd'hui demain après-demain hier"""
    ),
    ordinals=words("premier"),
    at=words("arobase"),
    dot=words("point"),
    answers=words("oui ouais non si exact exactement d'accord ok merci bien sûr voilà tout à fait"),
    backchannels=phrases(
        """mhm, mm, hm, hmm, ah, oh, ah bon, ah oui, oui, ouais, oui oui, d'accord, ok, okay, bien sûr, voilà,
        je vois, exactement, tout à fait, bon, très bien, super"""
    ),
)
SPANISH = Lexicon(
    unfinished=words(
        """el la los las un una unos unas y o pero porque que cuando si en de del a al con por para sin sobre
        mi mis su sus tu nuestro este esta es son era soy estoy he ha tengo tiene quiero quisiera puedo
        puede yo no se lo eh em este pues entonces entre hasta como muy"""
    ),
    digits=words("cero uno una dos tres cuatro cinco seis siete ocho nueve"),
    tens=words(
        """diez once doce trece catorce quince dieciséis diecisiete dieciocho diecinueve veinte treinta
        cuarenta cincuenta sesenta setenta ochenta noventa"""
    ),
    doubles=words("doble"),
    triples=words("triple"),
    months=words(
        """enero febrero marzo abril mayo junio julio agosto septiembre setiembre octubre noviembre diciembre"""
    ),
    days=words("lunes martes miércoles jueves viernes sábado domingo hoy mañana ayer"),
    ordinals=words("primero"),
    at=words("arroba"),
    dot=words("punto"),
    answers=words("sí si no claro correcto exacto vale bueno gracias favor por supuesto eso es"),
    backchannels=phrases(
        """mhm, mm, hm, ajá, aja, ah, oh, sí, sí sí, si, claro, vale, ok, okay, ya, ya veo, bueno, bien,
        entiendo, exacto, de acuerdo"""
    ),
)
ITALIAN = Lexicon(
    unfinished=words(
        """il lo la i gli le un uno una e o ma perché che quando se di del della a al alla da in con su per tra
        fra mio mia suo sua nostro questo questa è sono ho ha vorrei posso può devo io non ehm eh allora
        quindi come anche"""
    ),
    digits=words("zero uno due tre quattro cinque sei sette otto nove"),
    tens=words(
        "dieci undici dodici venti trenta quaranta cinquanta sessanta settanta ottanta novanta"
    ),
    months=words(
        """gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre"""
    ),
    days=words(
        "lunedì martedì mercoledì giovedì venerdì sabato domenica oggi domani dopodomani ieri"
    ),
    at=words("chiocciola"),
    dot=words("punto"),
    answers=words("sì si no certo esatto giusto va bene ok grazie per favore"),
    backchannels=phrases(
        """mhm, mm, hm, ah, oh, sì, sì sì, si, certo, ok, okay, va bene, capisco, ho capito, esatto, bene,
        giusto"""
    ),
)
PORTUGUESE = Lexicon(
    unfinished=words(
        """o a os as um uma e ou mas porque que quando se de do da em no na com por para sem meu minha seu sua
        nosso este esta é são era sou estou tenho tem quero queria posso pode eu não hum ah então como
        também entre até"""
    ),
    digits=words("zero um uma dois duas três quatro cinco seis meia sete oito nove"),
    tens=words("dez onze doze vinte trinta quarenta cinquenta sessenta setenta oitenta noventa"),
    months=words(
        """janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro"""
    ),
    days=words("segunda terça quarta quinta sexta sábado domingo hoje amanhã ontem"),
    at=words("arroba"),
    dot=words("ponto"),
    answers=words("sim não claro certo exato isso ok está bem obrigado obrigada por favor"),
    backchannels=phrases(
        """mhm, hm, aham, uhum, ah, oh, sim, sim sim, claro, certo, ok, okay, tá, tá bom, entendi, entendo,
        isso, exato, pois, pois é"""
    ),
)
DUTCH = Lexicon(
    unfinished=words(
        """de het een en of maar omdat dat die wie wanneer als van voor met bij in op aan uit naar over om tot
        door mijn uw jouw onze zijn haar dit deze is was ben heb heeft had zal zou kan kon wil moet ik wij
        we zij hij niet eh uhm dus dan ook tussen"""
    ),
    digits=words("nul een één twee drie vier vijf zes zeven acht negen"),
    tens=words("tien elf twaalf twintig dertig veertig vijftig zestig zeventig tachtig negentig"),
    doubles=words("dubbel"),
    months=words(
        """januari februari maart april mei juni juli augustus september oktober november december"""
    ),
    days=words(
        """maandag dinsdag woensdag donderdag vrijdag zaterdag zondag vandaag morgen overmorgen gisteren"""
    ),
    at=words("apenstaartje at"),
    dot=words("punt"),
    answers=words("ja nee klopt precies inderdaad graag oké ok prima dank u bedankt zeker"),
    backchannels=phrases(
        """mhm, mm, hm, aha, ah, oh, ja, ja ja, jaja, oké, ok, okay, precies, klopt, goed, juist, prima, ik
        snap het"""
    ),
)

LEXICONS = {
    "de": GERMAN,
    "en": ENGLISH,
    "es": SPANISH,
    "fr": FRENCH,
    "it": ITALIAN,
    "nl": DUTCH,
    "pt": PORTUGUESE,
}
"""By ISO 639-1 code."""
UNKNOWN = Lexicon(backchannels=phrases("mhm, mm, hm, hmm, aha, ah, oh, ok, okay"))
"""For all others: what sounds alike in many."""


@cache
def lexicon(language: str | None) -> Lexicon:
    """Of a language by its ISO 639-1 code; None is English."""
    return LEXICONS.get(language or "en", UNKNOWN)
