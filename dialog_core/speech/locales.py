"""What the spelling of numbers, dates and amounts differs in from language to language (data).

A line of a table is ``symbol one many``, words joined by ``_``; a ``+`` behind it makes the noun feminine.
"""

from __future__ import annotations

from functools import cache

import attrs

from dialog_core.speech.numerals import Numerals

__all__ = ["Locale", "Noun", "locale_of"]


@attrs.frozen
class Noun:
    """What is counted."""

    one: str
    many: str
    feminine: bool = False
    minor: str = ""
    """Symbol of a currency's hundredth part in the same table."""


@attrs.frozen(eq=False)
class Locale:
    """One language's ways."""

    numerals: Numerals
    decimal: str
    months: tuple[str, ...]
    point: str
    minus: str
    to: str
    """Of a range: "ten to twenty"."""
    number: str
    """For ``#`` and "No." before a number."""
    joint: str
    """Between euros and cents."""
    of: str
    """Between "million" and what it counts."""
    fractions: tuple[str, str, str, str, str]
    """1/2, 1/4, 3/4, 1/3, 2/3."""
    scales: dict[str, str]
    nouns: dict[str, Noun]
    """Currencies by ISO code and by their names, units by their symbols."""
    month_first: bool = False


def nouns(text: str) -> dict[str, Noun]:
    """A table of nouns."""
    found = {}
    for line in text.strip().splitlines():
        symbol, one, many, *rest = line.split()
        minor = next((each for each in rest if each != "+"), "")
        found[symbol] = Noun(one.replace("_", " "), many.replace("_", " "), "+" in rest, minor)
    return found


def pairs(text: str) -> dict[str, str]:
    """A table of words, ``written=spoken``."""
    return dict(pair.split("=") for pair in text.split())


