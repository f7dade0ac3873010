"""The changes of a re-simulation: configuration, session limits, selection of orders, strategies that trade anew."""

import json
from decimal import Decimal
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import Field, ValidationError

from schemas.records.enums import ControlKind
from schemas.records.messages import Control, OrderRequest
from schemas.records.numbers import PRICE_SCALE, to_price
from schemas.records.output import Message
from streams.core.core_config import CoreConfig
from streams.core.reference.broken_rules import broken_rules
from streams.core.reference.fields import Frozen, PositiveDecimal
from streams.core.reference.instruments import Instrument
from streams.core.reference.merge_patch import merge_patch
from streams.core.simulators.model import ModelError
from streams.core.simulators.simulator_choice import Simulators
from streams.errors import InputError
from streams.strategies.strategy_config import StrategyConfig
from streams.strategies.strategy_variant import StrategyVariant, variant_of

NAMED_LISTS = {"instruments": "symbol", "simulators": "name", "accounts": "account_id", "conversions": "symbol"}
EACH = "*"
WHAT_IF_REMEDY = "write YAML with config, limits, orders and strategies"


class OrderSelection(Frozen):
    """The orders that are sent again, and their size. An empty list selects all."""

    accounts: tuple[str, ...] = ()
    strategies: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    scale: PositiveDecimal = Decimal(1)
    """Factor of quantities, which are rounded down to the lot and never below one lot."""

    def selects(self, request: OrderRequest) -> bool:
        """Returns whether a request is sent again."""
        pairs = ((self.accounts, request.account_id), (self.strategies, request.strategy_id))
        if any(chosen and name not in chosen for chosen, name in pairs):
            return False
        return not self.symbols or not request.symbol or request.symbol in self.symbols


class WhatIf(Frozen):
    """The changes of a re-simulation.

    Attributes:
        config: merge patch (RFC 7396) over the recorded configuration. Items of its lists are patched by their name, or
            all at once by *.
        limits: limits that replace those that each session opens with.
        orders: the recorded orders that are sent again.
        strategies: strategies that trade anew in place of the account's recorded orders, by account.
    """

    config: dict[str, Any] = Field(default_factory=dict)
    limits: dict[str, Any] = Field(default_factory=dict)
    orders: OrderSelection = OrderSelection()
    strategies: dict[str, StrategyConfig] = Field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads a YAML file. Raises InputError that names the file, the field and the rule."""
        return cls.parse(read_document(path), str(path))

    @classmethod
    def parse(cls, document: Any, name: str) -> Self:
        """Reads plain values. name: their origin, for the error. Raises InputError."""
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            raise InputError(f"{name}: {broken_rules(error)}") from error

    def require_strategies(self) -> None:
        """Raises InputError if the run needs a recording: it has no strategies, or one without cash."""
        if not self.strategies:
            raise InputError("--strategies-only: name strategies in the file of --with")
        for account_id, strategy in self.strategies.items():
            if strategy.cash is None:
                raise InputError(f"strategies.{account_id}: needs cash: without a record nothing opens its session")

    @cached_property
    def variants(self) -> dict[str, StrategyVariant]:
        """The variant of each strategy, by account. Raises InputError for an unknown strategy."""
        return {account_id: variant_of(config) for account_id, config in self.strategies.items()}

    @property
    def sha256(self) -> str:
        """SHA-256 of the changes' canonical JSON."""
        return sha256(self.as_json.encode()).hexdigest()

    @property
    def as_json(self) -> str:
        """The changes as canonical JSON; {} if there are none."""
        return json.dumps(self.model_dump(mode="json", exclude_defaults=True), sort_keys=True)

    def configure(self, recorded: CoreConfig) -> CoreConfig:
        """Returns the configuration of the run. Raises InputError if it breaks a rule."""
        document = recorded.model_dump(mode="json")
        try:
            config = CoreConfig.model_validate(_patched(document, self.config))
            Simulators(config)
        except (ValidationError, KeyError, ModelError) as error:
            raise InputError(f"config: {error}") from error
        return config

    def change(self, message: Message, instruments: dict[str, Instrument]) -> Message | None:
        """Returns an input as it is sent again; None if it is not."""
        if isinstance(message, OrderRequest):
            taken = message.account_id not in self.strategies and self.orders.selects(message)
            return self._order(message, instruments) if taken else None
        if isinstance(message, Control) and message.kind is ControlKind.SESSION_OPEN:
            return self._opening(message)
        return message

    def _opening(self, control: Control) -> Control:
        """Returns the opening of a session under the run's limits. If a strategy trades in it anew, it says which."""
        opening = control._replace(limits=self.session_limits(control.limits))
        strategy = self.strategies.get(control.account_id or "")
        if strategy is None:
            return opening
        variant = self.variants[control.account_id or ""]
        return opening._replace(
            strategy_id=strategy.strategy, code_sha256=variant.code_sha256, parameters=variant.parameters
        )

    def session_limits(self, recorded: str | None) -> str | None:
        """Returns the limits that a session opens with, as JSON."""
        if not self.limits:
            return recorded
        return json.dumps(json.loads(recorded or "{}") | self.limits, default=str)

    def _order(self, request: OrderRequest, instruments: dict[str, Instrument]) -> OrderRequest:
        if self.orders.scale == 1:
            return request
        instrument = instruments.get(request.symbol)
        lot = instrument.lot_size if instrument else 1
        scale = to_price(self.orders.scale)
        sizes = {
            name: max(size * scale // PRICE_SCALE // lot * lot, lot)
            for name in ("quantity", "display_quantity")
            if (size := getattr(request, name)) is not None
        }
        return request._replace(**sizes)


def read_document(path: Path) -> dict[str, Any]:
    """Reads the changes in a YAML file as plain values. Raises InputError."""
    document = read_yaml(path, WHAT_IF_REMEDY)
    if not isinstance(document, dict | None):
        raise InputError(f"{path}: it is no mapping; {WHAT_IF_REMEDY}")
    return document or {}


def read_yaml(path: Path, remedy: str) -> Any:
    """Reads a YAML file as plain values. remedy: what the file should hold. Raises InputError."""
    try:
        return yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{path}: {error}; {remedy}") from error


def _patched(document: dict[str, Any], patch: dict[str, Any]) -> Any:
    plain = {name: value for name, value in patch.items() if name not in NAMED_LISTS or not isinstance(value, dict)}
    patched = _merged(document, plain)
    for name in patch.keys() - plain.keys():
        patched[name] = _patched_list(patched[name], patch[name], NAMED_LISTS[name])
    return patched


def _patched_list(items: list[dict[str, Any]], patch: dict[str, Any], naming: str) -> list[dict[str, Any]]:
    found = {item[naming]: item for item in items}
    for name in [*found] if EACH in patch else []:
        found[name] = _merged(found[name], patch[EACH])
    for name, change in patch.items():
        if name != EACH:
            found[name] = _merged(found.get(name, {naming: name}), change)
    return list(found.values())


def _merged(target: dict[str, Any], patch: Any) -> Any:
    """Returns the target with the patch over it. A replaced model starts without the old model's parameters."""
    return merge_patch(_without_replaced_models(target, patch), patch)


def _without_replaced_models(target: Any, patch: Any) -> Any:
    if not isinstance(target, dict) or not isinstance(patch, dict):
        return target
    if patch.get("model", target.get("model")) != target.get("model"):
        return {}
    return {name: _without_replaced_models(value, patch.get(name)) for name, value in target.items()}
