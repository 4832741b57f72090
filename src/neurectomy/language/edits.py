"""Edits of a program's text that touch one thing and leave every other character as it is."""

from __future__ import annotations

import re
import textwrap
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from neurectomy.core.errors import InvalidInput
from neurectomy.language.hints import closest
from neurectomy.language.lowering import VALUE, unescape, unquote
from neurectomy.language.settings import SETTINGS, wrong_setting
from neurectomy.language.sources import BUILT_IN
from neurectomy.language.tree import Cursor

if TYPE_CHECKING:
    from neurectomy.language.compiler import Compiled
    from neurectomy.language.diagnostics import Span


def prompt_of(compiled: Compiled, agent: str, word: str = "prompt") -> str:
    """An agent's prompt as people edit it: without quotes, indentation and escapes.

    Args:
        compiled: The program.
        agent: The agent's name.
        word: ``prompt`` or ``system``.

    Raises:
        InvalidInput: There is no such agent, or it has none.
    """
    span = _prompt(compiled, agent, word)
    raw = compiled.text[span.start : span.end]
    if not raw.startswith('"""'):
        return unquote(raw)
    first, _, rest = raw[3:-3].partition("\n")
    body = textwrap.dedent(rest) if not first.strip() else f"{first}\n{textwrap.dedent(rest)}"
    return _outside_values(body, _plain).rstrip()


def with_prompt(compiled: Compiled, agent: str, text: str, word: str = "prompt") -> str:
    """The program's text with another prompt of an agent; ``{{ }}`` in it are values.

    Raises:
        InvalidInput: There is no such agent, or it has none.
    """
    span = _prompt(compiled, agent, word)
    line = compiled.text.rfind("\n", 0, span.start) + 1
    margin = re.match(r"[ \t]*", compiled.text[line:])
    indent = margin[0] if margin else ""
    body = _outside_values(textwrap.dedent(text).strip("\n").rstrip(), _escaped)
    inner = textwrap.indent(body, f"{indent}  ")
    return _replaced(compiled.text, span, f'"""\n{inner}\n{indent}"""')


def with_model(compiled: Compiled, model: str, source: str) -> str:
    """The program's text with another source of a model, such as ``openai:gpt-5``.

    Raises:
        InvalidInput: No such model is declared, or used without a declaration.
    """
    written = source
    if source not in BUILT_IN:
        escaped = _escaped(source).replace('"', '\\"')
        written = f'"{escaped}"'
    span = compiled.places.get(("source", model))
    if span is not None:
        return _replaced(compiled.text, span, written)
    _check_known(compiled, model)
    return f"model {model} = {written}\n\n{compiled.text}"


def with_setting(compiled: Compiled, model: str, name: str, value: Any) -> str:
    """The program's text with another setting of a model, such as its temperature.

    Raises:
        InvalidInput: There is no such model or setting, or the value is no number.
    """
    if name not in SETTINGS:
        raise InvalidInput(f"a model has no setting {name}", hint=closest(name, SETTINGS))
    if wrong := wrong_setting(name, value):
        example = 100 if name in ("max_tokens", "seed") else 0.5
        raise InvalidInput(wrong, hint=f"Write {name}={example}, for example.")
    written = f"{name} {Decimal(repr(value)):f}"
    span = compiled.places.get(("setting", f"{model}.{name}"))
    if span is not None:
        return _replaced(compiled.text, span, written)
    source = compiled.places.get(("source", model))
    if source is None:
        _check_known(compiled, model)
        return f"model {model} = {model} {{ {written} }}\n\n{compiled.text}"
    brace = next(
        (c for c in _declaration(compiled, "model", model).children() if c.text == "{"), None
    )
    if brace is None:
        return f"{compiled.text[: source.end]} {{ {written} }}{compiled.text[source.end :]}"
    return f"{compiled.text[: brace.at + 1]} {written} {compiled.text[brace.at + 1 :].lstrip(' ')}"


def _check_known(compiled: Compiled, model: str) -> None:
    known = list(compiled.program.models)
    if model not in known:
        raise InvalidInput(f"there is no model {model}", hint=closest(model, known))


def _declaration(compiled: Compiled, kind: str, name: str) -> Cursor:
    at = 0
    for part in compiled.syntax.declarations:
        cursor = Cursor(part.node, at)
        at += len(part.text)
        names = cursor.all("name")
        if len(names) > 1 and (names[0].text, names[1].text) == (kind, name):
            return cursor
    known = [known for of, known in compiled.names if of == kind]
    raise InvalidInput(f"there is no {kind} {name}", hint=closest(name, known))


def _prompt(compiled: Compiled, agent: str, word: str) -> Span:
    for option in _declaration(compiled, "agent", agent).all("option"):
        name, *rest = option.children()
        if name.text == word and rest:
            return rest[0].span
    hint = f'Add: {word} """..."""'
    raise InvalidInput(f"the agent {agent} has no {word}", hint=hint)


def _replaced(text: str, span: Span, by: str) -> str:
    return f"{text[: span.start]}{by}{text[span.end :]}"


def _plain(text: str) -> str:
    """A text without its escapes, except before braces, which would begin a value without."""
    return re.sub(r"\\[^{}]", lambda match: unescape(match[0]), text, flags=re.DOTALL)


def _escaped(text: str) -> str:
    text = re.sub(r"\\(?![{}])", r"\\\\", text)
    return text.replace('"""', '\\"\\"\\"')


def _outside_values(text: str, change: Any) -> str:
    """A template with what stands outside of its values changed."""
    parts, at = list[str](), 0
    for match in VALUE.finditer(text):
        parts += [change(text[at : match.start()]), match[0]]
        at = match.end()
    return "".join([*parts, change(text[at:])])
