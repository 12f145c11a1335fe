"""Words with a full stop that ends no sentence, by language: ISO 639-1 code.

Three kinds, by what follows. After a *title* the sentence always goes on: "Dr. Smith". What is *numbered* goes on where
a digit follows: "No. 5", but "No. We are closed." A *tail* may end a sentence, and does if the next word begins one in
capitals and is no date: "at 4 p.m. Please come", but "at 4 p.m. Monday".
"""

from __future__ import annotations

import attrs

__all__ = ["CALENDAR", "GERMAN_MONTHS", "Abbreviations", "abbreviations_in"]


@attrs.frozen
class Abbreviations:
    """One language's, without their last full stop and in lower case."""

    titles: frozenset[str]
    numbered: frozenset[str]
    tails: frozenset[str]
    starters: frozenset[str]
    """Words in lower case that begin sentences: after a single letter or "U.S." only they begin one."""
    ordinals: bool = False
    """A number with a full stop is an ordinal, as in "am 3. Oktober"."""
    before_ordinals: frozenset[str] = frozenset()
    """Words after which a number with a full stop can only be an ordinal."""


def words(text: str) -> frozenset[str]:
    """A set, from a line."""
    return frozenset(text.split())


CALENDAR = words(
    "monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun "
    "january february march april may june july august september october november december "
    "jan feb mar apr jun jul aug sep sept oct nov dec est edt et cst cdt ct mst mdt mt pst pdt pt gmt utc bst cet cest "
    "eastern central mountain pacific lunes martes miércoles jueves viernes sábado domingo"
)
"""Days, months and time zones: after "4 p.m." they go on with it."""
GERMAN_MONTHS = ("jan", "feb", "mär", "apr", "mai", "jun", "jul", "aug", "sep", "okt", "nov", "dez")

ENGLISH = Abbreviations(
    titles=words(
        "mr mrs ms dr prof rev hon gen col capt lt sgt gov sen rep messrs mt ft e.g i.e vs cf viz approx dept "
        "est jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thurs fri sat sun incl resp"
    ),
    numbered=words("no nos p pp vol fig art ch sec ext apt rm ste tel ph"),
    tails=words("a.m p.m am pm etc inc ltd co corp jr sr ave rd blvd ln hwy esq al bros b.c a.d"),
    starters=words(
        "the a an i we you he she it they this that these those there here our your my his her its their in on at "
        "if for from when what who how why where which is are was do does did can could would will shall should may "
        "please and but so or not no yes then now also as after before to with let just thank thanks sorry once"
    ),
)
GERMAN = Abbreviations(
    titles=words(
        "hr hrn fr dr prof dipl ing st z.b z u.a d.h i.d.r z.t v.a b bzw ca vgl inkl zzgl evtl ggf mind max tel "
        "jan feb mär apr jun jul aug sep sept okt nov dez mo di mi do fr sa so d h u"
    ),
    numbered=words("nr nrn art abs s kap bd tel"),
    tails=words("usw etc str co jr sen o.ä u.ä"),
    starters=words(
        "der die das ein eine ich wir sie du er es ihr unser ihre in im am um auf wenn was wer wie warum wo ist sind "
        "haben hat kann können möchten bitte und aber oder nicht nein ja dann jetzt danke mit für nach vor zu"
    ),
    ordinals=True,
    before_ordinals=words(
        "der die das dem den des am im vom zum zur beim bis ab seit jeder jede jeden jedem "
        "montag dienstag mittwoch donnerstag freitag samstag sonntag"
    ),
)
FRENCH = Abbreviations(
    titles=words(
        "mm dr pr me st ste p.ex p ex c.-à-d env av cf tél janv févr avr juil sept oct nov déc boul bd max min"
    ),
    numbered=words("n no art chap fig vol p pp"),
    tails=words("etc cie"),
    starters=words(
        "le la les un une des je nous vous tu il elle ils elles ce cette ces notre votre mon ma en au à si pour quand "
        "que qui comment pourquoi où est sont avez et mais ou non oui puis merci avec après avant dans"
    ),
)
SPANISH = Abbreviations(
    titles=words(
        "sr sra srta sres dr dra d dña prof lic ing ud uds vd p.ej p ej aprox av avda c tel pág máx mín "
        "ene feb mar abr jun jul ago sep sept oct nov dic ee"
    ),
    numbered=words("núm nº art cap vol fig"),
    tails=words("a.m p.m m etc cía uu s.a"),
    starters=words(
        "el la los las un una yo nosotros usted ustedes él ella ellos este esta esto nuestro su mi en al si para por "
        "cuando qué que quién cómo dónde es son está hay y pero o no sí luego gracias con después antes"
    ),
)
ITALIAN = Abbreviations(
    titles=words(
        "sig sig.ra sigg dott dott.ssa prof prof.ssa ing avv arch p.es es ca tel max min spett gent "
        "gen feb mar apr mag giu lug ago set sett ott nov dic"
    ),
    numbered=words("n nr art pag cap vol fig"),
    tails=words("ecc etc s.p.a s.r.l"),
    starters=words(
        "il lo la i gli le un una io noi voi lei lui loro questo questa nostro suo mio in al se per quando che chi "
        "come perché dove è sono ha e ma o no non sì poi grazie con dopo prima"
    ),
)
PORTUGUESE = Abbreviations(
    titles=words(
        "sr sra srs dr dra prof profa eng d p.ex p ex aprox av r tel pág máx mín "
        "jan fev mar abr mai jun jul ago set out nov dez"
    ),
    numbered=words("nº n núm art cap vol fig"),
    tails=words("a.m p.m etc cia ltda s.a"),
    starters=words(
        "o a os as um uma eu nós você vocês ele ela eles este esta isto nosso seu meu em no na se para por quando que "
        "quem como onde é são está há e mas ou não sim depois obrigado obrigada com antes"
    ),
)
DUTCH = Abbreviations(
    titles=words(
        "dhr mevr mw mr dr ir ing prof drs st bijv bv d.w.z o.a m.b.t i.v.m t.a.v ca incl excl evt max min tel "
        "jan feb mrt apr jun jul aug sep sept okt nov dec"
    ),
    numbered=words("nr art blz fig"),
    tails=words("enz etc jr sr b.v n.v"),
    starters=words(
        "de het een ik wij we u jij je hij zij ze dit dat deze die ons onze uw mijn in op om als voor wanneer wat wie "
        "hoe waarom waar is zijn heeft kan en maar of nee ja dan nu dank bedankt met na"
    ),
)
LANGUAGES = {
    "de": GERMAN,
    "en": ENGLISH,
    "es": SPANISH,
    "fr": FRENCH,
    "it": ITALIAN,
    "nl": DUTCH,
    "pt": PORTUGUESE,
}


def abbreviations_in(tag: str) -> Abbreviations:
    """Of a language; the English ones for one that is not here. tag: BCP-47."""
    return LANGUAGES.get(tag.partition("-")[0].lower(), ENGLISH)
