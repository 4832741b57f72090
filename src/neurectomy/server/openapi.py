"""The OpenAPI document, generated from the table of operations."""

from __future__ import annotations

import re
from typing import Any

import msgspec

import neurectomy
from neurectomy.server.operations import OPERATIONS
from neurectomy.server.transfers import Download, Upload

_REFERENCE = "#/components/schemas/{name}"
_KINDS = {int: "integer", str: "string", bool: "boolean"}


def document() -> dict[str, Any]:
    """OpenAPI 3.1."""
    kinds = [kind for o in OPERATIONS for kind in (o.gives, o.takes) if kind is not None]
    wanted = [kind for kind in kinds if kind not in (Download, Upload)]
    schemas, components = msgspec.json.schema_components(wanted, ref_template=_REFERENCE)
    schema_of = dict(zip(map(repr, wanted), schemas, strict=True))
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        path = operation.path.replace(":path}", "}")
        described: dict[str, Any] = {
            "operationId": operation.name,
            "summary": operation.summary,
            "parameters": [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                for name in re.findall(r"\{(\w+)", operation.path)
            ],
            "responses": {
                str(operation.status): {"description": "Done"},
                "default": {
                    "description": "What went wrong",
                    "content": {"application/problem+json": {"schema": {"type": "object"}}},
                },
            },
        }
        for parameter in operation.query:
            schema = {"type": _KINDS[parameter.kind], "default": parameter.default}
            described["parameters"].append(
                {
                    "name": parameter.name,
                    "in": "query",
                    "description": parameter.help,
                    "schema": schema,
                }
            )
        if operation.gives is not None:
            content = _content(operation.gives, schema_of)
            described["responses"][str(operation.status)]["content"] = content
        if operation.takes is not None:
            content = _content(operation.takes, schema_of)
            described["requestBody"] = {"required": True, "content": content}
        paths.setdefault(path, {})[operation.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {"title": "NEURECTOMY", "version": neurectomy.__version__},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _content(kind: Any, schema_of: dict[str, Any]) -> dict[str, Any]:
    """What a body is: a file, or JSON of a type."""
    if kind in (Download, Upload):
        return {"application/zip": {"schema": {"type": "string", "format": "binary"}}}
    return {"application/json": {"schema": schema_of[repr(kind)]}}
