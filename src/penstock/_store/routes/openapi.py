"""The OpenAPI document, made of the table of routes: what is documented is what is routed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from penstock._store.routes.schemas import SCHEMAS, many, maybe, record, ref
from penstock._store.routes.web import Route

_PLACE = "#/components/schemas/{model}"


def document(routes: Iterable[Route], version: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of these routes.

    Args:
        routes: the table.
        version: of Penstock.
    """
    schemas: dict[str, Any] = dict(SCHEMAS)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(f"/api{route.path}", {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Penstock REST API", "version": version},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
            },
        },
        "security": [{"token": []}, {"basic": []}],
    }


def _operation(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    tag = route.path.strip("/").split("/")[0] or "root"
    words = re.sub(r"\W+", "_", f"{route.method.lower()}_{route.path}").strip("_")
    made: dict[str, Any] = {
        "tags": [tag],
        "operationId": words,
        "summary": (route.handler.__doc__ or "").strip().splitlines()[0],
        "parameters": _parameters(route),
        "responses": _responses(route, schemas),
    }
    if route.body is not None:
        schema = _schema(route.body, schemas)
        required = bool(schema.get("required")) or "$ref" in schema or schema.get("type") == "array"
        made["requestBody"] = {"content": {"application/json": {"schema": schema}}, "required": required}
    return made


def _parameters(route: Route) -> list[dict[str, Any]]:
    uuid = {"type": "string", "format": "uuid"}
    text = {"type": "string", "minLength": 1}
    path = [
        {"name": name, "in": "path", "required": True, "schema": uuid if name == "id" else text}
        for name in re.findall(r"\{(\w+)\}", route.path)
    ]
    query = [
        {"name": name, "in": "query", "required": not schema.get("x-optional"), "schema": schema}
        for name, schema in route.query.items()
    ]
    return path + query


def _responses(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": "Success"}
    if route.status != 204:
        schema = _schema(route.answer if route.answer is not None else {}, schemas)
        answer["content"] = {route.media_type: {"schema": schema}}
    responses = {str(route.status): answer}
    if route.status == 201:
        responses["200"] = {**answer, "description": "It was there already, or nothing changed"}
    refusals = {"401": "Unauthorized", "403": "NotFound", "422": "ValidationError"}
    if "{" in route.path or route.method == "POST":
        refusals |= {"404": "NotFound", "409": "NotFound", "400": "NotFound"}
    if "concurrency_limits" in route.path and route.method == "POST":
        refusals |= {"410": "NotFound", "423": "NotFound"}
    for status, name in refusals.items():
        content = {"application/json": {"schema": ref(name)}}
        responses[status] = {"description": name, "content": content}
    return responses


def _schema(given: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with the models and names in it replaced by references; models are added to `schemas`."""
    if isinstance(given, str):
        return ref(given)
    if isinstance(given, dict):
        if "page of" in given:
            whole = {"type": "integer"}
            return record(
                results=many(ref(given["page of"])), count=whole, limit=whole, pages=whole, page=whole
            )
        return {key: _inner(key, value, schemas) if key in _NESTED else value for key, value in given.items()}
    made = given.model_json_schema(ref_template=_PLACE)
    for name, definition in made.pop("$defs", {}).items():
        schemas.setdefault(name, definition)
    schemas.setdefault(given.__name__, made)
    return ref(given.__name__)


_NESTED = ("items", "properties", "anyOf")


def _inner(key: str, value: Any, schemas: dict[str, Any]) -> Any:
    if key == "properties":
        return {name: _schema(one, schemas) for name, one in value.items()}
    if key == "anyOf":
        return [_schema(one, schemas) for one in value]
    return _schema(value, schemas)


__all__ = ["document", "maybe"]
