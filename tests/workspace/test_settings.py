"""Settings: which source wins, and what a folder may not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurectomy.core.errors import InvalidInput
from neurectomy.server.gate import is_loopback
from neurectomy.workspace.settings import PORT, read_settings


def test_the_nearer_source_wins(tmp_path: Path) -> None:
    home, root = tmp_path / "home", tmp_path / "root"
    home.mkdir()
    root.mkdir()
    environment = {"NEURECTOMY_HOME": str(home)}
    assert read_settings(root, environment).port == PORT
    (home / "neurectomy.toml").write_text('port = 1\nhost = "127.0.0.2"\nmodel = "offline"')
    (root / "pyproject.toml").write_text("[tool.neurectomy]\nport = 2")
    found = read_settings(root, environment)
    assert (found.port, found.host, found.model) == (2, "127.0.0.2", "offline")
    more = {"NEURECTOMY_PORT": "3", "NEURECTOMY_ALLOWED_HOSTS": "a.example,b.example"}
    found = read_settings(root, environment | more)
    assert (found.port, found.allowed_hosts) == (3, ("a.example", "b.example"))
    assert read_settings(root, environment | more, port=4).port == 4


@pytest.mark.parametrize(
    "line",
    [
        'host = "0.0.0.0"',
        'token = "known to somebody else"',
        'allowed_hosts = ["evil.example"]',
        'database_url = "postgresql://evil.example/x"',
    ],
)
def test_a_folder_does_not_say_who_reaches_it(tmp_path: Path, line: str) -> None:
    (tmp_path / "neurectomy.toml").write_text(line)
    with pytest.raises(InvalidInput, match="not for a folder to say") as caught:
        read_settings(tmp_path, {"NEURECTOMY_HOME": str(tmp_path / "none")})
    assert "environment" in caught.value.hint


def test_only_this_machine_is_loopback() -> None:
    assert all(map(is_loopback, ["localhost", "127.0.0.1", "127.9.9.9", "::1"]))
    assert not any(map(is_loopback, ["127.evil.example", "127.0.0.1.evil.example", "0.0.0.0", ""]))


def test_a_folder_says_what_is_kept_of_its_own_log_only(tmp_path: Path) -> None:
    (tmp_path / "neurectomy.toml").write_text("[retention]\nkeep_days = 30\nkeep_failed = true")
    environment = {"NEURECTOMY_HOME": str(tmp_path / "none")}
    found = read_settings(tmp_path, environment).retention
    assert (found.keep_days, found.keep_runs, found.keep_failed) == (30, 0, True)
    shared = {**environment, "NEURECTOMY_DATABASE_URL": "postgresql://here/x"}
    with pytest.raises(InvalidInput, match="its log is in a database of yours"):
        read_settings(tmp_path, shared)
    (tmp_path / "neurectomy.toml").write_text("[retention]\nkeep_dais = 30")
    with pytest.raises(InvalidInput, match="keep_dais"):
        read_settings(tmp_path, environment)
