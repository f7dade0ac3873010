"""Measures the other engines: makes their environment, runs each as a process, reads what it answers."""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from infra.build import environment
from infra.kafka.client_config import client_config
from infra.principal import ADMIN
from infra.settings import REPOSITORY, Settings
from streams.core.core_config import CoreConfig
from streams.core.reference.declarations import InstrumentConfig
from streams.errors import PeerError
from streams.pipeline.feed.table import MarketTable
from streams.tools.bench.peers.make_market_file import market_file
from streams.tools.bench.peers.peer_protocol import unpacked
from streams.tools.bench.resimulation import filled_orders, resim_quotes_per_s, sent_orders, story

ENVIRONMENT = REPOSITORY / ".venv-peers"
LOCK = REPOSITORY / "infra" / "peers" / environment.LOCK_NAME
TIMEOUT_S = 900.0
QUIX_EVENTS = 200_000
TAIL_LINES = 15
Numbers = dict[str, float]


def peers_python(on_step: Callable[[str], None], target: Path = ENVIRONMENT, lock: Path = LOCK) -> Path:
    """Python of the engines' environment, which is made if it is not whole.

    Raises:
        PeerError: it can't be made.
    """
    text = f"making the environment of the other engines in {target.name} (about a minute, 1.5 GB)"
    try:
        return environment.make(target, lock, lambda: on_step(text))
    except (subprocess.CalledProcessError, OSError) as error:
        raise PeerError(
            f"the environment of the other engines can't be made from {lock}: {error}. They need Python 3.11 to 3.13 "
            "on 64-bit Linux, a package index and 1.5 GB of disk; mend the cause above, or leave --peers out"
        ) from error


def engines_beside(
    python: Path, config: CoreConfig, table: MarketTable, instruments: Mapping[str, InstrumentConfig]
) -> Numbers:
    """Quotes a second of the other engines on a table of one symbol, and how their fills compare with ours.

    agree: orders that filled in both or in neither. Raises PeerError.
    """
    started = time.perf_counter()
    list(story(table, instruments))
    numbers: Numbers = {"resim_load_s": time.perf_counter() - started}
    numbers["resim_no_orders_quotes_per_s"] = resim_quotes_per_s(config, table, instruments, orders=False)
    ours = filled_orders(config, table, instruments)
    own = np.array([order.order_id in ours for order in sent_orders(table, instruments)], bool)
    numbers |= {"resim_orders": len(own), "resim_filled": int(own.sum())}
    with tempfile.TemporaryDirectory(prefix="paper-peers-") as folder:
        path = Path(folder) / "market.npz"
        market_file(table, instruments).write(path)
        for name in ("hftbacktest", "nautilus"):
            answer = ask(python, name, {"market": str(path)})
            filled = _flags(name, answer, len(own))
            answer |= {"filled": int(filled.sum()), "agree": int((filled == own).sum())}
            numbers |= named(name, answer)
    return numbers


def quix_beside(python: Path, settings: Settings) -> Numbers:
    """Events a second of Quix Streams on the running Kafka; its topics carry the settings' prefix. Raises PeerError."""
    request = {
        "kafka": client_config(settings, ADMIN),
        "prefix": f"{settings.topic_prefix}quix.",
        "events": QUIX_EVENTS,
    }
    return named("quix", ask(python, "quix", request))


def ask(python: Path, name: str, request: dict[str, Any]) -> dict[str, Any]:
    """What the engine's process answers to a request.

    Raises:
        PeerError: it failed, took more than TIMEOUT_S, or answered something else than one JSON object.
    """
    module = f"streams.tools.bench.peers.{name}_peer"
    variables = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    try:
        done = subprocess.run(
            [python, "-m", module],
            input=json.dumps(request),
            cwd=REPOSITORY,
            env=variables,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise PeerError(f"{name} did not answer in {TIMEOUT_S:.0f} s; leave --peers out, or run {module}") from error
    if done.returncode:
        tail = "\n".join(done.stderr.splitlines()[-TAIL_LINES:])
        raise PeerError(f"{name} ended with exit code {done.returncode}; {module} says:\n{tail}")
    return parsed(name, done.stdout)


def parsed(name: str, output: str) -> dict[str, Any]:
    """The JSON object in the last line of what a process printed; libraries may print before it. Raises PeerError."""
    last = (output.splitlines() or [""])[-1]
    try:
        answer = json.loads(last)
    except json.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict):
        raise PeerError(f"{name} must answer with a JSON object in its last line; it ends: {last[:200]!r}")
    return answer


def named(name: str, answer: dict[str, Any]) -> Numbers:
    """The answer's numbers under the keys of `paper bench`."""
    return {f"peer_{name}_{key}": value for key, value in answer.items()}


def _flags(name: str, answer: dict[str, Any], orders: int) -> Any:
    try:
        return unpacked(answer["filled"], orders)
    except (KeyError, TypeError, ValueError) as error:
        raise PeerError(f"{name} must say which of {orders} orders filled; its answer has {error!r}") from error
