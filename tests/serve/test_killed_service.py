"""A test that kills the service while clients trade through it and repeat what got no answer."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import requests

from schemas.records.enums import ExecType
from tests import stacks
from tests.end_to_end.desk import AWAIT_S
from tests.end_to_end.processes import Background
from tests.serve.conftest import READY, SYMBOL, Service

ORDERS, CLIENTS, KILLS = 1_000, 8, 3
TAKEN, REPEATED = 200, 40010001


def test_no_order_is_lost_or_doubled_when_the_service_is_killed(service: Service) -> None:
    account, port = f"k{uuid4().hex[:8]}", stacks.free_port()
    service.desk.open_account(account)
    key, secret = service.key(account)
    headers = {"APCA-API-KEY-ID": key, "APCA-API-SECRET-KEY": secret}
    url = f"http://127.0.0.1:{port}/alpaca/v2/orders"

    def start(life: int) -> Background:
        log = service.folder / f"killed-{life}.log"
        background = Background(service.settings, log, "serve", "--port", str(port))
        background.await_log(READY)
        return background

    def send(number: int) -> None:
        order = {"symbol": SYMBOL, "qty": "1", "side": "buy", "type": "limit", "time_in_force": "ioc"}
        body = {**order, "limit_price": "40", "client_order_id": f"{account}-{number}"}
        deadline = time.monotonic() + 3 * AWAIT_S
        while time.monotonic() < deadline:
            try:
                answer = requests.post(url, json=body, headers=headers, timeout=AWAIT_S)
            except requests.RequestException:
                continue
            if answer.status_code == TAKEN or answer.json().get("code") == REPEATED:
                return
        raise AssertionError(f"order {number} was never taken")

    running_service = start(0)
    try:
        with ThreadPoolExecutor(CLIENTS) as clients:
            done = [clients.submit(send, number) for number in range(ORDERS)]
            for life in range(1, KILLS + 1):
                while sum(future.done() for future in done) < life * ORDERS // (KILLS + 1):
                    time.sleep(0.01)
                running_service.kill()
                running_service = start(life)
            for future in done:
                future.result()
    finally:
        running_service.stop()
    mine = [result for result in service.desk.read("order.results") if result.account_id == account]
    acknowledged = Counter(result.order_id for result in mine if result.exec_type is ExecType.NEW)
    assert acknowledged == {f"{account}-{number}": 1 for number in range(ORDERS)}
    ended = Counter(result.order_id for result in mine if result.terminal)
    assert ended == acknowledged
