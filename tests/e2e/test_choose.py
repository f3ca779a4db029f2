"""`reconcile choose`, from its address to Ctrl-C: it writes desired files and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from support.choosing import choosing
from support.command_line import Cloud, run, video, write

from reconciler.emulator.options import EmulatorOptions

Serve = Callable[[EmulatorOptions], Cloud]


def test_from_the_address_to_a_plan(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    write({video(number).asset_id: video(number).in_sync() for number in (0, 2, 4)})
    before = Path("desired/covers.yaml").read_text()
    item = video(2)
    with choosing() as server:
        chosen = server.client.post(
            "/api/choose", json={"asset_id": item.asset_id, "set": item.set, "index": item.other}
        )
        assert chosen.status_code == 200, chosen.text
        assert Path("desired/covers.yaml").read_text() == before
        review = server.client.get("/api/review").json()
        written = server.client.post("/api/write", json={"digest": review["digest"]}).json()
        assert written["written"] == ["desired/covers.yaml"]
        assert server.stop() == ""
    planned = run("plan", "--json").document
    assert [change["asset_id"] for change in planned["changes"]] == [item.asset_id]
    assert found.puts == 0


def test_what_is_not_written_is_said_and_kept(serve: Serve) -> None:
    serve(EmulatorOptions())
    item = video(0)
    write({item.asset_id: item.in_sync()})
    with choosing() as server:
        server.client.post("/api/choose", json={"asset_id": item.asset_id, "set": item.set, "index": item.other})
        assert "1 choice is not written yet. `reconcile choose` shows it again." in server.stop()
    with choosing() as server:
        assert server.client.get("/api/state").json()["unwritten"] == 1


def test_a_locked_file_keeps_its_lock_current(serve: Serve) -> None:
    serve(EmulatorOptions())
    item = video(0)
    write({item.asset_id: item.in_sync()})
    assert run("lock").code == 0
    with choosing() as server:
        server.client.post("/api/choose", json={"asset_id": item.asset_id, "set": item.set, "index": item.other})
        review = server.client.get("/api/review").json()
        server.client.post("/api/write", json={"digest": review["digest"]})
        server.stop()
    assert run("lock", "--check").code == 0


def test_a_port_that_is_taken(serve: Serve) -> None:
    serve(EmulatorOptions())
    write({video(0).asset_id: video(0).in_sync()})
    with choosing() as server:
        taken = server.base.rpartition(":")[2]
        refused = run("choose", "--no-open", "--port", taken)
        assert (refused.code, f"Cannot listen on port {taken}" in refused.err) == (1, True)
