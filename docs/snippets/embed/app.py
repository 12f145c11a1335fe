"""An application of one's own that also answers the telephone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from dialog_core import load, new_app

calls = new_app(load(Path(__file__).parent / "dialog.toml"))


async def home(_request: Request) -> PlainTextResponse:
    """The application's own page."""
    return PlainTextResponse("our own page")


@asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncIterator[None]:
    """Calls are taken while this block is open; leaving it lets live calls end first."""
    async with calls.running():
        yield


app = Starlette(routes=[Route("/", home), Mount("/voice", calls)], lifespan=lifespan)
