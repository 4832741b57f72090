"""Arguments of a tool's call, planned from its schema and from what is known."""

from __future__ import annotations

from typing import Any

from neurectomy.core import codecs
from neurectomy.models.words import stems


class Known:
    """What a conversation has told so far.

    Attributes:
        inputs: ``(name, value)`` in the order of the prompt; JSON texts are values.
        results: Values that tools returned, the newest last, with the tool's name.
        called: Names of the tools that were called.
        used: Names of inputs that went into arguments of calls.
        failures: Why calls failed.
    """

    def __init__(self) -> None:
        self.inputs: list[tuple[str, Any]] = []
        self.results: list[tuple[str, Any]] = []
        self.called: set[str] = set()
        self.used: set[str] = set()
        self.failures: list[str] = []

    def add_input(self, name: str, text: str) -> None:
        """Note a value of the prompt."""
        if not text.strip():
            return
        value: Any = text
        if text.lstrip()[:1] in ("{", "["):
            try:
                value = codecs.decode(text.encode())
            except ValueError:
                value = text
        self.inputs.append((name, value))

    def add_result(self, tool: str, arguments: Any, content: str, *, failed: bool) -> None:
        """Note how a call ended."""
        self.called.add(tool)
        given = list(arguments.values()) if isinstance(arguments, dict) else []
        self.used |= {name for name, value in self.inputs if value in given}
        if failed:
            self.failures.append(content)
            return
        try:
            self.results.append((tool, codecs.decode(content.encode())))
        except ValueError:
            self.results.append((tool, content))

    def values(self) -> list[tuple[str, Any]]:
        """Everything that an argument may be taken from, with a name: results before inputs."""
        found = []
        for name, value in [*reversed(self.results), *self.inputs]:
            found.append((name, value))
            if isinstance(value, dict):
                found += list(value.items())
        return found


def plan_call(parameters: dict[str, Any], known: Known) -> dict[str, Any] | None:
    """Arguments for a tool; null where a required one cannot be filled."""
    required = set(parameters.get("required", ()))
    arguments: dict[str, Any] = {}
    for name, schema in parameters.get("properties", {}).items():
        if name not in required:
            continue
        found = _find(name, schema, parameters, known)
        if found is None:
            return None
        arguments[name] = found
    return arguments


def _find(name: str, schema: dict[str, Any], root: dict[str, Any], known: Known) -> Any:
    """The best value for an argument: by its name, by a similar name, by its shape alone."""
    fitting = [(n, v) for n, v in known.values() if fits(v, schema, root)]
    for known_name, value in fitting:
        if known_name == name:
            return value
    wanted = set(stems(name.replace("_", " ")))
    for known_name, value in fitting:
        if wanted & set(stems(known_name.replace("_", " "))):
            return value
    if fitting:
        return fitting[0][1]
    return _mentioned(resolve(schema, root).get("enum", ()), known)


def _mentioned(options: Any, known: Known) -> Any:
    """The one of some texts whose words the inputs mention; null where they mention none."""
    said = {stem for _, value in known.inputs if isinstance(value, str) for stem in stems(value)}
    for option in options:
        words = set(stems(option.replace("_", " "))) if isinstance(option, str) else None
        if words and words <= said:
            return option
    return None


def resolve(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """A schema with its reference followed, and the null of an optional one left out."""
    for _ in range(8):
        if "$ref" in schema:
            schema = root.get("$defs", {}).get(schema["$ref"].rpartition("/")[2], {})
        elif "anyOf" in schema:
            options = [o for o in schema["anyOf"] if o.get("type") != "null"]
            schema = options[0] if options else {}
        else:
            break
    return schema


def fits(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    """Whether a value has the shape that a schema asks for."""
    schema = resolve(schema, root)
    if "enum" in schema:
        return value in schema["enum"]
    match schema.get("type"):
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "array":
            items = schema.get("items", {})
            return isinstance(value, list) and all(fits(item, items, root) for item in value)
        case "object":
            if not isinstance(value, dict):
                return False
            properties = schema.get("properties", {})
            if any(key not in value for key in schema.get("required", ())):
                return False
            if schema.get("additionalProperties") is False and set(value) - set(properties):
                return False
            return all(
                fits(value[key], properties[key], root) for key in value if key in properties
            )
        case _:
            return True
