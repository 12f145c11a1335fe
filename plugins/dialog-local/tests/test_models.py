from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from dialog_local import dialog_models
from dialog_local.models import MOONSHINE

from dialog_core.cli.models import command
from dialog_core.models import missing
from dialog_core.plugins import Plugins


def test_the_recognisers_files_are_told() -> None:
    assert dialog_models() == (MOONSHINE,)


@pytest.mark.models
def test_what_is_there_is_not_fetched(moonshine_folder: Path) -> None:
    assert missing(MOONSHINE, moonshine_folder) == ()
    options = [MOONSHINE.name, "--folder", str(moonshine_folder.parent)]
    result = CliRunner().invoke(command, ["fetch", *options], obj=Plugins())
    assert "already in" in result.output
    result = CliRunner().invoke(command, ["list", "--check", *options], obj=Plugins())
    assert "43.9 MB" in result.output
