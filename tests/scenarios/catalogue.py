"""What the installed first-party plugins offer, and every line, recogniser and voice of theirs put together.

Nothing is named here: a plugin below ``plugins/`` takes part as soon as it is installed and brings its kits.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product
from pathlib import Path
from typing import TypeVar

import attrs

from dialog_core.errors import PluginError
from dialog_core.installed import Installed, canonical, discover
from dialog_core.plugins import Offer, Plugins
from dialog_core.testing.contracts import Kit, LlmKit, SttKit, TtsKit
from dialog_core.testing.contracts.component import choose
from dialog_core.testing.contracts.run import CONTRACTS, discover_kits
from dialog_core.testing.contracts.voip_kit import VoipKit

__all__ = [
    "Combination",
    "combinations",
    "distributions",
    "first_party",
    "kits_of",
    "local_combination",
    "title",
    "untested",
]

PLUGINS = Path(__file__).parents[2] / "plugins"
K = TypeVar("K", bound=Kit)


def distributions() -> tuple[str, ...]:
    """The names of all plugins of this repository, installed or not."""
    files = sorted(PLUGINS.glob("*/pyproject.toml"))
    return tuple(tomllib.loads(file.read_text("utf-8"))["project"]["name"] for file in files)


@cache
def first_party() -> tuple[Installed, ...]:
    """Those that are installed."""
    ours = set(distributions())
    return tuple(each for each in discover() if canonical(each.distribution) in ours)


# --- kits -----------------------------------------------------------------------------------------------------------


def kits_of(plugin: Installed) -> tuple[Kit, ...]:
    """What a plugin brings to be tested; nothing if it brings no kits."""
    try:
        return discover_kits(plugin.name)
    except PluginError:
        return ()


def untested(plugin: Installed) -> list[str]:
    """The components of a plugin, of kinds that have a contract, for which it brings no kit."""
    offers: Sequence[Offer] = Plugins((plugin,)).load(plugin)
    shown = {(kit.kind, choose(kit).name) for kit in kits_of(plugin)}
    return [
        f"{offer.kind} {offer.written}"
        for offer in offers
        if offer.kind in CONTRACTS and (offer.kind, offer.factory.name) not in shown
    ]


@cache
def all_kits() -> tuple[Kit, ...]:
    """Of all installed first-party plugins."""
    return tuple(kit for plugin in first_party() for kit in kits_of(plugin))


def kits(kind: type[K]) -> tuple[K, ...]:
    """Those of one kind."""
    return tuple(kit for kit in all_kits() if isinstance(kit, kind))


def title(kit: Kit) -> str:
    """A kit in a test's name: ``deepgram flux``."""
    return f"{kit.name} {kit.variant}".strip()


# --- combinations ---------------------------------------------------------------------------------------------------


@attrs.frozen(eq=False)
class Combination:
    """What an agent is made of."""

    voip: VoipKit
    stt: SttKit
    tts: TtsKit
    llm: LlmKit

    def __str__(self) -> str:
        return ", ".join(title(kit) for kit in (self.voip, self.stt, self.tts, self.llm))

    @property
    def in_real_time(self) -> bool:
        """Whether something computes in this process, which virtual time does not wait for."""
        return self.stt.local or self.tts.local


def combinations() -> Iterator[Combination]:
    """Every line with every recogniser with every voice of a vendor.

    Models take turns, so that each of them meets each line, each recogniser and each voice, but not each pair.
    """
    stts = [kit for kit in kits(SttKit) if not kit.local]
    ttss = [kit for kit in kits(TtsKit) if not kit.local]
    llms = kits(LlmKit)
    parts = product(enumerate(kits(VoipKit)), enumerate(stts), enumerate(ttss))
    for (i, voip), (j, stt), (k, tts) in parts:
        yield Combination(voip, stt, tts, llms[(i + j + k) % len(llms)])


def local_combination() -> Combination:
    """The one in which real models hear and speak."""
    (stt,) = [kit for kit in kits(SttKit) if kit.local]
    (tts,) = [kit for kit in kits(TtsKit) if kit.local]
    return Combination(kits(VoipKit)[0], stt, tts, kits(LlmKit)[0])
