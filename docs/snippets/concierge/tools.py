"""Tools that the chat agent may call: `tools = ["tools:book_table"]` in its settings."""

from __future__ import annotations

from typing import Literal

from dialog_core import Call


async def book_table(guests: int, room: Literal["terrace", "hall"], call: Call) -> str:
    """Book a table for tonight.

    guests: how many people will come
    room: where they want to sit
    """
    call.update_metadata(table=f"{guests} in the {room}")
    return f"booked for {guests} in the {room}"
