"""Where a machine keeps what it remembers of a project."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from support.fakes import PROJECT

from reconciler.errors import StateError
from reconciler.state.folder import locate, make


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


def test_one_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StateError, match="cannot be used") as caught:
        make(tmp_path / "file" / "state")

    assert "--state-dir" in caught.value.hint
