"""The broker of secrets: values that stay in this process, for marks that go everywhere else."""

from __future__ import annotations

import re
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from neurectomy.agents.shapes import holds_secret
from neurectomy.agents.types import ListOf, MapOf, Named, Optional, Primitive
from neurectomy.core import codecs
from neurectomy.redaction.redactor import is_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from neurectomy.agents.types import Field, Records, Type

SHORTEST = 4
"""Characters of the shortest secret that is looked for in what a tool says; ``a`` is everywhere."""


class Withheld(Exception):
    """A secret that a call needs and that this process does not have.

    Attributes:
        mark: What stands for it.
    """

    def __init__(self, mark: str) -> None:
        super().__init__(mark)
        self.mark = mark


class NoSecret(Exception):
    """A value that stands where a secret belongs, and is none: a model or a text made it."""


class Broker:
    """Secrets of the runs of this process. They are gone when it ends, and are asked for again."""

    def __init__(self) -> None:
        self._values: dict[str, dict[str, str]] = {}

    def seal(self, run: str, value: Any, type_: Type, records: Records, place: str) -> Any:
        """A value of a type with a mark in place of each secret, which is kept here.

        The marks are named after ``place``, such as the parameter.
        """
        if not holds_secret(type_, records):
            return value

        def hide(secret: str, path: str) -> str:
            if secret == "" or is_secret(secret):
                return secret
            name = re.sub(r"[^\w.\-]+", "_", path)[:180]
            mark = f"[secret: {name}.{secrets.token_hex(4)}]"
            self._values.setdefault(run, {})[mark] = secret
            return mark

        return _walk(value, type_, records, place, hide)

    def seal_fields(
        self, run: str, values: dict[str, Any], fields: Iterable[Field], records: Records
    ) -> dict[str, Any]:
        """As `seal`, of the arguments of a flow; those that are not given stay so."""
        types = {field.name: field.type for field in fields}
        return {
            name: self.seal(run, value, types[name], records, name) if name in types else value
            for name, value in values.items()
        }

    def open(self, run: str, value: Any, type_: Type, records: Records, place: str) -> Any:
        """A value with the secrets in place of their marks.

        Raises:
            Withheld: One of them is not here.
            NoSecret: Something else stands in the place of one.
        """
        if not holds_secret(type_, records):
            return value

        def show(mark: str, path: str) -> str:
            if mark == "":
                return mark
            if not is_secret(mark):
                raise NoSecret(path)
            found = self._values.get(run, {}).get(mark)
            if found is None:
                raise Withheld(mark)
            return found

        return _walk(value, type_, records, place, show)

    def give(self, run: str, mark: str, secret: str) -> None:
        """Keep a secret that was asked for again."""
        self._values.setdefault(run, {})[mark] = secret

    def inherit(self, run: str, parent: str) -> None:
        """Give a fork what its parent has."""
        if parent in self._values:
            self._values[run] = {**self._values[parent], **self._values.get(run, {})}

    @contextmanager
    def keeping(self, run: str) -> Iterator[None]:
        """Drop what a run was given meanwhile, where it does not come to be."""
        try:
            yield
        except BaseException:
            self.forget(run)
            raise

    def forget(self, run: str) -> None:
        """Drop the secrets of a run."""
        self._values.pop(run, None)

    def leaks(self, run: str, content: bytes) -> bool:
        """Whether a content that a tool wrote holds a secret of the run."""
        for secret in self._values.get(run, {}).values():
            if len(secret) < SHORTEST:
                continue
            if secret.encode() in content or codecs.encode(secret)[1:-1] in content:
                return True
        return False

    def hidden(self, run: str, value: Any) -> Any:
        """A value of a tool without the run's secrets, should it have told one."""
        kept = self._values.get(run, {}).items()
        for mark, secret in sorted(kept, key=lambda one: -len(one[1])):  # one may hold another
            if len(secret) < SHORTEST:
                continue
            value = _replaced(value, secret, mark)
            escaped = codecs.encode(secret)[1:-1].decode()
            if escaped != secret:
                value = _replaced(value, escaped, mark)
        return value


def _replaced(value: Any, secret: str, mark: str) -> Any:
    if isinstance(value, str):
        return value.replace(secret, mark)
    if isinstance(value, list):
        return [_replaced(inner, secret, mark) for inner in value]
    if isinstance(value, dict):
        return {
            _replaced(key, secret, mark): _replaced(inner, secret, mark)
            for key, inner in value.items()
        }
    return value


def _walk(
    value: Any, type_: Type, records: Records, path: str, change: Callable[[str, str], str]
) -> Any:
    """A value with each text in the place of a secret changed."""
    match type_:
        case Primitive("secret") if isinstance(value, str):
            return change(value, path)
        case Optional(inner):
            return _walk(value, inner, records, path, change)
        case ListOf(inner) if isinstance(value, list):
            return [_walk(v, inner, records, f"{path}.{i}", change) for i, v in enumerate(value)]
        case MapOf(inner) if isinstance(value, dict):
            return {k: _walk(v, inner, records, f"{path}.{k}", change) for k, v in value.items()}
        case Named(name) if name in records and isinstance(value, dict):
            fields = {field.name: field.type for field in records[name].fields}
            return {
                key: _walk(inner, fields[key], records, f"{path}.{key}", change)
                if key in fields
                else inner
                for key, inner in value.items()
            }
        case _:
            return value
