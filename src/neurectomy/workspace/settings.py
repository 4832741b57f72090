"""Settings: the user's file, then the workspace's, the environment, and the command line."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta, Struct

from neurectomy.core.errors import InvalidInput
from neurectomy.redaction.rules import Rules
from neurectomy.runs.retention import Retention
from neurectomy.storage.port import Durability

if TYPE_CHECKING:
    from collections.abc import Mapping

PORT = 6387
"""NEUR on a keypad."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What can be set.

    Attributes:
        host: Where the server listens; beyond loopback only with a token of its own.
        port: Its port; 0 takes a free one.
        token: The server's; a random one where empty.
        durability: ``power`` (the default) or ``process``.
        database_url: ``postgresql://...``; SQLite in the workspace where empty.
        model: What ``auto`` means; found out where empty.
        allowed_hosts: Names, besides loopback, that requests may be addressed to.
        redaction: What is taken out of values before they are stored, shown or sent to a model;
            what the user's file and the workspace's look for is looked for both.
        retention: Which runs are kept; all of them where it says nothing.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = PORT
    token: str = ""
    durability: Durability = "power"
    database_url: str = ""
    model: str = ""
    allowed_hosts: tuple[str, ...] = ()
    redaction: Rules = Rules()
    retention: Retention = Retention()


_VARIABLES = {
    "NEURECTOMY_HOST": "host",
    "NEURECTOMY_PORT": "port",
    "NEURECTOMY_TOKEN": "token",
    "NEURECTOMY_DURABILITY": "durability",
    "NEURECTOMY_DATABASE_URL": "database_url",
    "NEURECTOMY_MODEL": "model",
    "NEURECTOMY_ALLOWED_HOSTS": "allowed_hosts",
}

_PERSONAL = frozenset({"host", "token", "database_url", "allowed_hosts"})
"""What decides who reaches a workspace and where its log goes: its own file may not say that."""


def read_settings(
    root: Path, environment: Mapping[str, str] | None = None, **overrides: Any
) -> Settings:
    """The settings of a workspace.

    Args:
        root: The workspace.
        environment: The process's where null.
        overrides: From the command line; null ones do not count.

    Raises:
        InvalidInput: The file or a variable says something that cannot be.
    """
    environment = os.environ if environment is None else environment
    own, shared = _file(settings_folder(environment)), _shared(root)
    values = own | shared
    for variable, name in _VARIABLES.items():
        if given := environment.get(variable):
            values[name] = given.split(",") if name == "allowed_hosts" else given
    values |= {name: value for name, value in overrides.items() if value is not None}
    if "retention" in shared and values.get("database_url"):
        raise InvalidInput(
            f"the folder {root.name} sets retention, and its log is in a database of yours",
            hint="Set it for yourself, in ~/.config/neurectomy: other folders may use that too.",
        )
    try:
        if "redaction" in own and "redaction" in shared:
            first, second = (msgspec.convert(v["redaction"], Rules) for v in (own, shared))
            values["redaction"] = msgspec.to_builtins(first.joined(second))
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        known = ", ".join(Settings.__struct_fields__)
        raise InvalidInput(f"a setting is wrong: {error}", hint=f"There are: {known}.") from None


def settings_folder(environment: Mapping[str, str]) -> Path:
    """Where the user's own ``neurectomy.toml`` is."""
    if home := environment.get("NEURECTOMY_HOME"):
        return Path(home)
    configuration = environment.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(configuration).expanduser() / "neurectomy"


def _shared(root: Path) -> dict[str, Any]:
    """The settings that a workspace's folder carries."""
    values = _file(root)
    if personal := sorted(_PERSONAL & values.keys()):
        names = ", ".join(personal)
        raise InvalidInput(
            f"the folder {root.name} sets {names}, which is not for a folder to say",
            hint="Set it for yourself: in the environment, or in ~/.config/neurectomy.",
        )
    return values


def _file(folder: Path) -> dict[str, Any]:
    for name, table in (("neurectomy.toml", ()), ("pyproject.toml", ("tool", "neurectomy"))):
        path = folder / name
        try:
            data: Any = tomllib.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise InvalidInput(f"{path} cannot be read: {error}", hint="Mend the file.") from None
        for key in table:
            data = data.get(key, {}) if isinstance(data, dict) else {}
        if not isinstance(data, dict):
            where = ".".join(table)
            raise InvalidInput(f"{where} in {path} is no table", hint=f"Begin it with [{where}].")
        if data:
            return dict(data)
    return {}
