"""From marked-up text to plain text: markdown, tags, links, addresses and emoji, in any language (pure).

Marks are removed where they stand and need no partner, so it does not matter that emphasis may span segments. Lines of
lists, headings and tables get the stop that a reader sees in the line break.
"""

from __future__ import annotations

import html
import re

import attrs

from dialog_core.speech.written import Wording

__all__ = ["PLAIN_TEXT", "Symbols", "symbols_in", "to_plain"]


@attrs.frozen
class Symbols:
    """How the marks of an address are read; as they are where a language is not here."""

    dot: str = "."
    at: str = "@"
    slash: str = "/"
    dash: str = "-"
    underscore: str = "_"


SYMBOLS = {
    "de": Symbols("Punkt", "ät", "Schrägstrich", "Bindestrich", "Unterstrich"),
    "en": Symbols("dot", "at", "slash", "dash", "underscore"),
    "es": Symbols("punto", "arroba", "barra", "guion", "guion bajo"),
    "fr": Symbols("point", "arobase", "slash", "tiret", "tiret bas"),
    "it": Symbols("punto", "chiocciola", "barra", "trattino", "trattino basso"),
    "nl": Symbols("punt", "apenstaartje", "schuine streep", "streepje", "laag streepje"),
    "pl": Symbols("kropka", "małpa", "ukośnik", "myślnik", "podkreślnik"),
    "pt": Symbols("ponto", "arroba", "barra", "hífen", "sublinhado"),
    "sv": Symbols("punkt", "snabel-a", "snedstreck", "bindestreck", "understreck"),
}

EMOJI = (
    "\\U0001f000-\\U0001faff\\u2600-\\u27bf\\u2b00-\\u2bff\\u231a-\\u23ff\\ufe0e\\ufe0f\\u200d\\u20e3"
    "\\U000e0020-\\U000e007f\\u25a0-\\u25ff"
)
PLAIN_TEXT = re.compile(
    rf"(?:[^.*_~`#>|<&\\\[\]@\d\n{EMOJI}\u200b\ufeff½¼¾⅓⅔$€£¥₹%+•-]++|\.(?!\w)|(?<=[^\W_])-(?=[^\W_]))*+\Z"
)
"""A text without anything that may have to be spoken otherwise."""
TOP = "com|org|net|io|ai|app|dev|co|info|edu|gov|eu|de|fr|es|nl|pt|pl|uk|us|ch|ca|au|br|mx|biz|shop|online|tech|example"
"""Ends of names that are addresses without ``www.`` before them."""
TAIL = r"(?:[/?#][^\s<>()\[\]\"'“”»]*[^\s<>()\[\]\"'“”».,;:!?*_~`])?/?"

