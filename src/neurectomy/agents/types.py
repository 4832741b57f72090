"""The types of the agent language, their JSON Schema, and the check of a value against them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

MOST_INTEGER = 2**63
"""Whole numbers lie between this and its negative, as databases have them."""

MOST_FLOAT = sys.float_info.max

PrimitiveName = Literal["str", "int", "float", "bool", "json", "none", "secret"]


class Primitive(Struct, frozen=True, tag="primitive"):
    """``str``, ``int``, ``float``, ``bool``, ``json`` (anything), ``none`` or ``secret str``."""

    name: PrimitiveName


class ListOf(Struct, frozen=True, tag="list"):
    """``list[T]``."""

    item: Type


class MapOf(Struct, frozen=True, tag="map"):
    """``map[T]``: text keys, values of one type."""

    value: Type


class Optional(Struct, frozen=True, tag="optional"):
    """``T?``: the value or null."""

    inner: Type


class Choice(Struct, frozen=True, tag="choice"):
    """One of several texts, written ``"a" | "b"``."""

    values: tuple[str, ...]


class Named(Struct, frozen=True, tag="named"):
    """A record declared with ``type``."""

    name: str


Type = Primitive | ListOf | MapOf | Optional | Choice | Named

STR, INT, FLOAT, BOOL, ANY, NONE, SECRET = (
    Primitive("str"),
    Primitive("int"),
    Primitive("float"),
    Primitive("bool"),
    Primitive("json"),
    Primitive("none"),
    Primitive("secret"),
)


class Field(Struct, frozen=True):
    """A field of a record or a parameter of a callable.

    ``default`` counts only where ``required`` is false.
    """

    name: str
    type: Type
    required: bool = True
    default: Any = None
    description: str = ""


class Record(Struct, frozen=True):
    """A named record type."""

    name: str
    fields: tuple[Field, ...]
    description: str = ""


Records = Mapping[str, Record]


def render(type_: Type) -> str:
    """The type as the language writes it."""
    match type_:
        case Primitive("secret"):
            return "secret str"
        case Primitive(name):
            return name
        case ListOf(item):
            return f"list[{render(item)}]"
        case MapOf(value):
            return f"map[{render(value)}]"
        case Optional(inner):
            return f"{render(inner)}?"
        case Choice(values):
            return " | ".join(f'"{value}"' for value in values)
        case Named(name):
            return name


def json_schema(type_: Type, records: Records) -> dict[str, Any]:
    """JSON Schema (2020-12) of a type; records that it reaches stand under ``$defs``."""
    definitions: dict[str, Any] = {}
    schema = _schema(type_, records, definitions)
    return {**schema, "$defs": definitions} if definitions else schema


def fields_schema(fields: tuple[Field, ...], records: Records) -> dict[str, Any]:
    """JSON Schema of an object with these fields and no others."""
    definitions: dict[str, Any] = {}
    schema = _object_schema(fields, records, definitions)
    return {**schema, "$defs": definitions} if definitions else schema


_PRIMITIVE_SCHEMAS: dict[str, dict[str, Any]] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "json": {},
    "none": {"type": "null"},
    "secret": {"type": "string", "format": "password", "writeOnly": True},
}


def _schema(type_: Type, records: Records, definitions: dict[str, Any]) -> dict[str, Any]:
    match type_:
        case Primitive(name):
            return dict(_PRIMITIVE_SCHEMAS[name])
        case ListOf(item):
            return {"type": "array", "items": _schema(item, records, definitions)}
        case MapOf(value):
            return {"type": "object", "additionalProperties": _schema(value, records, definitions)}
        case Optional(inner):
            return {"anyOf": [_schema(inner, records, definitions), {"type": "null"}]}
        case Choice(values):
            return {"type": "string", "enum": list(values)}
        case Named(name):
            if name not in definitions:
                definitions[name] = {}
                record = records[name]
                schema = _object_schema(record.fields, records, definitions)
                if record.description:
                    schema["description"] = record.description
                definitions[name] = schema
            return {"$ref": f"#/$defs/{name}"}


def _object_schema(
    fields: tuple[Field, ...], records: Records, definitions: dict[str, Any]
) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for field in fields:
        schema = _schema(field.type, records, definitions)
        if field.description:
            schema = {**schema, "description": field.description}
        if not field.required:
            schema = {**schema, "default": field.default}
        properties[field.name] = schema
    return {
        "type": "object",
        "properties": properties,
        "required": [field.name for field in fields if field.required],
        "additionalProperties": False,
    }


class Mismatch(Exception):
    """A value that is not of its type.

    Attributes:
        path: Where in the value, such as ``sources[2].name``; empty for the whole.
        problem: What is wrong there.
    """

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}" if path else problem)
        self.path = path
        self.problem = problem


def coerce(value: Any, type_: Type, records: Records, path: str = "") -> Any:
    """The value as its type has it: whole floats become ints, defaults are filled in.

    Raises:
        Mismatch: The value is not of the type; the first place is named.
    """
    match type_:
        case Primitive(name):
            return _coerce_primitive(value, name, path)
        case ListOf(item):
            if not isinstance(value, list):
                raise Mismatch(path, f"expected {render(type_)}, got {describe(value)}")
            return [coerce(v, item, records, f"{path}[{i}]") for i, v in enumerate(value)]
        case MapOf(inner):
            if not isinstance(value, dict):
                raise Mismatch(path, f"expected {render(type_)}, got {describe(value)}")
            return {k: coerce(v, inner, records, f"{path}.{k}") for k, v in value.items()}
        case Optional(inner):
            return None if value is None else coerce(value, inner, records, path)
        case Choice(values):
            if value not in values:
                raise Mismatch(path, f"expected {render(type_)}, got {describe(value)}")
            return value
        case Named(name):
            return coerce_fields(value, records[name].fields, records, path, name)


def coerce_fields(
    value: Any, fields: tuple[Field, ...], records: Records, path: str = "", name: str = "arguments"
) -> dict[str, Any]:
    """An object with exactly these fields, in their order.

    Raises:
        Mismatch: A field is missing, unknown or of the wrong type.
    """
    if not isinstance(value, dict):
        raise Mismatch(path, f"expected {name}, got {describe(value)}")
    known = {field.name for field in fields}
    prefix = f"{path}." if path else ""
    for key in value:
        if key not in known:
            raise Mismatch(
                f"{prefix}{key}", f"unknown field; {name} has {', '.join(sorted(known)) or 'none'}"
            )
    result: dict[str, Any] = {}
    for field in fields:
        if field.name in value:
            place = prefix + field.name
            result[field.name] = coerce(value[field.name], field.type, records, place)
        elif not field.required:
            result[field.name] = field.default
        elif isinstance(field.type, Optional):
            result[field.name] = None
        else:
            raise Mismatch(f"{prefix}{field.name}", f"missing; expected {render(field.type)}")
    return result


def _coerce_primitive(value: Any, name: str, path: str) -> Any:
    match name:
        case "str" | "secret" if isinstance(value, str):
            return value
        case "bool" if isinstance(value, bool):
            return value
        case "int" if isinstance(value, int) and not isinstance(value, bool):
            if -MOST_INTEGER <= value < MOST_INTEGER:
                return value
        case "int" if isinstance(value, float) and value.is_integer():
            return _coerce_primitive(int(value), name, path)
        case "float" if isinstance(value, int | float) and not isinstance(value, bool):
            if -MOST_FLOAT <= value <= MOST_FLOAT:
                return float(value)
        case "none" if value is None:
            return None
        case "json":
            return value
    if name == "secret":  # whatever stands there, a message must not repeat it
        raise Mismatch(path, "expected secret str")
    raise Mismatch(path, f"expected {name}, got {describe(value)}")


def describe(value: Any) -> str:
    """A value in a message: its kind, and the value itself when short."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and value.bit_length() > 128:
        return f"a number of {value.bit_length()} bits"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 40 else f"text of {len(value)} characters"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return "an object with " + (", ".join(list(value)[:5]) or "no fields")
