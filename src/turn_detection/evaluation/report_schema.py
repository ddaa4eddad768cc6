"""The JSON schema of ``report.json``, derived from the types of :mod:`.report`.

``report.schema.json`` beside this module is what ``python -m turn_detection.evaluation.report_schema`` prints; a test compares the two.
"""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Union, get_args, get_origin, get_type_hints

from .part import Part
from .report import FORMAT, FORMAT_VERSION, Report
from .tally import Band

_NUMBER = {"type": ["number", "null"]}  # a figure that cannot be had is null
_BAND = {
    "type": "object",
    "properties": {"value": _NUMBER, "low": _NUMBER, "high": _NUMBER},
    "required": ["value", "low", "high"],
    "additionalProperties": False,
}


def report_schema() -> dict[str, Any]:
    """JSON schema, draft 2020-12; every key is required and no other is allowed."""
    parts: dict[str, Any] = {}
    report = _part(Report, parts)
    report["properties"] |= {"format": {"const": FORMAT}, "format_version": {"const": FORMAT_VERSION}}
    report["required"] += ["format", "format_version"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Report of an evaluation by turn-detection",
        **report,
        "$defs": {"Band": _BAND, **dict(sorted(parts.items()))},
    }


def _part(kind: type[Part], parts: dict[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    names = [entry.name for entry in fields(kind)]  # type: ignore[arg-type]
    return {
        "type": "object",
        "properties": {name: _schema(hints[name], parts) for name in names},
        "required": names,
        "additionalProperties": False,
    }


def _schema(hint: Any, parts: dict[str, Any]) -> dict[str, Any]:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema(entry, parts) for entry in inner]}
    if origin is tuple and inner[-1] is not Ellipsis:
        return {
            "type": "array",
            "prefixItems": [_schema(entry, parts) for entry in inner],
            "minItems": len(inner),
            "maxItems": len(inner),
        }
    if origin is tuple:
        return {"type": "array", "items": _schema(inner[0], parts)}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _schema(inner[1], parts)}
    if hint is Band:
        return {"$ref": "#/$defs/Band"}
    if isinstance(hint, type) and issubclass(hint, Part):
        if hint.__name__ not in parts:
            parts[hint.__name__] = {}  # known before its own parts are
            parts[hint.__name__] = _part(hint, parts)
        return {"$ref": f"#/$defs/{hint.__name__}"}
    known: dict[Any, dict[str, Any]] = {
        str: {"type": "string"}, bool: {"type": "boolean"}, int: {"type": "integer"}, float: _NUMBER, type(None): {"type": "null"}, Any: {},
    }  # fmt: skip
    return dict(known[hint])


if __name__ == "__main__":
    print(json.dumps(report_schema(), indent=1))