ENGLISH = """
USD dollar dollars cent
EUR euro euros cent
GBP pound pounds penny
CHF Swiss_franc Swiss_francs centime
JPY yen yen
INR rupee rupees paisa
CAD Canadian_dollar Canadian_dollars cent
AUD Australian_dollar Australian_dollars cent
cent cent cents
penny penny pence
centime centime centimes
paisa paisa paise
% percent percent
km kilometer kilometers
m meter meters
cm centimeter centimeters
mm millimeter millimeters
kg kilogram kilograms
g gram grams
mg milligram milligrams
ml milliliter milliliters
l liter liters
mi mile miles
ft foot feet
lb pound pounds
lbs pound pounds
oz ounce ounces
min minute minutes
hr hour hours
hrs hours hours
km/h kilometer_per_hour kilometers_per_hour
mph mile_per_hour miles_per_hour
°C degree_Celsius degrees_Celsius
°F degree_Fahrenheit degrees_Fahrenheit
° degree degrees
MB megabyte megabytes
GB gigabyte gigabytes
kWh kilowatt_hour kilowatt_hours
m² square_meter square_meters
"""
GERMAN = """
USD Dollar Dollar Cent
EUR Euro Euro Cent
GBP Pfund Pfund Penny
CHF Franken Franken Rappen
JPY Yen Yen
Cent Cent Cent
Penny Penny Pence
Rappen Rappen Rappen
% Prozent Prozent
km Kilometer Kilometer
m Meter Meter
cm Zentimeter Zentimeter
mm Millimeter Millimeter
kg Kilogramm Kilogramm
g Gramm Gramm
mg Milligramm Milligramm
ml Milliliter Milliliter
l Liter Liter
min Minute Minuten +
Min. Minute Minuten +
Std. Stunde Stunden +
km/h Kilometer_pro_Stunde Kilometer_pro_Stunde
°C Grad_Celsius Grad_Celsius
° Grad Grad
MB Megabyte Megabyte
GB Gigabyte Gigabyte
kWh Kilowattstunde Kilowattstunden +
m² Quadratmeter Quadratmeter
"""
FRENCH = """
USD dollar dollars cent
EUR euro euros centime
GBP livre livres + penny
CHF franc_suisse francs_suisses centime
JPY yen yens
cent cent cents
centime centime centimes
penny penny pence
% pour_cent pour_cent
km kilomètre kilomètres
m mètre mètres
cm centimètre centimètres
mm millimètre millimètres
kg kilo kilos
g gramme grammes
mg milligramme milligrammes
ml millilitre millilitres
l litre litres
min minute minutes +
km/h kilomètre_heure kilomètres_heure
°C degré_Celsius degrés_Celsius
° degré degrés
Mo mégaoctet mégaoctets
Go gigaoctet gigaoctets
kWh kilowattheure kilowattheures
m² mètre_carré mètres_carrés
"""
SPANISH = """
USD dólar dólares centavo
EUR euro euros céntimo
GBP libra libras + penique
CHF franco_suizo francos_suizos céntimo
JPY yen yenes
MXN peso pesos centavo
centavo centavo centavos
céntimo céntimo céntimos
penique penique peniques
% por_ciento por_ciento
km kilómetro kilómetros
m metro metros
cm centímetro centímetros
mm milímetro milímetros
kg kilo kilos
g gramo gramos
mg miligramo miligramos
ml mililitro mililitros
l litro litros
min minuto minutos
km/h kilómetro_por_hora kilómetros_por_hora
°C grado_Celsius grados_Celsius
° grado grados
MB megabyte megabytes
GB gigabyte gigabytes
kWh kilovatio_hora kilovatios_hora
m² metro_cuadrado metros_cuadrados
"""
ITALIAN = """
USD dollaro dollari centesimo
EUR euro euro centesimo
GBP sterlina sterline + penny
CHF franco_svizzero franchi_svizzeri centesimo
JPY yen yen
centesimo centesimo centesimi
penny penny pence
% per_cento per_cento
km chilometro chilometri
m metro metri
cm centimetro centimetri
mm millimetro millimetri
kg chilo chili
g grammo grammi
mg milligrammo milligrammi
ml millilitro millilitri
l litro litri
min minuto minuti
km/h chilometro_orario chilometri_orari
°C grado_Celsius gradi_Celsius
° grado gradi
MB megabyte megabyte
GB gigabyte gigabyte
kWh chilowattora chilowattora
m² metro_quadrato metri_quadrati
"""
PORTUGUESE = """
USD dólar dólares cêntimo
EUR euro euros cêntimo
BRL real reais centavo
GBP libra libras + péni
CHF franco_suíço francos_suíços cêntimo
JPY iene ienes
centavo centavo centavos
cêntimo cêntimo cêntimos
péni péni pence
% por_cento por_cento
km quilómetro quilómetros
m metro metros
cm centímetro centímetros
mm milímetro milímetros
kg quilo quilos
g grama gramas
mg miligrama miligramas
ml mililitro mililitros
l litro litros
min minuto minutos
km/h quilómetro_por_hora quilómetros_por_hora
°C grau_Celsius graus_Celsius
° grau graus
MB megabyte megabytes
GB gigabyte gigabytes
kWh quilowatt-hora quilowatts-hora
m² metro_quadrado metros_quadrados
"""
DUTCH = """
USD dollar dollar cent
EUR euro euro cent
GBP pond pond penny
CHF Zwitserse_frank Zwitserse_frank rappen
JPY yen yen
cent cent cent
penny penny pence
rappen rappen rappen
% procent procent
km kilometer kilometer
m meter meter
cm centimeter centimeter
mm millimeter millimeter
kg kilo kilo
g gram gram
mg milligram milligram
ml milliliter milliliter
l liter liter
min minuut minuten
km/h kilometer_per_uur kilometer_per_uur
°C graad_Celsius graden_Celsius
° graad graden
MB megabyte megabyte
GB gigabyte gigabyte
kWh kilowattuur kilowattuur
m² vierkante_meter vierkante_meter
"""
AMERICAN = {"", "us", "ca", "ph", "mx", "co", "419"}
"""Regions that write the decimal point or say numbers as the United States do; an empty one is the language alone."""


