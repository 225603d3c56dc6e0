"""The Dockerfile without a Docker engine: what it copies exists, and it says the same as the Makefile, the app and its documentation."""

from __future__ import annotations

import json
import os
import re
import subprocess
import urllib.request
from fnmatch import fnmatch
from pathlib import Path

import pytest

from pages.parts.serving import settings

ROOT = Path(__file__).resolve().parents[2]
VOLUME = "/data"


def instructions() -> list[tuple[str, str]]:
    """(INSTRUCTION, the rest), continued lines joined."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def last_stage() -> list[tuple[str, str]]:
    found = instructions()
    return found[max(number for number, (name, _) in enumerate(found) if name == "FROM") :]


def said(name: str) -> list[str]:
    """What the image itself says under that name."""
    return [rest for each, rest in last_stage() if each == name]


def environment() -> dict[str, str]:
    return dict(pair.split("=", 1) for rest in said("ENV") for pair in rest.split())


def make(*words: str) -> subprocess.CompletedProcess[str]:
    """By itself, also where `make test` runs this."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(["make", *words], cwd=ROOT, env=own, capture_output=True, text=True, check=False)


def admitted(path: str) -> bool:
    """Whether .dockerignore lets the file into the build: the last line that matches it, or a folder it lies in, decides."""
    names = path.split("/")
    inside = ["/".join(names[: number + 1]) for number in range(len(names))]
    found = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        if pattern.startswith("**/"):
            matches = any(fnmatch(name, pattern.removeprefix("**/")) for name in names)
        else:
            matches = any(fnmatch(each, pattern) for each in inside if each.count("/") == pattern.count("/"))
        if matches:
            found = line.startswith("!")
    return found


def test_what_it_copies_exists_and_is_let_in() -> None:
    copied = [rest.split() for name, rest in instructions() if name == "COPY" and "--from=" not in rest]
    sources = {source for *sources, _ in copied for source in sources}
    assert sources == {"requirements.txt", "constraints.txt", "LICENSE", "app.py", ".streamlit/config.toml", "checkpoints", "assets", "core", "pages"}
    assert [source for source in sources if not (ROOT / source).exists() or not admitted(source)] == []
    assert [path for path in ("core/cli/__init__.py", "checkpoints/debtags-linear/config.json", "assets/vendor/x.js") if not admitted(path)] == []
    left_out = (".git/config", "tests/conftest.py", ".streamlit/secrets.toml", "runs/x", "core/__pycache__/x.pyc", "core/cli/__pycache__/x.pyc")
    assert [path for path in left_out if admitted(path)] == []


def test_it_installs_and_starts_as_make_app_does() -> None:
    installs = [rest for name, rest in instructions() if name == "RUN" and "pip install" in rest]
    assert len(installs) == 1
    assert installs[0].endswith("-r requirements.txt -c constraints.txt")
    assert said("ENTRYPOINT") == ['["tini", "--"]']
    (command,) = said("CMD")
    assert make("-n", "app").stdout.splitlines()[-1] == ".venv/bin/" + " ".join(json.loads(command))
    exported = dict(re.findall(r"^export (\w+) \?= (\w+)$", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(exported) == {"OMP_WAIT_POLICY", "TOKENIZERS_PARALLELISM", "MALLOC_ARENA_MAX"}
    assert exported.items() <= environment().items()


def test_nobody_in_particular_writes_to_one_volume() -> None:
    stage = last_stage()
    (user,) = said("USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    after = [name for name, _ in stage[stage.index(("USER", user)) :]]
    assert not {"RUN", "COPY", "ADD"} & set(after)
    assert said("VOLUME") == [VOLUME]
    folders = {name: value for name, value in environment().items() if name.startswith("TREMOR_")}
    assert folders == {"TREMOR_RUNS": "/data/runs", "TREMOR_CACHE": "/data/cache", "TREMOR_DATA": "/data/data"}
    source = "".join(path.read_text() for path in (ROOT / "core").rglob("*.py"))
    assert [name for name in folders if f'"{name}"' not in source] == []


def test_it_listens_to_all_and_asks_nobody_for_its_own_address() -> None:
    found = {name: value for name, value in environment().items() if name.startswith("STREAMLIT_")}
    assert found == {"STREAMLIT_SERVER_ADDRESS": "0.0.0.0", "STREAMLIT_BROWSER_SERVER_ADDRESS": "localhost"}
    assert settings.shared(found["STREAMLIT_SERVER_ADDRESS"])


def test_its_health_is_asked_where_the_app_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    from streamlit import config

    (rest,) = said("HEALTHCHECK")
    program, flag, code = json.loads(rest[rest.index("[") :])
    assert (program, flag) == ("python", "-c")
    asked: list[str] = []
    monkeypatch.setattr(urllib.request, "urlopen", lambda address, timeout: asked.append(address))
    for base in ("", "tremor", "/tremor/"):
        monkeypatch.setenv("STREAMLIT_SERVER_BASE_URL_PATH", base)
        exec(code, {})  # noqa: S102
    port = config.get_option("server.port")
    assert [port] == [int(each) for each in said("EXPOSE")]
    assert asked == [f"http://127.0.0.1:{port}{base}/_stcore/health" for base in ("", "/tremor", "/tremor")]


def test_make_image_hands_over_the_folder_of_wheels(tmp_path: Path) -> None:
    command = ("image", "DOCKER=echo", f"WHEELS={tmp_path}")
    refused = make(*command)
    assert refused.returncode == 2
    assert f"No wheel of torch in {tmp_path}/: make image WHEELS=FOLDER, see docs/deployment.md" in refused.stderr
    (tmp_path / "torch-2.13.0+cpu-py3-none-any.whl").touch()
    assert make(*command).stdout.splitlines()[-1] == f"build --build-context wheels={tmp_path} -t tremor ."
    assert "FROM scratch AS wheels" in (ROOT / "Dockerfile").read_text()
