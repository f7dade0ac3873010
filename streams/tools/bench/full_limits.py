"""Limits with all controls and breakers on, as production would set them."""

ALL_CONTROLS: dict[str, object] = {
    "message_rate": 1_000,
    "order_rate": 500,
    "order_rate_per_symbol": 200,
    "restricted": ["NONE.SIM"],
    "order_types": ["MARKET", "LIMIT", "STOP", "STOP_LIMIT"],
    "times_in_force": ["DAY", "GTC", "IOC", "FOK"],
    "min_order_quantity": "1",
    "max_order_quantity": "10000",
    "min_order_notional": "1",
    "max_order_notional": "5000000",
    "session_hours": True,
    "stale_mark": 60_000,
    "price_collar": {"percent": "5", "ticks": 50},
    "repeated_order": {"limit": 200},
    "cancel_ratio": "50",
    "max_open_orders": 500,
    "max_open_orders_per_symbol": 100,
    "max_position": "1000000",
    "max_long_position": "1000000",
    "max_short_position": "1000000",
    "leverage": "4",
    "max_gross_exposure": "20000000",
    "max_net_exposure": "20000000",
    "max_concentration": "2",
    "max_leverage": "4",
    "max_margin": "1",
    "self_match": "cancel_newest",
}
"""All controls except long_only, which would refuse short sales."""

ALL_BREAKERS: dict[str, object] = {
    "drawdown": {"kind": "drawdown", "percent": "20"},
    "loss": {"kind": "loss", "percent": "10"},
    "errors": {"kind": "error_rate", "window_count": None, "window_ms": 60_000, "percent": "50"},
    "frequency": {"kind": "frequency", "limit": 1_000, "window_ms": 1_000},
    "losses": {"kind": "consecutive_losses", "limit": 50},
    "stop-outs": {"kind": "stop_outs", "limit": 50, "window_ms": 60_000},
    "slippage": {"kind": "slippage", "limit_bps": "50", "window_count": 100},
    "gap": {"kind": "market_data_gap", "gap_ms": 60_000},
    "repeated": {"kind": "repeated_execution", "limit": 5_000, "window_ms": 60_000},
}
"""One breaker of each kind, as a patch of a pipeline's limits."""
