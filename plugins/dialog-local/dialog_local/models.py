"""The recogniser's model files, which do not come with the package."""

from __future__ import annotations

from dialog_core.models import ModelSet, default_folder, missing

__all__ = ["MOONSHINE", "default_folder", "missing"]

MOONSHINE = ModelSet(
    name="moonshine-tiny-en",
    requirement="moonshine-voice==0.1.0",
    platform="manylinux_2_34_x86_64",
    inside="moonshine_voice/assets/tiny-en",
    files={
        "encoder_model.ort": "94e90a4654fc45cdfedb77c4c08e1739f48862998e58fada384b25118134f221",
        "decoder_model_merged.ort": "cf524c4862d36e9e5ab032eddc73637efd822d70e868ac575cf1a46e1e4708a0",
        "tokenizer.bin": "6884b35fd6377d4c4d32336a0bc152f36b64d1e45b6503683cdc238250a8472d",
    },
    licence="MIT",
)
