"""An exchange on this machine for commands that feed from it, and the settings of their pipeline."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

from infra.settings import Settings
from tests.end_to_end.desk import AWAIT_S
from tests.pipeline.live.exchange.loopback import Fault, LoopbackExchange
from tests.pipeline.live.exchange.recordings import Recording

SYMBOL = "ETH/USDT"
SPEED = 4.0
"""Times real time. The book that the client fetches first is that of the moment, some frames after the start."""


def live_settings(settings: Settings, folder: Path) -> Settings:
    """Returns settings of a pipeline that trades live, with reference data of its own."""
    reference = folder / "instruments.toml"
    shutil.copy(settings.reference_data, reference)
    own = {"mock_trading": False, "time_source": "record", "reference_data": reference}
    return settings.model_copy(update=own)


class RunningExchange:
    """An exchange in a thread of its own. urls: arguments for `paper`."""

    def __init__(self, exchange: LoopbackExchange, loop: asyncio.AbstractEventLoop) -> None:
        self._exchange, self._loop = exchange, loop
        self.urls = [item for name, url in exchange.urls.items() for item in ("--url", f"{name}={url}")]

    def play(self) -> Future[None]:
        """Begins to send the recording, once it is subscribed."""
        return asyncio.run_coroutine_threadsafe(self._exchange.play(), self._loop)


@contextmanager
def exchange_of(recording: Recording, faults: dict[int, Fault]) -> Iterator[RunningExchange]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def opened() -> LoopbackExchange:
        planned = {(recording.symbol, number): fault for number, fault in faults.items()}
        return await LoopbackExchange([recording], SPEED, planned).__aenter__()

    exchange = asyncio.run_coroutine_threadsafe(opened(), loop).result(AWAIT_S)
    try:
        yield RunningExchange(exchange, loop)
    finally:
        asyncio.run_coroutine_threadsafe(exchange.__aexit__(None, None, None), loop).result(AWAIT_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
