"""The OpenAPI description as one plain page, which loads nothing from anywhere."""

from __future__ import annotations

import json
from html import escape
from typing import Any

STYLE = "body{font:16px sans-serif;max-width:50em;margin:2em auto}pre,code{background:#eee}pre{padding:1em}"


def page(described: dict[str, Any]) -> str:
    """Return the page of an OpenAPI description."""
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>gruforecast</title><style>{STYLE}</style>",
        f"<h1>{escape(described['info']['title'])} {escape(described['info']['version'])}</h1>",
        '<p>The same for programs: <a href="/openapi.json">/openapi.json</a></p>',
    ]
    for path, methods in described["paths"].items():
        for method, what in methods.items():
            answers = (
                f"<li>{escape(status)}: {escape(answer['description'])}</li>"
                for status, answer in what["responses"].items()
            )
            parts.append(f"<h2><code>{escape(method.upper())} {escape(path)}</code></h2>")
            parts.append(f"<p>{escape(what.get('summary', ''))}</p><ul>{''.join(answers)}</ul>")
    parts.append("<h1>Objects</h1>")
    for name, schema in described["components"]["schemas"].items():
        fields = "".join(_field(key, field) for key, field in schema.get("properties", {}).items())
        parts.append(f"<h2>{escape(name)}</h2><p>{escape(schema.get('description', ''))}</p><ul>{fields}</ul>")
    return "".join(parts) + "</html>"


def _field(name: str, schema: dict[str, Any]) -> str:
    text = escape(schema.get("description", ""))
    example = "".join(f" Example: <code>{escape(json.dumps(one))}</code>" for one in schema.get("examples", []))
    return f"<li><code>{escape(name)}</code> ({escape(_type(schema))}) {text}{example}</li>"


def _type(schema: dict[str, Any]) -> str:
    """Return the type of a field in words."""
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if schema.get("type") == "array":
        return f"list of ({_type(schema['items'])})"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"object of ({_type(schema['additionalProperties'])})"
    return str(schema.get("type", "any"))
