"""The command as a person runs it. What needs the models is a real call, in real time."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from dialog_demo.artefacts import FILES
from dialog_demo.performance import INTERRUPTED, REFUSED
from dialog_demo.sound import RATE
from dialog_local.models import MOONSHINE, default_folder, missing

from dialog_core.call.clock import SystemClock

COMMAND = (sys.executable, "-m", "dialog_core.cli.main", "demo")
WALL_SECONDS = 90.0
"""What is promised."""
LONGEST_SECONDS = 400.0
"""For as many calls as the command holds on a machine that is too busy for one."""


@pytest.fixture
def models() -> None:
    if missing(MOONSHINE, default_folder() / MOONSHINE.name):
        pytest.skip("the model files are missing; run: dialogctl models fetch")


def demo(
    *options: str, folder: Path, environment: Sequence[tuple[str, str]] = ()
) -> subprocess.CompletedProcess[str]:
    env = {"PATH": "", "HOME": str(Path.home()), **dict(environment)}
    return subprocess.run(  # noqa: S603 - our own interpreter
        [*COMMAND, "--output", str(folder / "out"), *options],
        capture_output=True, text=True, env=env, cwd=folder, timeout=LONGEST_SECONDS, check=False,
    )  # fmt: skip


@pytest.mark.models
@pytest.mark.usefixtures("models")
@pytest.mark.timeout(LONGEST_SECONDS + 20)
def test_a_whole_call_reaches_its_goal_and_is_kept(tmp_path: Path) -> None:
    began = SystemClock().wall()
    done = demo(folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "too busy" in done.stdout or SystemClock().wall() - began <= WALL_SECONDS
    assert "the conversation reached its goal" in done.stdout
    folder = tmp_path / "out"
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    document = json.loads((folder / "transcript.json").read_text("utf-8"))
    assert document["ended"] == "agent hung up"
    assert all(check["passed"] for check in document["checks"])
    assert sum(turn.get("interrupted", False) for turn in document["turns"]) == 1
    assert "Daniel Carter" in (folder / "transcript.txt").read_text("utf-8")
    with wave.open(str(folder / "recording.wav")) as reader:
        samples = np.frombuffer(reader.readframes(reader.getnframes()), "<i2").reshape(-1, 2)
    assert len(samples) / RATE == pytest.approx(document["seconds"], abs=0.001)
    for side in (0, 1):
        assert np.abs(samples[:, side].astype(int)).max() > 8000


@pytest.mark.models
@pytest.mark.usefixtures("models")
def test_an_interrupted_demo_ends_in_a_sentence(tmp_path: Path) -> None:
    command = [*COMMAND, "--output", str(tmp_path / "out")]
    env = {"PYTHONUNBUFFERED": "1", "HOME": str(Path.home())}
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        command, text=True, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        while "phone" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED
    assert stderr.strip() == "interrupted: the call was ended, and nothing of it was kept"
    assert not (tmp_path / "out").exists()


def test_missing_models_are_named_with_the_cure(tmp_path: Path) -> None:
    done = demo(folder=tmp_path, environment=[("DIALOG_MODELS", str(tmp_path))])
    assert done.returncode == REFUSED
    assert done.stderr.endswith("are missing; run: dialogctl models fetch\n")


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = demo("--port", str(port), folder=tmp_path)
    assert done.returncode == REFUSED
    assert f"server.port: cannot listen on 127.0.0.1:{port}" in done.stderr


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = demo("--file", "none.toml", folder=tmp_path)
    assert done.returncode == REFUSED
    assert "'none.toml' does not exist" in done.stderr


def test_a_demo_calls_the_only_agent_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "two.toml").write_text("[agents.a]\n[agents.b]\n", "utf-8")
    script = str(Path(__file__).parents[1] / "dialog_demo/example/caller.toml")
    done = demo("--file", "two.toml", "--script", script, folder=tmp_path)
    assert done.returncode == REFUSED
    assert (
        done.stderr == "error: agents: a demo calls the only agent of a file, and here are more\n"
    )
