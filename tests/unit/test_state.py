"""Where a machine keeps what it remembers of a project."""

from __future__ import annotations

import hashlib
import os
import pwd
import stat
import subprocess
from pathlib import Path

import pytest
from support.fakes import ASSET, PROJECT

from reconciler.errors import StateError
from reconciler.state.cover_backup import find, save
from reconciler.state.folder import folders_of, locate, make


def test_the_given_folder_is_taken() -> None:
    assert locate(Path("/given"), "https://vod.example.com", PROJECT) == Path("/given")


def test_each_endpoint_and_project_has_its_own_folder() -> None:
    places = [
        locate(None, endpoint, project)
        for endpoint in (
            "https://vod.cn-north-4.myhuaweicloud.com",
            "https://vod.cn-north-1.myhuaweicloud.com",
            "emulator",
        )
        for project in (PROJECT, "f" * 32)
    ]

    assert len(set(places)) == len(places)
    assert len({place.parent for place in places}) == 1
    assert places[0] == locate(None, "https://vod.cn-north-4.myhuaweicloud.com", PROJECT)


def test_all_projects_of_an_endpoint_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    endpoint = "https://vod.cn-north-4.myhuaweicloud.com"
    mine = [make(locate(None, endpoint, project)) for project in (PROJECT, "f" * 32)]
    make(locate(None, "https://vod.cn-north-1.myhuaweicloud.com", PROJECT))
    assert folders_of(None, endpoint) == sorted(mine)
    assert folders_of(tmp_path, endpoint) == [tmp_path]


def test_a_saved_cover_is_found_by_its_bytes(tmp_path: Path) -> None:
    data = b"\xff\xd8\xff picture"
    sha256 = hashlib.sha256(data).hexdigest()
    assert find(tmp_path, ASSET, sha256) is None
    path = save(tmp_path, ASSET, sha256, data)
    assert find(tmp_path, ASSET, sha256) == path
    path.write_bytes(b"\xff\xd8\xff another")
    assert find(tmp_path, ASSET, sha256) is None


@pytest.mark.parametrize(
    "endpoint", ["emulator:../../etc/x", "https://a/../../b", "https://" + "a" * 500, "emulator:片"]
)
def test_no_endpoint_leads_out_of_the_users_state_folder(endpoint: str) -> None:
    place = locate(None, endpoint, PROJECT)

    assert place.parent == locate(None, "emulator", PROJECT).parent
    assert ".." not in place.parts
    assert len(place.name) < 100


def test_it_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    place = make(tmp_path / "a" / "b")

    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert make(place) == place


def checkout(folder: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    return folder


@pytest.mark.integration
@pytest.mark.parametrize("name", ["journal.jsonl", "covers/a.jpg"])
def test_one_of_which_git_tracks_anything_is_refused(tmp_path: Path, name: str) -> None:
    place = checkout(tmp_path) / "build" / "state"
    (place / name).parent.mkdir(parents=True)
    (place / name).touch()
    assert locate(place, "emulator", PROJECT) == place
    subprocess.run(["git", "-C", str(tmp_path), "add", str(place / name)], check=True)
    with pytest.raises(StateError, match=f"cannot be used: git tracks files in it, such as {name}") as caught:
        locate(place, "emulator", PROJECT)
    assert "--state-dir" in caught.value.hint
    with pytest.raises(StateError, match="git tracks"):
        locate(tmp_path, "emulator", PROJECT)


@pytest.mark.integration
def test_one_in_a_checkout_is_refused_where_git_cannot_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = make(checkout(tmp_path) / "state")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert locate(place, "emulator", PROJECT) == place, "empty: nothing could be believed"
    (place / "journal.jsonl").touch()
    with pytest.raises(StateError, match="git cannot tell"):
        locate(place, "emulator", PROJECT)


@pytest.mark.integration
@pytest.mark.parametrize("link", ["state", "build"])
def test_a_link_of_a_checkout_leads_to_no_state_folder(tmp_path: Path, link: str) -> None:
    root = checkout(tmp_path / "checkout")
    outside = make(tmp_path / "outside")
    (root / link).symlink_to(outside)
    place = root / "state" if link == "state" else root / "build" / "new"
    with pytest.raises(StateError, match=f"{root / link} is a link in a git checkout"):
        locate(place, "emulator", PROJECT)
    (tmp_path / "link").symlink_to(outside)
    assert locate(tmp_path / "link", "emulator", PROJECT) == tmp_path / "link", "elsewhere they are followed"


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777])
def test_one_that_others_may_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    make(tmp_path / "state").chmod(mode)
    with pytest.raises(StateError, match="others may write to it") as caught:
        locate(tmp_path / "state", "emulator", PROJECT)
    assert "chmod go-w" in caught.value.hint


def test_one_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = make(tmp_path / "state")
    if os.geteuid() == 0:
        os.chown(place, 7, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: place.stat().st_uid + 1)
    with pytest.raises(StateError, match="belongs to another user"):
        locate(place, "emulator", PROJECT)


def test_without_a_home_the_error_names_the_option(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container: no HOME, and a user ID that /etc/passwd does not have."""
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)
    with pytest.raises(StateError, match="There is no home folder") as caught:
        locate(None, "emulator", PROJECT)
    assert "--state-dir" in caught.value.hint


def test_a_saved_cover_that_does_not_hold_the_picture_is_saved_anew(tmp_path: Path) -> None:
    picture = b"\xff\xd8\xff a picture"
    path = save(tmp_path, ASSET, "a" * 64, picture)
    for spoilt in (b"", picture[:-1] + b"!"):
        path.write_bytes(spoilt)
        assert save(tmp_path, ASSET, "a" * 64, picture) == path
        assert path.read_bytes() == picture
    other = tmp_path / "other"
    other.write_bytes(picture)
    path.unlink()
    path.symlink_to(other)
    save(tmp_path, ASSET, "a" * 64, picture)
    assert not path.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_one_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StateError, match="cannot be used") as caught:
        make(tmp_path / "file" / "state")

    assert "--state-dir" in caught.value.hint
