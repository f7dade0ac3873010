"""Possible changes of a schema, by whether both versions can still read each other's records."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

Schema = dict[str, Any]
Change = Callable[[Schema], None]
PRICE = {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 9}


def field(schema: Schema, name: str) -> dict[str, Any]:
    """Returns a field of a schema."""
    found: dict[str, Any] = next(field for field in schema["fields"] if field["name"] == name)
    return found


def after(schema: Schema, change: Change) -> Schema:
    """Returns a copy of the schema with the change applied."""
    changed = deepcopy(schema)
    change(changed)
    return changed


def _add(name: str, kind: Any, **default: Any) -> Change:
    return lambda schema: schema["fields"].append({"name": name, "type": kind, "doc": "New.", **default})


def _drop(name: str) -> Change:
    return lambda schema: schema["fields"].remove(field(schema, name))


def _set(which: str, **attributes: Any) -> Change:
    return lambda schema: field(schema, which).update(attributes)


def _require(which: str, kind: Any) -> Change:
    def apply(schema: Schema) -> None:
        field(schema, which)["type"] = kind
        field(schema, which).pop("default", None)

    return apply


def _symbols(name: str, change: Callable[[list[str]], list[str]]) -> Change:
    def apply(schema: Schema) -> None:
        kind = field(schema, name)["type"]
        kind["symbols"] = change(kind["symbols"])

    return apply


def _symbols_without_default(name: str, change: Callable[[list[str]], list[str]]) -> Change:
    def apply(schema: Schema) -> None:
        _symbols(name, change)(schema)
        field(schema, name)["type"].pop("default", None)

    return apply


HARMLESS: dict[str, Change] = {
    "nothing": lambda schema: None,
    "other words": lambda schema: schema.update(doc="Other words."),
    "another namespace": lambda schema: schema.update(namespace="elsewhere"),
    "a new field with a default": _add("desk", ["null", "string"], default=None),
    "a new number with a default": _add("level", "int", default=0),
    "a field with a default is gone": _drop("strategy_id"),
    "fields in another order": lambda schema: schema["fields"].reverse(),
    "a new symbol": _symbols("order_type", lambda symbols: [*symbols, "PEGGED"]),
    "a symbol is gone": _symbols("order_type", lambda symbols: symbols[:-1]),
    "symbols in another order": _symbols("order_type", lambda symbols: symbols[::-1]),
}
"""Changes of the schema of orders that FULL_TRANSITIVE allows."""

HARMFUL: dict[str, Change] = {
    "a renamed field": _set("order_id", name="id"),
    "a new field without a default": _add("desk", "string"),
    "a field without a default is gone": _drop("account_id"),
    "a symbol is gone and the default with it": _symbols_without_default("side", lambda symbols: symbols[:-1]),
    "a nullable field must be set": _require("price", PRICE),
    "a number becomes text": _set("ts", type="string"),
    "a long becomes an int": _set("ts", type="int"),
    "another record": lambda schema: schema.update(name="Order"),
    "a field that stands twice": lambda schema: schema["fields"].append(field(schema, "symbol")),
    "another enum": lambda schema: field(schema, "side")["type"].update(name="Direction"),
}
"""Changes that Avro's rules forbid in one direction or both."""

HARMFUL_UNSEEN_BY_AVRO: dict[str, Change] = {
    "another scale": _set("price", type=["null", PRICE | {"scale": 2}]),
    "another precision": _set("price", type=["null", PRICE | {"precision": 38}]),
    "no decimal": _set("price", type=["null", "bytes"]),
    "another unit of time": _set("ts", type={"type": "long", "logicalType": "timestamp-millis"}),
    "text becomes bytes": _set("account_id", type="bytes"),
    "the other branch first": _set("price", type=[PRICE, "null"], default="\u0000"),
    "a record in the record": _add("parent", ["null", "OrderRequest"], default=None),
    "an array of nothing": _add("pad", {"type": "array", "items": "null"}, default=[]),
}
"""Changes that Avro's rules allow and ours forbid."""
