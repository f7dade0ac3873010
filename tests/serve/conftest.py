"""A running HTTP service over a pipeline of its own, shared by the tests of this folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from alpaca.trading.client import TradingClient
from playwright.sync_api import Browser

from infra.settings import Settings
from tests import builders, stacks
from tests.end_to_end.desk import AWAIT_S, Desk
from tests.end_to_end.processes import done, running
from tests.serve.console_browser import open_browser

SYMBOL, PAIR, DEEP = "ACME.SIM", "BTC/USD", "ETH/USD"
"""DEEP: its market tells books of several levels."""
DECLARED = """
[[instrument]]
symbol = "{}"
currency = "USD"
tick_size = "0.01"
lot_size = "0.0001"
min_quantity = "0.0001"
max_quantity = "1000"
margin_rate = "0.5"
fee = {{model = "published", schedule = "binance-spot"}}
"""
READY = "Application startup complete"
Found = TypeVar("Found")


class Service:
    """A running service. root: its address; url: of Alpaca's API on it. folder: of logs."""

    def __init__(self, settings: Settings, desk: Desk, folder: Path, port: int) -> None:
        self.settings, self.desk, self.folder = settings, desk, folder
        self.root = f"http://127.0.0.1:{port}"
        self.url = f"{self.root}/alpaca"
        self._seconds, self.market_second = count(1), 0

    def tick(self) -> None:
        """Moves the market on by a second."""
        second = next(self._seconds)
        self.desk.quote(second)
        self.desk.quote(second, "50000.00", "50001.00", PAIR)
        self.market_second = builders.START // builders.SECOND + second
        self.desk.flush()

    def renew(self) -> None:
        """Moves the market away and back, so that what its quote shows can be bought anew."""
        self.desk.quote(next(self._seconds), ask="50.04")
        self.tick()

    def until(self, look: Callable[[], Found], is_wanted: Callable[[Found], bool]) -> Found:
        """Looks again until what is found is wanted, and returns it."""
        deadline = time.monotonic() + AWAIT_S
        while not is_wanted(found := look()):
            assert time.monotonic() < deadline, f"it did not come: {found}"
        return found

    def key(self, account: str) -> tuple[str, str]:
        """Makes a key for an account."""
        lines = done(self.settings, "access", "key", account).split()
        key, secret = (line.partition("=")[2] for line in lines)
        return key, secret

    def client(self, account: str) -> Any:
        """Returns Alpaca's client with a new key of an account."""
        return TradingClient(*self.key(account), url_override=self.url)

    def trader(self) -> Any:
        """Returns a client of a new account whose session is open, on a market with a quote."""
        account = f"t{uuid4().hex[:8]}"
        self.desk.open_account(account)
        client, deadline = self.client(account), time.monotonic() + AWAIT_S
        while client.get_account().status.value != "ACTIVE":
            assert time.monotonic() < deadline, f"the service does not see {account}"
        return client


@pytest.fixture(scope="package")
def service(stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    own = {"topic_prefix": "serve.", "clickhouse_database": "test", "mock_trading": False}
    folder, port = tmp_path_factory.mktemp("serve"), stacks.free_port()
    reference = folder / "instruments.toml"
    reference.write_text(stack.reference_data.read_text() + "".join(map(DECLARED.format, (PAIR, DEEP))))
    settings = stack.model_copy(update=own | {"reference_data": reference})
    try:
        stacks.prepare(settings)
        with stacks.clean_database(settings), running(settings, folder, "sink"), running(settings, folder, "worker"):
            running_service = Service(settings, Desk(settings), folder, port)
            running_service.tick()
            with running(settings, folder, "serve", "--port", str(port)) as background:
                background.await_log(READY)
                yield running_service
    finally:
        stacks.remove_topics(settings)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser that is closed before other modules' tests: Playwright keeps an event loop running meanwhile."""
    with open_browser() as opened:
        yield opened


@pytest.fixture
def account(service: Service) -> str:
    """The id of a new account whose session is open."""
    name = f"c{uuid4().hex[:8]}"
    service.desk.open_account(name)
    return name
