"""Reference data that change a contract with something open are refused when the shard is taken over."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.records.enums import Side
from streams.core.core_config import CoreConfig
from streams.errors import ContractChanged
from streams.pipeline.journal.kinds import ACCOUNTS
from streams.pipeline.journal.partitions import partition_of
from tests import builders
from tests.pipeline.journal.pipeline import PARTITIONS, MemoryPipeline

HOME = partition_of("A", PARTITIONS)
TABLE = {"brackets": [{"floor": "0", "rate": "0.004"}]}


def core(**changes: Any) -> CoreConfig:
    instruments = (builders.instrument("ABC", **{"contract_multiplier": "50"} | changes), builders.instrument("XYZ"))
    partitions = {"account_partitions": PARTITIONS, "execution_partitions": PARTITIONS}
    return builders.config(instruments=instruments, **partitions)


def trading(price: str | None) -> MemoryPipeline:
    """Returns a pipeline with a position in ABC, or a working order if there is a price."""
    pipeline = MemoryPipeline(core())
    pipeline.send("controls", "A", builders.opening())
    pipeline.send("market.data", "ABC", builders.quote())
    pipeline.run()
    pipeline.send("orders", "A", builders.new("in", Side.BUY, "2", price))
    pipeline.run()
    return pipeline


@pytest.mark.parametrize("price", [None, "5.00"], ids=["position", "working order"])
@pytest.mark.parametrize(
    ("changes", "field"),
    [({"contract_multiplier": "5"}, "contract_multiplier"), ({"currency": "EUR"}, "currency"), ({}, "all of it")],
    ids=["multiplier", "currency", "gone"],
)
def test_money_may_not_change_while_something_is_open(price: str | None, changes: dict[str, str], field: str) -> None:
    pipeline = trading(price)
    before = pipeline.processors[ACCOUNTS, HOME].sequence
    changed = core(**changes) if changes else core().model_copy(update={"instruments": (builders.instrument("XYZ"),)})
    named = "contract_multiplier" if field == "all of it" else field
    with pytest.raises(ContractChanged, match=f"account A (holds 2|has working orders in) ABC, whose {named} changes"):
        pipeline.take_over(changed)
    pipeline.take_over(core())
    assert pipeline.processors[ACCOUNTS, HOME].sequence == before, "nothing was recorded, and the old file goes on"


def test_it_may_change_when_all_is_closed() -> None:
    pipeline = trading(None)
    pipeline.send("orders", "A", builders.new("out", Side.SELL, "2"))
    pipeline.run()
    pipeline.take_over(core(contract_multiplier="5"))


def test_an_expiry_may_be_declared_for_a_position_but_not_behind_working_orders() -> None:
    """Orders keep the expiry with which they came: one of before would outlive the settlement."""
    trading(None).take_over(core(expires_at="2024-03-15T13:30:00Z"))
    with pytest.raises(ContractChanged, match="working orders in ABC, whose expires_at changes"):
        trading("5.00").take_over(core(expires_at="2024-03-15T13:30:00Z"))


def test_a_margin_table_counts_at_once_for_what_is_held() -> None:
    pipeline = trading(None)
    pipeline.take_over(core(margin_table=TABLE, margin_rate="0.05", tick_size="0.02"))
    assert pipeline.processors[ACCOUNTS, HOME].config.instruments[0].margin_table is not None
