"""The wheel: built with the page inside, installed alone, served without Node."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

import pytest

UV = Path(".venv-setup/bin/uv")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    assert UV.exists(), "run: make test"
    out = tmp_path_factory.mktemp("dist")
    subprocess.run([UV, "build", "-q", "--wheel", "--out-dir", out], check=True, timeout=280)
    return next(out.glob("*.whl"))


def test_the_page_is_inside(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        page = archive.read("neurectomy/server/web/index.html").decode()
    assert [n for n in names if n.startswith("neurectomy/server/web/assets/") and n.endswith(".js")]
    assert '<div id="root">' in page
    assert not [name for name in names if name.startswith(("web/", "tests/", "examples/"))]
    assert wheel.stat().st_size < 2_000_000


def test_installed_alone_it_serves_the_page(wheel: Path, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    subprocess.run([UV, "venv", "-q", "--python", sys.executable, venv], check=True)
    python = venv / "bin/python"
    install = [UV, "pip", "install", "-q", "--python", python]
    lock = "requirements/runtime.txt"
    subprocess.run([*install, "--require-hashes", "-r", lock], check=True, timeout=280)
    subprocess.run([*install, "--no-deps", wheel], check=True)
    folder = tmp_path / "mine"
    clean = {"PATH": "/nowhere", "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    command = venv / "bin/neurectomy"
    subprocess.run([command, "new", folder], env=clean, check=True, capture_output=True)
    process = subprocess.Popen(
        [command, "serve", folder, "--port", "0", "--json"],
        env=clean,
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    assert process.stdout is not None
    try:
        address = json.loads(process.stdout.readline())["address"]
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with opener.open(address, timeout=20) as answer:
            text = answer.read().decode()
        assert '<div id="root">' in text
        script = text.partition('src="')[2].partition('"')[0]
        origin = address.partition("/?")[0]
        with opener.open(f"{origin}{script}", timeout=20) as answer:
            assert len(answer.read()) > 100_000
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()
    size = sum(f.stat().st_size for f in venv.rglob("*") if f.is_file() and not f.is_symlink())
    assert size < 200_000_000, f"{size / 1e6:.0f} MB"
    print(f"installed: {size / 1e6:.0f} MB", file=sys.stderr)
    assert os.path.exists(folder / "main.agent")
