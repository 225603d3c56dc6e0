"""`pip install -e .` gives the command `tremor`, which is `python -m core`. Here as pip does it, but with the setuptools that is installed:
no network."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import Distribution, PathDistribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from core import cli

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("pyproject.toml", "requirements.txt", "LICENSE", ".gitignore")
LINKED = ("assets", "checkpoints")
BUILD = "from setuptools import build_meta; build_meta.build_editable('{out}/editable'); build_meta.build_wheel('{out}/copied')"
RUN = """
import site, sys
from importlib.metadata import entry_points
site.addsitedir({site!r})
(command,) = entry_points(group="console_scripts", name="tremor")
sys.exit(command.load()())
"""
COMPARED = {"lime", "shap", "captum"}
"""What the product's own explainers are measured against; the product is to call them too."""
STREAMLITS = {"starlette", "protobuf"}
"""What the server is built of: their versions are for Streamlit to choose."""
WORDS = ["predict", "--checkpoint", "debtags-linear", "--text", "A fast text editor for the terminal", "--json"]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders editable/ and copied/, each what pip would put into site-packages; and the project/ that they were built in."""
    out = tmp_path_factory.mktemp("built")
    project = out / "project"
    shutil.copytree(ROOT / "core", project / "core", ignore=shutil.ignore_patterns("__pycache__"))
    for name in COPIED:
        shutil.copy(ROOT / name, project / name)
    for name in LINKED:
        (project / name).symlink_to(ROOT / name)
    subprocess.run("git init -q && git add -A", shell=True, cwd=project, check=True)
    for kind in ("editable", "copied"):
        (out / kind).mkdir()
    subprocess.run([sys.executable, "-P", "-c", BUILD.format(out=out)], cwd=project, check=True, capture_output=True)
    for kind in ("editable", "copied"):
        (wheel,) = (out / kind).glob("tremor-*.whl")
        zipfile.ZipFile(wheel).extractall(out / kind)
    return out


def tremor(site: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command, in a folder that is not the project's."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-P", "-c", RUN.format(site=str(site)), *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def required() -> list[Requirement]:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def test_the_command_is_python_m_core(out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = tremor(out / "editable", tmp_path, *WORDS)
    assert (found.returncode, found.stderr) == (0, "")
    assert cli.main(WORDS) == 0
    assert found.stdout == capsys.readouterr().out
    refused = tremor(out / "editable", tmp_path, "predict", "--checkpoint", "nowhere", "--text", "x")
    assert (refused.returncode, refused.stdout, "nowhere" in refused.stderr) == (2, "", True)


def test_a_copy_without_its_checkpoints_and_assets_refuses(out: Path, tmp_path: Path) -> None:
    found = tremor(out / "copied", tmp_path, "--help")
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == (
        f"core was installed into {out / 'copied'} without its checkpoints and assets. "
        "Tremor works from its project's folder: pip uninstall tremor, then pip install -e . in that folder.\n"
    )


def test_what_is_installed_beside_it_is_what_requirements_txt_says(out: Path) -> None:
    (info,) = (out / "editable").glob("tremor-*.dist-info")
    found: Distribution = PathDistribution(info)
    assert {str(Requirement(each)) for each in found.requires or []} == {str(each) for each in required()}


def test_what_is_required_is_what_the_product_imports() -> None:
    """What only tests need stands in requirements-dev.txt; what comes along with another package is not relied upon."""
    files = [ROOT / "app.py", *(path for folder in ("core", "pages") for path in (ROOT / folder).rglob("*.py"))]
    imports = re.compile(r"""(?:^\s*(?:from|import) |\bfind_spec\(")(\w+)""", re.MULTILINE)
    imported = {name for path in files for name in imports.findall(path.read_text())} - sys.stdlib_module_names - {"core", "pages"}
    packages = packages_distributions()
    product = {canonicalize_name(package) for name in imported for package in packages.get(name, ())}
    assert product - STREAMLITS | COMPARED == {canonicalize_name(each.name) for each in required()}


def test_installing_leaves_nothing_that_git_sees(out: Path) -> None:
    said = subprocess.run(["git", "status", "--porcelain"], cwd=out / "project", check=True, capture_output=True, text=True).stdout
    assert [line for line in said.splitlines() if not line.startswith("A ")] == []
    assert list((out / "project").glob("*.egg-info"))  # else the line above said nothing
