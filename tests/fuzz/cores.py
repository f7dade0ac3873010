"""Configurations of the fuzzed pipeline: between them, every simulator, model, control and kind of breaker."""

from __future__ import annotations

from typing import Any

from streams.core.core_config import CoreConfig, TimeSource
from streams.core.reference.declarations import ConversionConfig, InstrumentConfig
from streams.core.risk.breakers.breaker_config import DeskConfig
from streams.tools.bench.full_limits import ALL_BREAKERS, ALL_CONTROLS
from tests.builders import config, fee, instrument, limits, mock_config, top_of_book
from tests.core.simulators.rich_stories import FEE_MODELS, SIMULATORS

PARTITIONS = 2
ACCOUNTS = ("A", "B", "C", "D", "E", "F")
SYMBOLS = ("ABC", "XYZ", "DAX", "EURUSD")
CURRENCIES = ("USD", "USD", "USD", "USD", "EUR", "JPY")
"""Currency of each account's sessions; nothing converts JPY."""


def _instruments(fees: dict[str, Any]) -> tuple[InstrumentConfig, ...]:
    return (
        instrument("ABC", fee=fees, calendar="XNYS", borrow_rate="0.03"),
        instrument(
            "XYZ", lot_size="0.001", min_quantity="0.001", margin_rate="0.1", fee=fee(maker="0.0001", taker="0.0004")
        ),
        instrument("DAX", currency="EUR", tick_size="0.5", timezone="Europe/Berlin", day_end="17:30"),
        instrument("EURUSD", tick_size="0.00001", max_quantity="100000000"),
    )


def _core(fees: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "account_partitions": PARTITIONS,
        "execution_partitions": PARTITIONS,
        "instruments": _instruments(fees),
        "conversions": (ConversionConfig(base="EUR", quote="USD", symbol="EURUSD"),),
        "minor_units": {"USD": 2},
    } | changes


def _desk() -> DeskConfig:
    breakers = {
        "desk-loss": {"kind": "loss", "percent": "30"},
        "desk-drawdown": {"kind": "drawdown", "percent": "30", "cancel_orders": True, "flatten": True},
        "desk-errors": {"kind": "error_rate", "percent": "95", "window_ms": 10_000, "min_observations": 500},
    }
    return DeskConfig.model_validate({"breakers": breakers})


_STRICT = limits(
    **ALL_CONTROLS | {"order_types": None, "times_in_force": None, "session_hours": None}, breakers=ALL_BREAKERS
)

CORES: tuple[CoreConfig, ...] = (
    config(**_core(FEE_MODELS[0], simulators=(SIMULATORS[1],), limits=_STRICT, desk=_desk(), mark_interval_ms=100)),
    config(**_core(FEE_MODELS[4], simulators=(SIMULATORS[3],), seen_order_ids_max=50, answers_max=5)),
    mock_config(latency_ms_max=30, slippage_bps="20", failure_rate="0.2", **_core(FEE_MODELS[3])),
    config(**_core(FEE_MODELS[1], simulators=(SIMULATORS[6],), time_source=TimeSource.RECORD, limits=_STRICT)),
    config(**_core(FEE_MODELS[2], simulators=(top_of_book(),), desk=_desk(), equity_interval_ms=500)),
    config(
        **_core(
            FEE_MODELS[5], simulators=(SIMULATORS[4],), limits=limits(breakers=ALL_BREAKERS, self_match="cancel_oldest")
        )
    ),
    config(**_core(FEE_MODELS[6], simulators=(SIMULATORS[5],), time_source=TimeSource.RECORD, desk=_desk())),
)
