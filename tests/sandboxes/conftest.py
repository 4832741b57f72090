"""A warm session over the hostile tools, in every jail of this machine."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from neurectomy.sandboxes.bubblewrap import Bubblewrap
from neurectomy.sandboxes.landlock import Landlock
from neurectomy.sandboxes.port import SessionSpec

SECRETS = (".neurectomy/token", ".git/config", ".env", "neurectomy.toml")
HOSTILE = Path(__file__).with_name("hostile.py")


@pytest.fixture(params=[Bubblewrap, Landlock], ids=["bubblewrap", "landlock"])
def sandbox(request):
    return request.param()


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The folder of a program with hidden files, and something secret beside the folder."""
    folder = tmp_path / "program"
    for name in (".neurectomy", ".git", "data"):
        (folder / name).mkdir(parents=True)
    shutil.copy(HOSTILE, folder / "hostile.py")
    (folder / "data.txt").write_text("beside")
    (folder / "data" / "more.txt").write_text("below")
    for name in SECRETS:
        (folder / name).write_text("secret")
    (folder / "link").symlink_to(".env")
    (folder / "leading-out").symlink_to("../outside")
    (tmp_path / "outside").write_text("secret")
    return folder


@pytest.fixture
async def session(sandbox, program: Path):
    session = await sandbox.open(SessionSpec(program / "hostile.py", program))
    yield session
    await session.close()
