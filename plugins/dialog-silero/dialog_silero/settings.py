"""What may be set of the model."""

from __future__ import annotations

import attrs

from dialog_core.fields import setting

__all__ = ["SileroSettings"]


@attrs.frozen
class SileroSettings:
    """Which model file, and at which rate."""

    rate: int = setting(
        default=8000,
        unit="Hz",
        one_of=(8000, 16000),
        help="samples per second the model works at; the line's own rate costs least",
    )
    model: str | None = setting(
        default=None,
        help="path of another Silero ONNX file, version 5 or later; "
        "its probabilities, and so the thresholds, may differ",
    )
