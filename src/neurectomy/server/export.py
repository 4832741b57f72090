"""Writes the committed schemas and the page's types; ``python -m neurectomy.server.export``.

With ``--check`` it writes nothing and fails where a file is out of date.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from neurectomy.server.graphql import schema
from neurectomy.server.openapi import document

_PRIMITIVES = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean"}


def files() -> dict[str, str]:
    """The generated files by their path in the repository."""
    described = document()
    pretty = msgspec.json.format(msgspec.json.encode(described), indent=2).decode()
    return {
        "schemas/openapi.json": f"{pretty}\n",
        "schemas/schema.graphql": f"{schema.as_str()}\n",
        "web/src/api/types.ts": typescript(described["components"]["schemas"]),
    }


def typescript(schemas: dict[str, Any]) -> str:
    """Interfaces of JSON Schemas."""
    parts = ["// Generated from the OpenAPI document; see neurectomy.server.export.\n"]
    for name, described in sorted(schemas.items()):
        if described.get("type") != "object" or "properties" not in described:
            parts.append(f"export type {name} = {_type(described)}\n")
            continue
        lines = [f"export interface {name} {{"]
        required = set(described.get("required", ()))
        for key, inner in described["properties"].items():
            mark = "" if key in required or not name.endswith("Input") else "?"
            lines.append(f"  {key}{mark}: {_type(inner)}")
        parts.append("\n".join([*lines, "}\n"]))
    return "\n".join(parts)


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return " | ".join(f"'{value}'" for value in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(_type(option) for option in schema["anyOf"])
    match schema.get("type"):
        case "array" if "prefixItems" in schema:
            return f"[{', '.join(_type(item) for item in schema['prefixItems'])}]"
        case "array":
            inner = _type(schema.get("items") or {})
            return f"({inner})[]" if "|" in inner else f"{inner}[]"
        case "object":
            values = schema.get("additionalProperties")
            return f"Record<string, {_type(values) if isinstance(values, dict) else 'unknown'}>"
        case "null":
            return "null"
        case str() as kind:
            return _PRIMITIVES[kind]
        case _:
            return "unknown"


def main() -> int:
    """Write the files, or check them."""
    root, stale = Path.cwd(), []
    for name, text in files().items():
        path = root / name
        if path.is_file() and path.read_text("utf-8") == text:
            continue
        if "--check" in sys.argv:
            stale.append(name)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    if stale:
        sys.stderr.write(f"out of date: {', '.join(stale)}; run: make schemas\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
