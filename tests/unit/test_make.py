"""`make app` takes whichever Python is there, and says what to do where none is. The interpreters here are stand-ins; nothing is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHIM = "#!/bin/sh\necho 'pyenv: command not found' >&2\nexit 127\n"
INTERPRETER = """#!{python} -IS
import pathlib, platform, sys
version = {version}
sys.version_info, platform.python_version = version, lambda: ".".join(map(str, version))
if not {venv}:
    sys.modules["ensurepip"] = None
if sys.argv[1] == "-c":
    exec(sys.argv[2])
    sys.exit()
assert sys.argv[1:] == ["-m", "venv", "--clear", ".venv"]
pathlib.Path("calls").open("a").write("venv of " + platform.python_version() + chr(10))
folder = pathlib.Path(".venv/bin")
folder.mkdir(parents=True, exist_ok=True)
(folder / "python").unlink(missing_ok=True)
for name in ("python", "pip", "streamlit"):
    (folder / name).write_text("#!/bin/sh" + chr(10) + "echo " + name + ' "$@" >>calls' + chr(10))
    (folder / name).chmod(0o755)
"""


def put(folder: Path, name: str, version: tuple[int, int, int] | None, venv: bool = True) -> Path:
    """A stand-in for the Python of that version; with None, a shim of pyenv for a version that is not chosen."""
    path = folder / name
    path.write_text(SHIM if version is None else INTERPRETER.format(python=sys.executable, version=version, venv=venv))
    path.chmod(0o755)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The only folder on PATH."""
    folder = tmp_path / "path"
    folder.mkdir()
    return folder


def find(path: Path, *words: str) -> tuple[int, str, str]:
    """Exit status, the name of the program that was found, and what was said."""
    command = ["/bin/sh", str(ROOT / ".ci" / "find-python"), *words]
    done = subprocess.run(command, env={"PATH": str(path)}, capture_output=True, text=True, check=False)
    return done.returncode, Path(done.stdout.strip()).name, done.stderr.strip()


REMEDY = "make PYTHON=/path/to/python3.11 names another"


@pytest.mark.parametrize(
    ("there", "found"),
    [
        ({"python3.13": (3, 13, 0), "python3.12": (3, 12, 1), "python3.11": (3, 11, 7), "python3": (3, 12, 1)}, "python3.11"),
        ({"python3.13": (3, 13, 0), "python3.12": (3, 12, 1), "python3": (3, 13, 0)}, "python3.12"),
        ({"python3.11": None, "python3.12": None, "python3.13": (3, 13, 0)}, "python3.13"),
        ({"python3": (3, 12, 9)}, "python3"),
    ],
)
def test_the_first_that_runs_is_taken(path: Path, there: dict[str, tuple[int, int, int] | None], found: str) -> None:
    for name, version in there.items():
        put(path, name, version)
    assert find(path) == (0, found, "")


def test_one_that_can_make_no_environment_is_passed_over(path: Path) -> None:
    put(path, "python3.11", (3, 11, 2), venv=False)
    assert find(path) == (
        1, "", f"python3.11 has no modules venv and ensurepip to make an environment with: apt install python3.11-venv, or {REMEDY}",
    )  # fmt: skip
    put(path, "python3.12", (3, 12, 1))
    assert find(path) == (0, "python3.12", "")


def test_where_none_is_there_it_says_so(path: Path) -> None:
    needed, install = "Python 3.11, 3.12 or 3.13 is needed", f"apt install python3 python3-venv, or {REMEDY}"
    put(path, "python3.12", None)
    assert find(path) == (1, "", f"{needed}, and none is there: {install}")
    put(path, "python3", (3, 10, 4))
    assert find(path) == (1, "", f"{needed}; python3 is Python 3.10.4: {install}")


def test_the_one_that_was_named_is_taken_or_nothing(path: Path) -> None:
    put(path, "python3.11", (3, 11, 7))
    old, new, shim = put(path, "old", (3, 9, 18)), put(path, "new", (3, 14, 0)), put(path, "shim", None)
    assert find(path, "python3.11") == (0, "python3.11", "")
    assert find(path, str(new)) == (0, "new", f"constraints.txt was made for Python 3.11, 3.12 and 3.13; {new} is Python 3.14.0")
    for named, why in ((old, f"{old} is Python 3.9.18"), (shim, f"{shim} cannot be run")):
        said = f"Python 3.11, 3.12 or 3.13 is needed; {why}: apt install python3 python3-venv, or {REMEDY}"
        assert find(path, str(named)) == (1, "", said)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / ".ci").mkdir(parents=True)
    for name in ("Makefile", ".ci/find-python", "requirements.txt", "constraints.txt"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def make_app(project: Path, python: Path) -> tuple[int, list[str], str]:
    """Exit status, what was called, and what was said."""
    (project / "calls").write_text("")
    own = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}  # `make test` may run this
    done = subprocess.run(["make", "-s", "app", f"PYTHON={python}"], cwd=project, env=own, capture_output=True, text=True, check=False)
    return done.returncode, (project / "calls").read_text().splitlines(), done.stderr


def test_make_app_installs_once_and_again_when_its_python_is_gone(project: Path, path: Path) -> None:
    python = put(path, "python3.12", (3, 12, 1))
    install, run = "pip install -q -r requirements.txt -c constraints.txt", "streamlit run app.py"
    assert make_app(project, python)[:2] == (0, ["venv of 3.12.1", install, run])
    assert make_app(project, python)[:2] == (0, [run])
    (project / ".venv/bin/python").unlink()
    (project / ".venv/bin/python").symlink_to(path / "gone")
    assert make_app(project, put(path, "python3.13", (3, 13, 0)))[:2] == (0, ["venv of 3.13.0", install, run])


def test_make_app_without_a_python_makes_nothing(project: Path, path: Path) -> None:
    status, calls, said = make_app(project, put(path, "old", (3, 9, 18)))
    assert (status, calls, "is Python 3.9.18: apt install" in said) == (2, [], True)
    assert not (project / ".venv").exists()
