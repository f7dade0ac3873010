"""Parts: every one keeps the contract of its kind, a broken one is found out, and anybody can add one."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest

from infra.settings import REPOSITORY, Settings
from streams.core.market.trades import Print
from streams.core.reference.declarations import AccountConfig, PartConfig, SimulatorConfig
from streams.core.simulators.choice import Simulators
from streams.core.simulators.contract import ContractBroken, check_part
from streams.core.simulators.fees import Executed, Rates
from streams.core.simulators.fill import TradeThrough
from streams.core.simulators.latency import Uniform
from streams.core.simulators.model import Part, PartError, PartKind
from streams.core.simulators.model_catalog import GROUPS, known_parts, make_part
from streams.core.simulators.queue import RiskAverse
from streams.core.simulators.slippage import Beyond, Impact, NoSlippage
from streams.core.simulators.venue_order import VenueOrder
from streams.errors import ReferenceDataError
from streams.pipeline.reference.load_config import core_config
from tests.builders import config, instrument, mock_config, money, new, opening, quote, top_of_book
from tests.core.desk import Desk

EXAMPLE = REPOSITORY / "examples" / "own_fee_model"
SAMPLES: dict[tuple[PartKind, str], dict[str, Any]] = {
    (PartKind.LATENCY, "uniform"): {"min_ms": "1", "max_ms": "9.5"},
    (PartKind.LATENCY, "lognormal"): {"median_ms": "5", "sigma": "0.8"},
    (PartKind.LATENCY, "recorded"): {"times_ns": [10, 10**17, 5 * 10**17], "latencies_ns": [7, 5, 9]},
    (PartKind.SLIPPAGE, "square-root"): {"daily_volatility": "0.02", "daily_volume": "1000000"},
    (PartKind.SLIPPAGE, "almgren"): {
        "daily_volatility": "0.02",
        "daily_volume": "1000000",
        "shares_outstanding": "50000000",
    },
    (PartKind.FEE, "per-share"): {"amount": "0.005", "minimum": "1", "maximum_rate": "0.01"},
    (PartKind.FEE, "basis-points"): {"maker": "-0.5", "taker": "3"},
    (PartKind.FEE, "tiered"): {"tiers": [{"from_notional": "0", "maker": "1", "taker": "2"}]},
    (PartKind.FEE, "published"): {"schedule": "ibkr-us-fixed"},
}
ALL = [(kind, name) for kind in PartKind for name in sorted(known_parts(kind))]


def made(kind: PartKind, model: str, **parameters: Any) -> Any:
    return make_part(kind, PartConfig.model_validate({"model": model} | parameters))


@pytest.mark.parametrize(("kind", "name"), ALL, ids=[f"{kind}-{name}" for kind, name in ALL])
def test_every_part_keeps_the_contract_of_its_kind(kind: PartKind, name: str) -> None:
    check_part(kind, made(kind, name, **SAMPLES.get((kind, name), {})))


class Moody(Rates):
    """Answers otherwise the second time."""

    calls: ClassVar[list[int]] = []

    def order_fee(self, executed: Executed) -> int:
        self.calls.append(1)
        return len(self.calls)


class Generous(NoSlippage):
    def beyond(self, asked: Beyond) -> Impact:
        return Impact(asked.quantity, -1)


class Greedy(NoSlippage):
    def beyond(self, asked: Beyond) -> Impact:
        return Impact(asked.quantity + 1, 0)


class Floating(RiskAverse):
    def from_behind(self, before: int, behind: int) -> tuple[int, int]:
        return 0.5, 1  # type: ignore[return-value]


class Late(Uniform):
    def most_ns(self) -> int:
        return 0


class Eager(TradeThrough):
    """Keeps the promise of the model that it is made from, to be asked only beyond its price, and breaks it."""

    def by_trade(self, order: VenueOrder, trade: Print) -> int:
        return trade.sz


@pytest.mark.parametrize(
    ("kind", "part", "rule"),
    [
        (PartKind.FEE, Moody(), "something else"),
        (PartKind.FILL, Eager(), "nothing happens until crossed"),
        (PartKind.SLIPPAGE, Generous(), "never in the trader's favour"),
        (PartKind.SLIPPAGE, Greedy(), "quantity must be from 0"),
        (PartKind.QUEUE, Floating(), "two whole numbers"),
        (PartKind.LATENCY, Late(max_ms=Decimal(3)), "whole nanoseconds from 0 to 0"),
    ],
)
def test_a_part_that_breaks_its_contract_is_found_out(kind: PartKind, part: Part, rule: str) -> None:
    with pytest.raises(ContractBroken, match=rule):
        check_part(kind, part)


@pytest.mark.parametrize(
    ("kind", "model", "parameters", "complaint"),
    [
        (PartKind.FILL, "magic", {}, "none of queue, touch, trade-through"),
        (PartKind.QUEUE, "power", {"n": 0}, "queue model power: n: "),
        (PartKind.LATENCY, "uniform", {"min_ms": "3", "max_ms": "2"}, "min_ms 3 is above max_ms 2"),
        (PartKind.LATENCY, "recorded", {"times_ns": [2, 1], "latencies_ns": [1, 1]}, "times_ns must rise"),
        (PartKind.SLIPPAGE, "fixed-bps", {"pbs": "5"}, "pbs: Extra inputs"),
    ],
)
def test_what_is_wrong_with_a_part_is_named(
    kind: PartKind, model: str, parameters: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(PartError, match=complaint):
        made(kind, model, **parameters)


@pytest.fixture
def own_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The example, installed as pip would: its module and its metadata on the path."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    metadata = tmp_path / "own_fee_model-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 1.0\n")
    points = project["entry-points"].items()
    lines = [f"[{group}]\n{name} = {target}" for group, found in points for name, target in found.items()]
    (metadata / "entry_points.txt").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(EXAMPLE))
    known_parts.cache_clear()
    yield
    known_parts.cache_clear()
    sys.modules.pop("own_fee_model", None)


@pytest.mark.usefixtures("own_package")
def test_a_part_from_an_own_package_is_known_checked_and_used() -> None:
    check_part(PartKind.FEE, made(PartKind.FEE, "per-contract", amount="0.65"))
    desk = Desk(config(instruments=(instrument(fee={"model": "per-contract", "amount": "0.65", "cap": "5"}),)))
    desk.send(opening(), quote(), new("o", quantity="4"), new("p", quantity="40"))
    assert [fill.commission for fill in desk.fills] == [money("2.6"), money("5")]
    assert GROUPS[PartKind.FEE] == "paper_trading.fee_models"


def named(name: str) -> SimulatorConfig:
    return SimulatorConfig(name=name)


def test_account_before_instrument_before_setting() -> None:
    core = config(
        simulators=(named("a"), named("b"), named("c")),
        simulator="a",
        instruments=(instrument("ABC"), instrument("XYZ", simulator="b")),
        accounts=(AccountConfig(account_id="special", simulator="c"),),
    )
    simulators = Simulators(core)
    chosen = [simulators.of(account, symbol).name for account in ("A", "special") for symbol in ("ABC", "XYZ")]
    assert chosen == ["a", "b", "c", "c"]
    assert Simulators(config(mock_trading=True)).of("A", "ABC").name == "mock"
    assert Simulators(config(mock_trading=True, simulator="top-of-book")).of("A", "ABC").name == "top-of-book"


def test_two_accounts_meet_the_same_market_under_different_simulators() -> None:
    core = mock_config(simulators=(top_of_book(),), accounts=(AccountConfig(account_id="B", simulator="top-of-book"),))
    desk = Desk(core)
    desk.send(opening(), opening("B"), quote(ask_sz="5"))
    desk.send(new("o", quantity="50"), new("o", quantity="50", account="B"))
    desk.send(quote(ask_sz="4"))
    filled = {(fill.account_id, fill.simulator, fill.quantity // 10**9) for fill in desk.fills}
    assert filled == {("A", "mock", 50), ("B", "top-of-book", 5), ("B", "top-of-book", 4)}


INSTRUMENT = (
    '[[instrument]]\nsymbol = "X"\ncurrency = "USD"\ntick_size = "1"\nlot_size = "1"\n'
    'min_quantity = "1"\nmax_quantity = "9"\n'
)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[[simulator]]\nname = "s"\nfill = {model = "magic"}\n', "simulator s: fill model 'magic'"),
        ('[[account]]\naccount_id = "a"\nsimulator = "nix"\n', "account a: simulator 'nix' is none of"),
        ('[[conversion]]\nbase = "EUR"\n', "conversion number 1: quote: Field required"),
        ("[minor_units]\nUSD = -1\n", "minor_units.USD"),
        ("[[simulators]]\n", "simulators is not known"),
        (f'{INSTRUMENT}calendar = "NYSE!"\n', "instrument X: 'NYSE!' is no exchange calendar"),
    ],
)
def test_reference_data_that_break_a_rule_are_named(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "reference.toml"
    path.write_text(text)
    with pytest.raises(ReferenceDataError, match=r"reference\.toml") as raised:
        core_config(Settings(_env_file=None, reference_data=path))
    assert complaint in str(raised.value)
