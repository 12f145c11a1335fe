"""``dialogctl dial`` with a pretended carrier on a real socket."""

from __future__ import annotations

import socket
from functools import partial
from pathlib import Path

import anyio
import pytest
from click.testing import CliRunner, Result
from dialog_telnyx.testing import Account, FakeTelnyx, open_callees

from dialog_core.cli.main import new_cli
from dialog_core.net.services import open_services
from dialog_core.plugins import Plugins, discover
from dialog_core.testing.distributions import install_distribution
from dialog_core.testing.phones import Outcome
from dialog_core.testing.pytest_plugin import real_loop
from dialog_core.testing.vendor import served

COMPONENTS = """
from dialog_core.testing.fakes import FakeLlm, FakeStt, FakeTts

class Silence:
    async def reply(self, turn, call):
        yield "Yes."

def one(make):
    return (Factory("quiet", NoSettings, make),)

dialog_stt = hookimpl(lambda: one(lambda settings, services: FakeStt()), specname="dialog_stt")
dialog_tts = hookimpl(lambda: one(lambda settings, services: FakeTts()), specname="dialog_tts")
dialog_agent = hookimpl(lambda: one(lambda settings, services: Silence()), specname="dialog_agent")
"""
FILE = """
[server]
host = "127.0.0.1"
port = {port}
public_url = "http://127.0.0.1:{port}"

[log]
level = "error"

[agents.front]
agent = "quiet"
stt = "quiet"
tts = "quiet"
vad = "energy"
[agents.front.voip]
use = "telnyx"
api_url = "{api}/v2"
api_key = "{key}"
public_key = "{public}"
connection_id = "{connection}"
dial_from = "+15550002222"
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def dial(folder: Path, *more: str) -> Result:
    plugins = Plugins((*discover(), *discover([str(folder)])))
    arguments = ["dial", str(folder / "dialog.toml"), "+15550004444", *more]
    return CliRunner().invoke(new_cli(plugins), arguments, prog_name="dialogctl")


def write(folder: Path, api: str) -> None:
    account = Account()
    text = FILE.format(
        port=free_port(),
        api=api,
        key=account.api_key,
        public=account.public_key,
        connection=account.connection_id,
    )
    (folder / "dialog.toml").write_text(text, "utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    install_distribution(tmp_path, "dialog-quiet", COMPONENTS)
    return tmp_path


@pytest.mark.anyio
@real_loop
async def test_somebody_is_called_and_the_command_ends_with_the_call(folder: Path) -> None:
    fake = FakeTelnyx()
    async with served(fake) as api, open_services(observe=lambda _: None) as services:
        write(folder, api)
        async with open_callees(services, fake) as callees, anyio.create_task_group() as tasks:

            async def answer() -> None:
                phone = await callees.dialled()
                await phone.silent(0.2)
                await phone.hang_up()

            tasks.start_soon(answer)
            result = await anyio.to_thread.run_sync(partial(dial, folder, "--note", "order=17"))
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("ringing\nanswered\nended")


@pytest.mark.anyio
@real_loop
async def test_a_call_that_nobody_takes_is_a_failure(folder: Path) -> None:
    fake = FakeTelnyx()
    async with served(fake) as api, open_services(observe=lambda _: None) as services:
        write(folder, api)
        async with open_callees(services, fake) as callees:
            callees.expect(Outcome.BUSY)
            result = await anyio.to_thread.run_sync(partial(dial, folder))
    assert (result.exit_code, result.stdout) == (1, "ringing\nbusy (user_busy)\n"), result.output


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--set", "server.public_url="], "server.public_url: is needed to place calls"),
        (["--agent", "frnt"], "agents: no agent 'frnt'; did you mean 'front'?"),
        (["--note", "order"], "must be KEY=VALUE"),
        (["--set", "agents.front.voip.dial_from="], "telnyx cannot outbound: set dial_from"),
    ],
)
def test_what_is_wrong_is_said_before_anybody_is_called(
    folder: Path, arguments: list[str], error: str
) -> None:
    write(folder, "http://127.0.0.1:9")
    result = dial(folder, *arguments)
    assert result.exit_code != 0
    assert error in result.output
