"""Tests of execution models: each keeps the contract of its kind, and a package can add one of its own."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest

from infra.settings import REPOSITORY, Settings
from streams.core.market.trades import TradePrint
from streams.core.reference.declarations import AccountConfig, ModelConfig, SimulatorConfig
from streams.core.simulators.fee_models import Executed, Rates
from streams.core.simulators.fill_models import TradeThrough
from streams.core.simulators.latency_models import Uniform
from streams.core.simulators.model import Model, ModelError, ModelKind
from streams.core.simulators.model_catalog import GROUPS, known_models, make_model
from streams.core.simulators.model_contract import ContractBroken, check_model
from streams.core.simulators.queue_models import RiskAverse
from streams.core.simulators.simulator_choice import Simulators
from streams.core.simulators.slippage_models import Beyond, Impact, NoSlippage
from streams.core.simulators.venue_order import VenueOrder
from streams.errors import ReferenceDataError
from streams.pipeline.reference.load_config import core_config
from tests.builders import config, instrument, mock_config, money, new, opening, quote, top_of_book
from tests.core.desk import Desk

EXAMPLE = REPOSITORY / "examples" / "own_fee_model"
SAMPLES: dict[tuple[ModelKind, str], dict[str, Any]] = {
    (ModelKind.LATENCY, "uniform"): {"min_ms": "1", "max_ms": "9.5"},
    (ModelKind.LATENCY, "lognormal"): {"median_ms": "5", "sigma": "0.8"},
    (ModelKind.LATENCY, "recorded"): {"times_ns": [10, 10**17, 5 * 10**17], "latencies_ns": [7, 5, 9]},
    (ModelKind.SLIPPAGE, "square-root"): {"daily_volatility": "0.02", "daily_volume": "1000000"},
    (ModelKind.SLIPPAGE, "almgren"): {
        "daily_volatility": "0.02",
        "daily_volume": "1000000",
        "shares_outstanding": "50000000",
    },
    (ModelKind.FEE, "per-share"): {"amount": "0.005", "minimum": "1", "maximum_rate": "0.01"},
    (ModelKind.FEE, "basis-points"): {"maker": "-0.5", "taker": "3"},
    (ModelKind.FEE, "tiered"): {"tiers": [{"from_notional": "0", "maker": "1", "taker": "2"}]},
    (ModelKind.FEE, "published"): {"schedule": "ibkr-us-fixed"},
}
ALL = [(kind, name) for kind in ModelKind for name in sorted(known_models(kind))]


def made(kind: ModelKind, model: str, **parameters: Any) -> Any:
    return make_model(kind, ModelConfig.model_validate({"model": model} | parameters))


@pytest.mark.parametrize(("kind", "name"), ALL, ids=[f"{kind}-{name}" for kind, name in ALL])
def test_every_model_keeps_the_contract_of_its_kind(kind: ModelKind, name: str) -> None:
    check_model(kind, made(kind, name, **SAMPLES.get((kind, name), {})))


class Moody(Rates):
    """Gives another answer to the same question."""

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
    """Inherits the declaration that it trades only beyond its price, and breaks it."""

    def by_trade(self, order: VenueOrder, trade: TradePrint) -> int:
        return trade.sz


@pytest.mark.parametrize(
    ("kind", "model", "rule"),
    [
        (ModelKind.FEE, Moody(), "something else"),
        (ModelKind.FILL, Eager(), "nothing happens until crossed"),
        (ModelKind.SLIPPAGE, Generous(), "must not be in the trader's favour"),
        (ModelKind.SLIPPAGE, Greedy(), "quantity must be from 0"),
        (ModelKind.QUEUE, Floating(), "two integers"),
        (ModelKind.LATENCY, Late(max_ms=Decimal(3)), "whole nanoseconds from 0 to 0"),
    ],
)
def test_a_model_that_breaks_its_contract_is_found_out(kind: ModelKind, model: Model, rule: str) -> None:
    with pytest.raises(ContractBroken, match=rule):
        check_model(kind, model)


@pytest.mark.parametrize(
    ("kind", "model", "parameters", "complaint"),
    [
        (ModelKind.FILL, "magic", {}, "known are queue, touch, trade-through"),
        (ModelKind.QUEUE, "power", {"n": 0}, "queue model power: n: "),
        (ModelKind.LATENCY, "uniform", {"min_ms": "3", "max_ms": "2"}, "min_ms 3 is above max_ms 2"),
        (ModelKind.LATENCY, "recorded", {"times_ns": [2, 1], "latencies_ns": [1, 1]}, "times_ns must rise"),
        (ModelKind.SLIPPAGE, "fixed-bps", {"pbs": "5"}, "pbs: Extra inputs"),
    ],
)
def test_an_error_names_what_is_wrong_with_a_model(
    kind: ModelKind, model: str, parameters: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ModelError, match=complaint):
        made(kind, model, **parameters)


@pytest.fixture
def own_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Installs the example as pip does: its module and its metadata are on the path."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    metadata = tmp_path / "own_fee_model-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 1.0\n")
    points = project["entry-points"].items()
    lines = [f"[{group}]\n{name} = {target}" for group, found in points for name, target in found.items()]
    (metadata / "entry_points.txt").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(EXAMPLE))
    known_models.cache_clear()
    yield
    known_models.cache_clear()
    sys.modules.pop("own_fee_model", None)


@pytest.mark.usefixtures("own_package")
def test_a_model_of_another_package_is_known_checked_and_used() -> None:
    check_model(ModelKind.FEE, made(ModelKind.FEE, "per-contract", amount="0.65"))
    desk = Desk(config(instruments=(instrument(fee={"model": "per-contract", "amount": "0.65", "cap": "5"}),)))
    desk.send(opening(), quote(), new("o", quantity="4"), new("p", quantity="40"))
    assert [fill.commission for fill in desk.fills] == [money("2.6"), money("5")]
    assert GROUPS[ModelKind.FEE] == "paper_trading.fee_models"


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
        ('[[simulator]]\nname = "s"\nfill = {model = "magic"}\n', "simulator s: unknown fill model 'magic'"),
        ('[[account]]\naccount_id = "a"\nsimulator = "nix"\n', "account a: unknown simulator 'nix'"),
        ('[[conversion]]\nbase = "EUR"\n', "conversion number 1: quote: Field required"),
        ("[minor_units]\nUSD = -1\n", "minor_units.USD"),
        ("[[simulators]]\n", "unknown table simulators"),
        (f'{INSTRUMENT}calendar = "NYSE!"\n', "instrument X: 'NYSE!' is not an exchange calendar"),
    ],
)
def test_an_error_names_the_rule_that_reference_data_break(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "reference.toml"
    path.write_text(text)
    with pytest.raises(ReferenceDataError, match=r"reference\.toml") as raised:
        core_config(Settings(_env_file=None, reference_data=path))
    assert complaint in str(raised.value)
