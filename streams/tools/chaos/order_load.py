"""The drill's load: a thread that feeds a moving market and sends orders until it is stopped."""

import random
import threading
from types import TracebackType
from typing import Self

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.records.enums import Action, Side, TimeInForce
from schemas.records.messages import OrderRequest
from schemas.records.numbers import NANOS_PER_S, to_price
from streams.pipeline.clients.control_commands import send_controls
from streams.pipeline.clients.producer import RecordProducer
from streams.pipeline.clients.request_models import ControlModel
from streams.pipeline.feed.pack import heartbeat, pack
from streams.pipeline.feed.send import CLOSING_NS
from streams.pipeline.feed.table import QUOTE
from streams.pipeline.reference.load_config import core_config
from streams.tools.bench.bench_orders import session_opening
from streams.tools.bench.bench_records import limit_order
from streams.tools.demo.demo_market import synthetic_market

ACCOUNTS = tuple(f"chaos-{number}" for number in range(1, 9))
STEP_S = 0.02
ORDERS_PER_STEP = 2
MARKET_S = 1_800.0
QUANTITY_LOTS_MAX = 10


class OrderLoad:
    """A load that feeds the market in steps, and sends orders at its prices with each step.

    sent: ids of all new orders.
    """

    def __init__(self, settings: Settings, codec: Codec, seed: int) -> None:
        self.sent: list[str] = []
        self._table = synthetic_market(settings, MARKET_S)
        self._lots = {item.symbol: to_price(item.lot_size) for item in core_config(settings).instruments}
        self._draw = random.Random(seed)
        self._producer = RecordProducer(settings, codec)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load")
        self._failure: BaseException | None = None
        self._row = 0
        self._quotes: dict[str, tuple[int, int, int]] = {}
        self._resting: list[OrderRequest] = []
        self._lock = threading.Lock()
        send_controls(settings, codec, [ControlModel.from_message(session_opening(account)) for account in ACCOUNTS])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stops sending, and waits until everything is delivered. Raises the error that ended the thread, if any."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._failure is not None:
            raise self._failure
        # Market time moves once more, so that orders still on their way reach the venue.
        last_ns = int(self._table.time[max(self._row - 1, 0)])
        self._producer.broadcast("market.data", "", heartbeat(last_ns + CLOSING_NS))
        self._producer.flush()

    def send_probes(self) -> list[str]:
        """Sends one more order of each account, and returns their ids."""
        with self._lock:
            return [self._send_order(account, TimeInForce.IOC).order_id for account in ACCOUNTS]

    def _run(self) -> None:
        try:
            while not self._stopped.wait(STEP_S):
                with self._lock:
                    self._step()
        except Exception as error:
            self._failure = error

    def _step(self) -> None:
        table, start = self._table, self._row
        until = table.time[start] + int(STEP_S * NANOS_PER_S)
        while self._row < len(table) and table.time[self._row] < until:
            self._row += 1
        for record in pack(table, start, self._row):
            self._producer.send("market.data", record.symbol, record)
        for row in range(start, self._row):
            if table.kind[row] == QUOTE:
                prices = int(table.bid_px[row]), int(table.ask_px[row]), int(table.time[row])
                self._quotes[table.symbols[table.symbol[row]]] = prices
        for _ in range(ORDERS_PER_STEP if self._quotes else 0):
            self._trade()

    def _trade(self) -> None:
        choice = self._draw.random()
        if choice < 0.15 and self._resting:
            resting = self._resting.pop(self._draw.randrange(len(self._resting)))
            cancel = resting._replace(
                action=Action.CANCEL, order_id=f"{resting.order_id}-x", orig_order_id=resting.order_id
            )
            self._producer.send("orders", resting.account_id, cancel)
            return
        account = self._draw.choice(ACCOUNTS)
        if choice < 0.4:
            self._resting.append(self._send_order(account, TimeInForce.GTC))
        else:
            self._send_order(account, TimeInForce.IOC)

    def _send_order(self, account: str, time_in_force: TimeInForce) -> OrderRequest:
        symbol = self._draw.choice(sorted(self._quotes))
        bid, ask, time_ns = self._quotes[symbol]
        side = self._draw.choice((Side.BUY, Side.SELL))
        crossing = (side is Side.BUY) == (time_in_force is TimeInForce.IOC)
        quantity = self._lots[symbol] * self._draw.randint(1, QUANTITY_LOTS_MAX)
        price = ask if crossing else bid
        order_id = f"{account}-{len(self.sent)}"
        order = limit_order(order_id, account, symbol, side, quantity, price, time_in_force, time_ns, "chaos")
        self._producer.send("orders", account, order)
        self.sent.append(order.order_id)
        return order
