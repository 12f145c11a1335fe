"""Pages without a browser, a browser without a window, and the plugin's kit, for tests.

::

    async with open_stage(answer) as stage, stage.call() as page:
        await page.say(mulaw)
        await page.heard_silence(1.0)
        print(page.transcript)
"""

from __future__ import annotations

from dialog_browser.testing.page import Page, PageRefused, open_page, ticket
from dialog_browser.testing.stage import Stage, open_stage
from dialog_browser.testing.web import Web, kits

__all__ = ["Page", "PageRefused", "Stage", "Web", "kits", "open_page", "open_stage", "ticket"]