FENCE = re.compile(r"^[ \t]*(?:```|~~~).*$", re.MULTILINE)
RULE = re.compile(
    r"^[ \t]*(?:([-*_=])[ \t]*(?:\1[ \t]*){2,})$|^[ \t]*\|?(?:[ \t]*:?-{2,}:?[ \t]*\|)+[ \t:|-]*$",
    re.MULTILINE,
)
TAG = re.compile(
    r"</?(?:speak|break|prosody|emphasis|say-as|phoneme|sub|sup|voice|lang|audio|mark|amazon:\w+|mstts:[\w-]+|p|s|w|br|hr|b|i|"
    r"u|em|strong|code|pre|span|div|ul|ol|li|h[1-6]|table|thead|tbody|tr|td|th|small|spell|speed|volume|emotion)"
    r"(?:\s[^<>]*)?/?>|<!--.*?-->",
    re.IGNORECASE,
)
ESCAPE = re.compile(r"\\([\\`*_{}\[\]()#+\-.!|>~$&])")
ENTITY = re.compile(r"&(?:#\d{1,6}|#x[0-9a-fA-F]{1,5}|[a-zA-Z]{2,8});")
FOOTNOTE = re.compile(r"\[\^[^\]\s]+\]:?")
LINK_START = re.compile(
    r"!?\[(?=[^\[\]\n]*\](?:\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\)|\[[^\[\]\n]*\]))"
)
LINK_END = re.compile(r"\](?:\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\)|\[[^\[\]\n]*\])")
LINE_START = re.compile(
    r"^[ \t]*(?:#{1,6}[ \t]+|(?:>[ \t]?)+|[-*+•·▪][ \t]+(?:\[[ xX]\][ \t]+)?)+", re.MULTILINE
)
CLOSED_HEADING = re.compile(r"[ \t]+#+[ \t]*$", re.MULTILINE)
ITEM = re.compile(r"^([ \t]*\d{1,3})\)(?=[ \t])", re.MULTILINE)
EMPHASIS = re.compile(
    r"(?:(?<![\s\d*])\*+|\*+(?![\s\d*]))|(?<=\d)\*\*+|\*\*+(?=\d)|(?<!\w)\*(?=\d[^*\n]*\*)|(?<=\d)\*(?!\d)"
    r"|(?<![^\W_])_+|_+(?![^\W_])|~~+|`+"
)
CELLS_EDGE = re.compile(r"^[ \t]*\|[ \t]*|[ \t]*\|[ \t]*$", re.MULTILINE)
CELLS = re.compile(r"[ \t]+\|[ \t]*|\|[ \t]+")
EMOJIS = re.compile(rf"[ \t]*[{EMOJI}\u200b\ufeff]+")
URL = re.compile(
    rf"<?\b(?:https?://|www\.)(?:www\.)?([\w.-]+\w)(?::\d+)?({TAIL})>?"
    rf"|(?<![\w@.-])((?:[a-z0-9][a-z0-9-]*\.)+(?:{TOP}))\b(?![\w@-]|\.\w)({TAIL})",
    re.IGNORECASE,
)
EMAIL = re.compile(r"<?(?:mailto:)?\b([\w.+-]+)@((?:[\w-]+\.)+[a-zA-Z]{2,})\b>?")
LINE_END = re.compile(r"(?<=[^\W\u3000-\u9fff\uac00-\ud7af])(?=[ \t]*\n)")
QUERY = re.compile(r"[?#].*")
MARKS = re.compile(r"[./_-]")


def symbols_in(tag: str) -> Symbols:
    """Of a language. tag: BCP-47."""
    return SYMBOLS.get(tag.partition("-")[0].lower(), Symbols())


def to_plain(wording: Wording, symbols: Symbols) -> None:
    """Take out all that only a reader can use."""
    for pattern in (FENCE, RULE, TAG, FOOTNOTE):
        wording.drop(pattern)
    wording.rewrite(ESCAPE, lambda match: match[1])
    wording.rewrite(ENTITY, lambda match: html.unescape(match[0]))
    wording.drop(LINK_START)
    wording.drop(LINK_END)
    wording.rewrite(EMAIL, lambda match: spelled(f"{match[1]}@{match[2]}", symbols))
    wording.rewrite(URL, lambda match: web_address(match, symbols))
    for pattern in (EMOJIS, LINE_START, CLOSED_HEADING):
        wording.drop(pattern)
    wording.rewrite(ITEM, lambda match: f"{match[1]}.")
    wording.drop(EMPHASIS)
    wording.drop(CELLS_EDGE)
    wording.rewrite(CELLS, lambda _match: ", ")
    wording.rewrite(LINE_END, lambda _match: ".")


def web_address(match: re.Match[str], symbols: Symbols) -> str:
    """Host and path; what is behind ``?`` or ``#`` cannot be followed by ear."""
    host, path = (match[1], match[2]) if match[1] else (match[3], match[4])
    return spelled(f"{host}{QUERY.sub('', path or '')}".rstrip("/"), symbols)


def spelled(address: str, symbols: Symbols) -> str:
    """An address as it is read aloud."""
    if not symbols.dot.isalpha():
        return address
    names = {
        ".": symbols.dot, "/": symbols.slash, "-": symbols.dash, "_": symbols.underscore, "@": symbols.at,
    }  # fmt: skip
    return " ".join("".join(f" {names[c]} " if c in names else c for c in address).split())
