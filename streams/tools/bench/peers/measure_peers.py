"""Measures the other engines: makes their environment, runs each as a process, and reads its answer."""

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
from streams.tools.bench.peers.make_market_file import make_market_file
from streams.tools.bench.peers.market_file import save_arrays
from streams.tools.bench.peers.peer_protocol import unpack_flags
from streams.tools.bench.resimulation import filled_orders, market_and_orders, resim_quotes_per_s, sent_orders

ENVIRONMENT = REPOSITORY / ".venv-peers"
LOCK = REPOSITORY / "infra" / "peers" / environment.LOCK_NAME
TIMEOUT_S = 900.0
QUIX_EVENTS = 200_000
TAIL_LINES = 15
PeerNumbers = dict[str, float]
"""Figures by their keys in the JSON of `paper bench`."""


def peers_python(on_step: Callable[[str], None], target: Path = ENVIRONMENT, lock: Path = LOCK) -> Path:
    """Returns the Python of the engines' environment, which is made if it is not complete.

    Raises:
        PeerError: it can't be made.
    """
    text = f"making the environment of the other engines in {target.name} (about a minute, 1.5 GB)"
    try:
        return environment.make(target, lock, lambda: on_step(text))
    except (subprocess.CalledProcessError, OSError) as error:
        raise PeerError(
            f"the environment of the other engines can't be made from {lock}: {error}. They need Python 3.11 to 3.13 "
            "on 64-bit Linux, a package index and 1.5 GB of disk; fix the cause above, or omit --peers"
        ) from error


def measure_engines(
    python: Path, config: CoreConfig, table: MarketTable, instruments: Mapping[str, InstrumentConfig]
) -> PeerNumbers:
    """Returns the quotes a second of hftbacktest and NautilusTrader, and how their fills compare with ours.

    The key agree counts the orders that filled in both engines or in neither.

    Args:
        python: of the engines' environment.
        config: of our re-simulation.
        table: quotes of one symbol.
        instruments: the table's.

    Raises:
        PeerError: an engine failed, or the quotes lack a side or a size.
    """
    started = time.perf_counter()
    list(market_and_orders(table, instruments))
    numbers: PeerNumbers = {"resim_load_s": time.perf_counter() - started}
    numbers["resim_no_orders_quotes_per_s"] = resim_quotes_per_s(config, table, instruments, orders=False)
    ours = filled_orders(config, table, instruments)
    own = np.array([order.order_id in ours for order in sent_orders(table, instruments)], bool)
    numbers |= {"resim_orders": len(own), "resim_filled": int(own.sum())}
    with tempfile.TemporaryDirectory(prefix="paper-peers-") as folder:
        path = Path(folder) / "market.npz"
        save_arrays(make_market_file(table, instruments), path)
        for name in ("hftbacktest", "nautilus"):
            answer = ask_peer(python, name, {"market": str(path)})
            filled = flags(name, answer, len(own))
            answer |= {"filled": int(filled.sum()), "agree": int((filled == own).sum())}
            numbers |= _with_prefix(name, answer)
    return numbers


def measure_quix(python: Path, settings: Settings) -> PeerNumbers:
    """Returns the events a second of Quix Streams on the running Kafka; its topics have the settings' prefix.

    Raises:
        PeerError: it failed.
    """
    request = {
        "kafka": client_config(settings, ADMIN),
        "prefix": f"{settings.topic_prefix}quix.",
        "events": QUIX_EVENTS,
    }
    return _with_prefix("quix", ask_peer(python, "quix", request))


def ask_peer(python: Path, name: str, request: dict[str, Any]) -> dict[str, Any]:
    """Runs an engine's process, and returns its answer to a request.

    Raises:
        PeerError: it failed, took more than TIMEOUT_S, or did not answer with a JSON object.
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
        raise PeerError(f"{name} did not answer in {TIMEOUT_S:.0f} s; omit --peers, or run {module} by hand") from error
    if done.returncode:
        tail = "\n".join(done.stderr.splitlines()[-TAIL_LINES:])
        raise PeerError(f"{name} ended with exit code {done.returncode}; {module} says:\n{tail}")
    return parse_answer(name, done.stdout)


def parse_answer(name: str, output: str) -> dict[str, Any]:
    """Returns the JSON object in the last line of a process's output; libraries may print other lines before it.

    Raises:
        PeerError: the last line is no JSON object.
    """
    last = (output.splitlines() or [""])[-1]
    try:
        answer = json.loads(last)
    except json.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict):
        raise PeerError(f"{name} must answer with a JSON object in its last line; it ends: {last[:200]!r}")
    return answer


def _with_prefix(name: str, answer: dict[str, Any]) -> PeerNumbers:
    """Returns the answer under the keys of `paper bench`."""
    return {f"peer_{name}_{key}": value for key, value in answer.items()}


def flags(name: str, answer: dict[str, Any], orders: int) -> Any:
    """Returns which orders filled by an engine's answer. Raises PeerError if it does not say so."""
    try:
        return unpack_flags(answer["filled"], orders)
    except (KeyError, TypeError, ValueError) as error:
        raise PeerError(f"{name} must say which of {orders} orders filled; its answer has {error!r}") from error
