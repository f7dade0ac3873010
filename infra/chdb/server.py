"""The local ClickHouse server: `python -m infra.chdb.server --data DIR --credentials DIR --port P`.

chDB is ClickHouse as a library, and only one process may open a data folder. This process opens it and offers
ClickHouse's HTTP interface to all clients. It listens on loopback only, and asks for the password of one of its users.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
import time
from pathlib import Path

from infra.errors import PaperError, PortTakenError

MIB = 1 << 20
STOP_SECONDS = 10.0

log = logging.getLogger("clickhouse")


def main(arguments: list[str] | None = None) -> int:
    """Serves until SIGTERM or SIGINT. Returns exit code 1 if it can't start."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # Results must not depend on the machine's time zone, which chDB reads when it is loaded.
    os.environ["TZ"] = "UTC"
    time.tzset()
    try:
        asyncio.run(_serve(options))
    except PaperError as error:
        log.error("%s", error)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.chdb.server", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the database; created if missing")
    parser.add_argument("--credentials", type=Path, required=True, help="folder with a password file for each user")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1", choices=["127.0.0.1", "localhost", "::1"])
    parser.add_argument("--memory-mb", type=int, default=2048, help="memory limit of the engine")
    parser.add_argument("--query-memory-mb", type=int, default=1024, help="memory limit of a query of the pipeline")
    parser.add_argument("--body-mb", type=int, default=256, help="size limit of a request's body")
    parser.add_argument(
        "--bodies-mb", type=int, default=768, help="size limit of all bodies in memory, of the pipeline"
    )
    return parser


async def _serve(options: argparse.Namespace) -> None:
    from aiohttp import web

    from infra.chdb.callers import Doorkeeper, callers
    from infra.chdb.chdb_engine import ChdbEngine
    from infra.chdb.http_interface import HttpInterface

    started = time.monotonic()
    known = callers(options.query_memory_mb * MIB, options.body_mb * MIB, options.bodies_mb * MIB)
    doorkeeper = Doorkeeper(known, options.credentials)
    engine = ChdbEngine(options.data, options.memory_mb * MIB)
    front = HttpInterface(engine, doorkeeper, known)
    # auto_decompress=False: infra.chdb.compression limits the size and knows ClickHouse's encodings.
    # handler_cancellation=True: a query ends when its client leaves.
    runner = web.AppRunner(
        front.application(),
        access_log=None,
        shutdown_timeout=STOP_SECONDS,
        auto_decompress=False,
        handler_cancellation=True,
    )
    await runner.setup()
    checking = asyncio.create_task(front.check_engine())
    try:
        await _listen(web.TCPSite(runner, options.host, options.port), options)
        log.info("ClickHouse %s ready after %.2f s", engine.version, time.monotonic() - started)
        await _stop_signal()
        log.info("stopping")
    finally:
        checking.cancel()
        await runner.cleanup()
        front.close()
        engine.close()
    log.info("stopped")


async def _listen(site: object, options: argparse.Namespace) -> None:
    from aiohttp import web

    assert isinstance(site, web.TCPSite)
    try:
        await site.start()
    except OSError as error:
        raise PortTakenError(
            f"{options.host}:{options.port}: {error.strerror}; stop the program that listens there or set --port"
        ) from error


async def _stop_signal() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


if __name__ == "__main__":
    sys.exit(main())
