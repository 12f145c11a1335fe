"""What is said while a caller has to wait, and when nothing of them was understood, by language: ISO 639-1 code."""

from __future__ import annotations

__all__ = ["HOLDING", "UNHEARD", "holding_in", "unheard_in"]

HOLDING = {
    "de": ("Einen Moment bitte.", "Danke für Ihre Geduld, es dauert noch einen Augenblick."),
    "en": ("One moment, please.", "Thank you for waiting, it takes a little longer."),
    "es": ("Un momento, por favor.", "Gracias por esperar, tardará un poco más."),
    "fr": ("Un instant, s'il vous plaît.", "Merci de patienter, cela prend un peu plus de temps."),
    "it": ("Un momento, per favore.", "Grazie per l'attesa, ci vuole ancora un po'."),
    "nl": ("Een ogenblik, alstublieft.", "Dank u voor het wachten, het duurt iets langer."),
    "pt": ("Um momento, por favor.", "Obrigado por aguardar, vai demorar mais um pouco."),
}
"""Said one after the other, each once in a reply."""

UNHEARD = {
    "de": "Entschuldigung, das habe ich nicht gehört.",
    "en": "Sorry, I did not hear you.",
    "es": "Perdón, no le he oído.",
    "fr": "Pardon, je ne vous ai pas entendu.",
    "it": "Mi scusi, non l'ho sentita.",
    "nl": "Sorry, ik heb u niet verstaan.",
    "pt": "Desculpe, não ouvi.",
}
"""Said when the caller sounded, and no word of it came."""


def holding_in(tag: str) -> tuple[str, ...]:
    """Of a language; none for one that is not here. tag: BCP-47."""
    return HOLDING.get(tag.partition("-")[0].lower(), ())


def unheard_in(tag: str) -> str:
    """Of a language; empty for one that is not here. tag: BCP-47."""
    return UNHEARD.get(tag.partition("-")[0].lower(), "")
