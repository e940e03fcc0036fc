"""Listing, counting and paging are the same for every kind of object; what differs is in a `Listing`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from penstock._store.filters import TRUE, Condition, Fields, condition, invalid, schema_of
from penstock._store.pages import BULK, PAGE, order, page, whole
from penstock._store.routes.web import Answer, Ask, Route

#: Filter objects of one request that select through related objects: their fields, and the condition on the listed
#: rows with {} for the condition on the related ones.
Related = Mapping[str, tuple[Fields, str]]
#: Documented filters that not every listing has yet. Empty ones match everything.
_NOT_EVERYWHERE = ("work_pools", "work_pool_queues", "work_queues")

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Listing:
    """How one kind of object is listed.

    Args:
        own: the name of its filter in bodies.
        view: where its rows are.
        fields: what its filter may name.
        sorts: orders by name.
        sort: the default one.
        show: rows to JSON, all rows of one answer together.
        answer: name of the schema of one object.
        related: further filters.
        many: there may be a million; the rows of a page are found by their ids before the whole rows are read.
    """

    own: str
    view: str
    fields: Fields
    sorts: Mapping[str, str]
    sort: str
    show: Callable[[Ask, list[Record]], list[Record]]
    answer: str
    related: Related = field(default_factory=dict)
    many: bool = False

    def where(self, ask: Ask, also: Collection[str] = ()) -> Condition:
        """Return the condition of a request: all its filters must hold.

        Args:
            ask: the request.
            also: what its body may hold beside filters, sort and page.

        Raises:
            Refused: 422, a filter is not of the grammar.
        """
        body = ask.fields
        sql, values = condition(self.fields, body.get(self.own), self.own)
        for key, (fields, tie) in self.related.items():
            inner, inner_values = condition(fields, body.get(key), key)
            if inner != "TRUE":
                sql, values = f"{sql} AND {tie.format(inner)}", values + inner_values
        for key in _NOT_EVERYWHERE:
            if key != self.own and key not in self.related and body.get(key):
                detail = {"loc": ["body", key], "msg": f"{self.own} cannot be filtered by it yet"}
                raise invalid([{**detail, "type": "value_error"}], body)
        _nothing_else(
            body, {self.own, *self.related, *_NOT_EVERYWHERE, "sort", "limit", "offset", "page", *also}
        )
        return sql, values

    def find(self, ask: Ask, within: Condition = TRUE) -> Answer:
        """List objects, only those that `within` holds for."""
        sql, values = self.where(ask)
        where = f"({within[0]}) AND ({sql})", [*within[1], *values]
        return 200, self._rows(ask, where, page(ask.fields, self.sorts, self.sort))

    def count(self, ask: Ask) -> Answer:
        """Count objects."""
        return 200, ask.count(self.view, self.where(ask))

    def paginate(self, ask: Ask) -> Answer:
        """Return one numbered page of objects, and how many there are."""
        where, body = self.where(ask), ask.fields
        limit = whole(body, "limit", PAGE, 0, PAGE)
        number = whole(body, "page", 1, 1, 1 << 32)
        total = ask.count(self.view, where)
        end = f"{order(body, self.sorts, self.sort)} LIMIT {limit} OFFSET {limit * (number - 1)}"
        rows = self._rows(ask, where, end)
        pages = -(-total // limit) if limit else 0
        return 200, {"results": rows, "count": total, "limit": limit, "pages": pages, "page": number}

    def _rows(self, ask: Ask, where: Condition, end: str) -> list[Record]:
        sql = f"FROM {self.view} WHERE {where[0]}{end}"
        if self.many:
            ordered = order(ask.fields, self.sorts, self.sort)
            sql = f"FROM {self.view} WHERE id IN (SELECT id {sql}){ordered}"
        return self.show(ask, ask.records(sql, where[1]))

    def chosen(self, ask: Ask, also: Collection[str] = ()) -> list[str]:
        """Return the ids that a bulk request is about, in the default order: those its filters select, 50 at most."""
        (sql, values), limit = self.where(ask, also), whole(ask.fields, "limit", BULK, 0, BULK)
        query = f"SELECT id FROM {self.view} WHERE {sql} ORDER BY {self.sorts[self.sort]} LIMIT {limit}"
        return [str(row[0]) for row in ask.store.database.read(query, values)]

    def schema(self, *parts: str, **more: Any) -> Record:
        """Return the JSON schema of a body: the filters, and those of sort, limit, offset and page that are named."""
        optional = {self.own: self.fields, **{key: fields for key, (fields, _) in self.related.items()}}
        properties: Record = {
            key: {"anyOf": [schema_of(fields), {"type": "null"}]} for key, fields in optional.items()
        }
        numbers = {
            "sort": {"enum": list(self.sorts), "default": self.sort},
            "limit": {"type": "integer", "minimum": 0, "maximum": PAGE, "default": PAGE},
            "offset": {"type": "integer", "minimum": 0, "maximum": 1 << 40, "default": 0},
            "page": {"type": "integer", "minimum": 1, "maximum": 1 << 32, "default": 1},
        }
        properties |= {name: numbers[name] for name in parts} | more
        return {"type": "object", "properties": properties, "additionalProperties": False}

    def routes(self, path: str, *, paged: bool = True) -> list[Route]:
        """Return the routes for listing, counting and paging below a path."""
        listed = {"type": "array", "items": self.answer}
        table = [
            Route("POST", f"{path}/filter", self.find, self.schema("sort", "limit", "offset"), listed),
            Route("POST", f"{path}/count", self.count, self.schema(), {"type": "integer"}),
        ]
        if paged:
            body = self.schema("sort", "limit", "page")
            answer = {"page of": self.answer}
            table.append(Route("POST", f"{path}/paginate", self.paginate, body, answer))
        return table


def _nothing_else(body: Record, known: set[str]) -> None:
    unknown = sorted(name for name in body if name not in known)
    if unknown:
        message = f"not a filter here; known: {', '.join(sorted(known))}"
        detail = [{"loc": ["body", name], "msg": message, "type": "extra_forbidden"} for name in unknown]
        raise invalid(detail, body)
