from __future__ import annotations

from importlib import metadata

__all__ = ["USER_AGENT", "VERSION"]

VERSION = metadata.version("dialog-core")
"""Version of the installed core."""
USER_AGENT = f"dialog/{VERSION}"
"""How we introduce ourselves to vendors."""
