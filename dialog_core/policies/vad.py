"""The built-in voice detector: loud against the line's own noise. The fallback where no model runs.

Each stream keeps an estimate of its noise floor, in dB. It falls quickly to a quieter window and rises
slowly under a louder one, so pauses between words set it and words hardly move it. The probability is
a logistic curve of how far a window stands above the floor, 0.5 at `margin`. Steady sounds, such as a
tone or hum, become part of the floor; music and other voices do not: that is what a model is for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from dialog_core.factory import Factory, Services
from dialog_core.fields import setting

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dialog_core.protocols import SpeechModel

    F32 = NDArray[np.float32]

__all__ = ["ENERGY", "EnergyModel", "EnergySettings"]

LOWEST_DB = -100.0
FALL = 0.5
"""Share of the way down to a quieter window that the floor goes at once."""
HIGHEST_FIRST_FLOOR_DB = -45.0
"""A stream may begin with speech: its first window does not set the floor higher than this."""
SLOPE_DB = 2.0
"""The width of the logistic curve."""


@attrs.frozen
class EnergySettings:
    """When a window is loud enough to be speech."""

    margin: float = setting(
        default=12.0,
        unit="dB",
        above=0,
        help="level above the noise floor that is as likely speech",
    )
    quietest: float = setting(
        default=-50.0, unit="dBFS", at_most=0, help="level below which nothing is speech"
    )
    rise: float = setting(
        default=3.0, unit="dB/s", above=0, help="how quickly the floor rises under louder sound"
    )


@attrs.frozen
class EnergyModel:
    """A :class:`~dialog_core.protocols.SpeechModel` of a few numpy operations."""

    settings: EnergySettings = attrs.field(factory=EnergySettings)
    rate: int = 8000
    window: int = 256
    state: tuple[int, ...] = (1,)
    """The noise floor in dB above LOWEST_DB; 0 in a new stream."""
    heavy: bool = False

    def probabilities(self, windows: F32, state: F32) -> tuple[F32, F32]:
        power = np.einsum("ij,ij->i", windows, windows) / windows.shape[1]
        level = 10 * np.log10(np.maximum(power, 10 ** (LOWEST_DB / 10)))
        floor = state[:, 0] + LOWEST_DB
        floor = np.where(state[:, 0] > 0, floor, np.minimum(level, HIGHEST_FIRST_FLOOR_DB))
        above = level - floor - self.settings.margin
        voiced = 1 / (1 + np.exp(-np.clip(above / SLOPE_DB, -30, 30)))
        probability = np.where(level < self.settings.quietest, 0.0, voiced)
        step = self.settings.rise * self.window / self.rate
        floor = np.where(
            level < floor, floor + FALL * (level - floor), np.minimum(level, floor + step)
        )
        kept = np.maximum(floor - LOWEST_DB, 1e-3)
        return probability.astype(np.float32), kept.astype(np.float32)[:, None]


def _build(settings: EnergySettings, _services: Services) -> EnergyModel:
    return EnergyModel(settings)


ENERGY: Factory[Any, SpeechModel] = Factory("energy", EnergySettings, _build)
"""Registered by :mod:`dialog_core.policies` for the hook ``dialog_vad``."""