@cache
def locale_of(tag: str) -> Locale | None:
    """Of a language; None for one that is not here: its numbers are left to the voice. tag: BCP-47."""
    language, _, region = tag.lower().partition("-")
    make = LOCALES.get(language)
    if make is None:
        return None
    locale = make
    if language == "en":
        american = region in AMERICAN
        locale = attrs.evolve(
            make, numerals=Numerals("en", brief=american), month_first=american and region != "ca"
        )
        if not american:
            british = {symbol: respelt(noun) for symbol, noun in make.nouns.items()}
            locale = attrs.evolve(locale, nouns=british)
    elif language == "es" and region in {"mx", "us", "pr", "do", "gt", "hn", "ni", "pa", "sv"}:
        locale = attrs.evolve(make, decimal=".", point="punto")
    elif language == "pt" and region in {"", "br"}:
        locale = attrs.evolve(make, numerals=Numerals("pt_BR"), nouns=make.nouns | BRAZILIAN)
    elif language in {"de", "fr", "it"} and region in {"ch", "li"}:
        locale = attrs.evolve(make, decimal=".", point="Punkt" if language == "de" else make.point)
    return locale


def respelt(noun: Noun) -> Noun:
    """British spelling of an American unit."""
    one, many = (
        each.replace("meter", "metre").replace("liter", "litre") for each in (noun.one, noun.many)
    )
    return attrs.evolve(noun, one=one, many=many)


BRAZILIAN = nouns("""
USD dólar dólares centavo
km quilômetro quilômetros
km/h quilômetro_por_hora quilômetros_por_hora
EUR euro euros centavo
""")
LOCALES = {
    "en": Locale(
        Numerals("en"), ".",
        ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
         "November", "December"),
        "point", "minus", "to", "number", "and", " ",
        ("one half", "one quarter", "three quarters", "one third", "two thirds"),
        pairs("thousand=thousand million=million billion=billion trillion=trillion k=thousand K=thousand M=million "
              "mn=million B=billion bn=billion"),
        nouns(ENGLISH),
    ),
    "de": Locale(
        Numerals("de"), ",",
        ("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
         "Dezember"),
        "Komma", "minus", "bis", "Nummer", "und", " ",
        ("einhalb", "ein Viertel", "drei Viertel", "ein Drittel", "zwei Drittel"),
        pairs("Tausend=Tausend Million=Million Millionen=Millionen Mio.=Millionen Mio=Millionen Milliarde=Milliarde "
              "Milliarden=Milliarden Mrd.=Milliarden Mrd=Milliarden"),
        nouns(GERMAN),
    ),
    "fr": Locale(
        Numerals("fr"), ",",
        ("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
         "décembre"),
        "virgule", "moins", "à", "numéro", "et", " de ",
        ("un demi", "un quart", "trois quarts", "un tiers", "deux tiers"),
        pairs("million=million millions=millions milliard=milliard milliards=milliards"),
        nouns(FRENCH),
    ),
    "es": Locale(
        Numerals("es"), ",",
        ("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre",
         "noviembre", "diciembre"),
        "coma", "menos", "a", "número", "con", " de ",
        ("un medio", "un cuarto", "tres cuartos", "un tercio", "dos tercios"),
        pairs("millón=millón millones=millones"),
        nouns(SPANISH),
    ),
    "it": Locale(
        Numerals("it"), ",",
        ("gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto", "settembre", "ottobre",
         "novembre", "dicembre"),
        "virgola", "meno", "a", "numero", "e", " di ",
        ("un mezzo", "un quarto", "tre quarti", "un terzo", "due terzi"),
        pairs("milione=milione milioni=milioni miliardo=miliardo miliardi=miliardi"),
        nouns(ITALIAN),
    ),
    "pt": Locale(
        Numerals("pt"), ",",
        ("janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro", "outubro",
         "novembro", "dezembro"),
        "vírgula", "menos", "a", "número", "e", " de ",
        ("um meio", "um quarto", "três quartos", "um terço", "dois terços"),
        pairs("milhão=milhão milhões=milhões bilhão=bilhão bilhões=bilhões"),
        nouns(PORTUGUESE),
    ),
    "nl": Locale(
        Numerals("nl"), ",",
        ("januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober",
         "november", "december"),
        "komma", "min", "tot", "nummer", "en", " ",
        ("een half", "een kwart", "drie kwart", "een derde", "twee derde"),
        pairs("duizend=duizend miljoen=miljoen miljard=miljard"),
        nouns(DUTCH),
    ),
}  # fmt: skip
