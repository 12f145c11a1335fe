"""What is said when there is nobody to think of something better, by language: ISO 639-1 code.

Each is only the default of a setting. A language that is not here gets English: a caller who is told something in a
foreign language knows more than one who hears nothing.
"""

from __future__ import annotations

import attrs

# ruff: noqa: RUF001 - the letters and marks of all scripts are meant
__all__ = [
    "SENTENCES",
    "Sentences",
    "holding_in",
    "sentences_in",
    "sorry_in",
    "still_there_in",
    "unheard_in",
]


@attrs.frozen
class Sentences:
    """One language's."""

    sorry: str
    """When a reply cannot be made."""
    unheard: str
    """When the caller sounded, and no word of it came."""
    still_there: str
    """When the caller says nothing."""
    holding: tuple[str, str]
    """One after the other when a reply keeps the caller waiting."""


SENTENCES = {
    "ar": Sentences(
        "عذرًا، أواجه مشكلة. يرجى الانتظار لحظة.",
        "عذرًا، لم أسمعك.",
        "هل ما زلت معي؟",
        ("لحظة من فضلك.", "شكرًا لانتظارك، سيستغرق الأمر وقتًا أطول قليلًا."),
    ),
    "cs": Sentences(
        "Omlouvám se, mám potíže. Počkejte prosím chvíli.",
        "Promiňte, nerozuměl jsem vám.",
        "Jste ještě na lince?",
        ("Okamžik, prosím.", "Děkuji za trpělivost, bude to ještě chvíli trvat."),
    ),
    "da": Sentences(
        "Beklager, jeg har problemer. Vent venligst et øjeblik.",
        "Undskyld, jeg hørte dig ikke.",
        "Er du der stadig?",
        ("Et øjeblik.", "Tak, fordi du venter, det tager lidt længere tid."),
    ),
    "de": Sentences(
        "Entschuldigung, es gibt gerade ein Problem. Bitte bleiben Sie einen Moment dran.",
        "Entschuldigung, das habe ich nicht gehört.",
        "Sind Sie noch da?",
        ("Einen Moment bitte.", "Danke für Ihre Geduld, es dauert noch einen Augenblick."),
    ),
    "en": Sentences(
        "Sorry, I am having trouble. Please hold on a moment.",
        "Sorry, I did not hear you.",
        "Are you still there?",
        ("One moment, please.", "Thank you for waiting, it takes a little longer."),
    ),
    "es": Sentences(
        "Lo siento, tengo un problema. Espere un momento, por favor.",
        "Perdón, no le he oído.",
        "¿Sigue ahí?",
        ("Un momento, por favor.", "Gracias por esperar, tardará un poco más."),
    ),
    "fi": Sentences(
        "Pahoittelut, minulla on ongelmia. Odottakaa hetki.",
        "Anteeksi, en kuullut teitä.",
        "Oletteko vielä siellä?",
        ("Hetki, olkaa hyvä.", "Kiitos, että odotatte, tässä kestää vielä hetki."),
    ),
    "fr": Sentences(
        "Désolé, je rencontre un problème. Veuillez patienter un instant.",
        "Pardon, je ne vous ai pas entendu.",
        "Êtes-vous toujours là ?",
        ("Un instant, s'il vous plaît.", "Merci de patienter, cela prend un peu plus de temps."),
    ),
    "hi": Sentences(
        "माफ़ कीजिए, कुछ समस्या आ रही है। कृपया एक क्षण रुकिए।",
        "माफ़ कीजिए, आपकी आवाज़ सुनाई नहीं दी।",
        "क्या आप अभी भी लाइन पर हैं?",
        ("एक क्षण रुकिए।", "प्रतीक्षा करने के लिए धन्यवाद, थोड़ा और समय लगेगा।"),
    ),
    "it": Sentences(
        "Mi scusi, ho un problema. Attenda un momento, per favore.",
        "Mi scusi, non l'ho sentita.",
        "È ancora in linea?",
        ("Un momento, per favore.", "Grazie per l'attesa, ci vuole ancora un po'."),
    ),
    "ja": Sentences(
        "申し訳ございません、問題が発生しています。少々お待ちください。",
        "すみません、聞き取れませんでした。",
        "もしもし、聞こえていますか？",
        ("少々お待ちください。", "お待たせして申し訳ございません。もう少々お時間をいただきます。"),
    ),
    "ko": Sentences(
        "죄송합니다, 문제가 발생했습니다. 잠시만 기다려 주세요.",
        "죄송합니다, 잘 듣지 못했습니다.",
        "아직 듣고 계신가요?",
        ("잠시만 기다려 주세요.", "기다려 주셔서 감사합니다. 조금 더 걸리겠습니다."),
    ),
    "nb": Sentences(
        "Beklager, jeg har problemer. Vennligst vent et øyeblikk.",
        "Unnskyld, jeg hørte deg ikke.",
        "Er du der fortsatt?",
        ("Et øyeblikk.", "Takk for at du venter, det tar litt lengre tid."),
    ),
    "nl": Sentences(
        "Sorry, er is een probleem. Blijft u even aan de lijn.",
        "Sorry, ik heb u niet verstaan.",
        "Bent u er nog?",
        ("Een ogenblik, alstublieft.", "Dank u voor het wachten, het duurt iets langer."),
    ),
    "pl": Sentences(
        "Przepraszam, wystąpił problem. Proszę chwilę zaczekać.",
        "Przepraszam, nie usłyszałem.",
        "Czy jest pan lub pani jeszcze na linii?",
        ("Chwileczkę, proszę.", "Dziękuję za cierpliwość, to potrwa jeszcze chwilę."),
    ),
    "pt": Sentences(
        "Desculpe, estou com um problema. Aguarde um momento, por favor.",
        "Desculpe, não ouvi.",
        "Ainda está na linha?",
        ("Um momento, por favor.", "Obrigado por aguardar, vai demorar mais um pouco."),
    ),
    "ru": Sentences(
        "Извините, возникла проблема. Пожалуйста, подождите немного.",
        "Извините, вас не было слышно.",
        "Вы ещё на линии?",
        ("Одну минуту, пожалуйста.", "Спасибо за ожидание, это займёт ещё немного времени."),
    ),
    "sv": Sentences(
        "Förlåt, jag har problem. Var god vänta ett ögonblick.",
        "Förlåt, jag hörde dig inte.",
        "Är du kvar?",
        ("Ett ögonblick.", "Tack för att du väntar, det tar lite längre tid."),
    ),
    "tr": Sentences(
        "Üzgünüm, bir sorun yaşıyorum. Lütfen bir dakika bekleyin.",
        "Üzgünüm, sizi duyamadım.",
        "Hâlâ orada mısınız?",
        ("Bir dakika lütfen.", "Beklediğiniz için teşekkürler, biraz daha sürecek."),
    ),
    "uk": Sentences(
        "Вибачте, виникла проблема. Будь ласка, зачекайте хвилинку.",
        "Вибачте, вас не було чути.",
        "Ви ще на лінії?",
        ("Одну хвилинку, будь ласка.", "Дякую за очікування, це займе ще трохи часу."),
    ),
    "zh": Sentences(
        "抱歉，我这边出了点问题，请稍等。",
        "抱歉，我没有听清。",
        "您还在吗？",
        ("请稍等。", "感谢您的等待，还需要一点时间。"),
    ),
}
OTHER_CODES = {"no": "nb", "nn": "nb", "cmn": "zh"}


def sentences_in(tag: str) -> Sentences:
    """Of a language; the English ones for one that is not here. tag: BCP-47."""
    code = tag.partition("-")[0].lower()
    return SENTENCES.get(OTHER_CODES.get(code, code), SENTENCES["en"])


def sorry_in(tag: str) -> str:
    """Said when a reply cannot be made."""
    return sentences_in(tag).sorry


def still_there_in(tag: str) -> str:
    """Said when the caller says nothing."""
    return sentences_in(tag).still_there


def holding_in(tag: str) -> tuple[str, ...]:
    """Said one after the other, each once in a reply."""
    return sentences_in(tag).holding


def unheard_in(tag: str) -> str:
    """Said when the caller sounded, and no word of it came."""
    return sentences_in(tag).unheard
