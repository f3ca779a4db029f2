"""What is installed: one version, its metadata, and the example that the demo needs."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import reconciler
from reconciler.commands.demo import example
from reconciler.desired.load import load

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_version_stands_in_one_place() -> None:
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert PROJECT["tool"]["hatch"]["version"]["path"] == "reconciler/__init__.py"
    assert re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", reconciler.__version__)
    places = [
        module
        for module in (ROOT / "reconciler").rglob("*.py")
        if f'"{reconciler.__version__}"' in module.read_text(encoding="utf-8")
    ]
    assert places == [ROOT / "reconciler" / "__init__.py"]


def test_the_command_and_the_supported_pythons() -> None:
    assert PROJECT["project"]["name"] == "vod-cover-reconciler"
    assert PROJECT["project"]["scripts"] == {"reconcile": "reconciler.__main__:main"}
    assert PROJECT["project"]["requires-python"] == ">=3.11"
    # The extra that is called libyaml does not bring the C parser.
    assert any(name.startswith("ruamel.yaml[oldlibyaml]") for name in PROJECT["project"]["dependencies"])


def test_the_demo_takes_the_repositorys_own_files() -> None:
    assert Path(example()).resolve() == ROOT / "desired"
    state = load([example()])
    assert len(state.covers) == 24
    # The demo brings its own region and project; a reader's flags must be able to.
    assert (state.region, state.project_id) == (None, None)


@pytest.mark.integration
@pytest.mark.parametrize("arguments", [["-m", "reconciler"], ["-c", "from reconciler.__main__ import main; main()"]])
def test_the_version_is_printed(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, *arguments, "--version"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, f"reconcile {reconciler.__version__}\n")


@pytest.mark.integration
def test_starting_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['reconcile', '--version']\n"
        "try:\n from reconciler.__main__ import main; main()\n"
        "except SystemExit: print(*sorted(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    loaded = set(done.stdout.split())
    heavy = {"aiohttp", "deepdiff", "httpx", "pydantic", "rich", "ruamel.yaml", "starlette", "tenacity"}
    assert "reconciler.cli" in loaded
    assert not loaded & heavy


@pytest.mark.integration
def test_the_wheel_holds_the_package_and_the_example(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    [wheel] = tmp_path.glob("*.whl")
    assert wheel.name == f"vod_cover_reconciler-{reconciler.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "installed")
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "reconciler").rglob("*.py")}
    page = {path.relative_to(ROOT).as_posix() for path in (ROOT / "reconciler" / "choose" / "static").iterdir()}
    assert "reconciler/choose/static/index.html" in page
    assert modules | page <= names
    assert {"reconciler/example/catalogue.yaml", "reconciler/example/campaigns/spring.yaml"} <= names
    assert not [name for name in names if not name.startswith(("reconciler/", "vod_cover_reconciler-"))]
    demo = subprocess.run(
        [sys.executable, "-m", "reconciler", "demo", "--quiet"],
        cwd=tmp_path / "installed",
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )
    assert demo.returncode == 0, demo.stderr
    assert "No changes. Your covers match the desired state." in demo.stdout
