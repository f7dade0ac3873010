"""A stack in a temporary folder on free ports, so that the drill touches nothing that others use."""

import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from infra.settings import Settings
from infra.stack import local_stack
from streams.pipeline.prepare import start_prepared_servers

HOST = "127.0.0.1"


@contextmanager
def temporary_stack(settings: Settings, workers: int, on_progress: Callable[[str], None]) -> Iterator[Settings]:
    """Yields the settings of a running stack with supervised workers and a sink.

    Everything is stopped and deleted after the block, except the logs, which go to PAPER_HOME/logs/chaos.
    """
    with tempfile.TemporaryDirectory(prefix="paper-chaos-") as folder:
        temporary = _temporary_settings(settings, Path(folder))
        try:
            start_prepared_servers(temporary, on_progress=on_progress)
            local_stack.up_pipeline(temporary, workers, on_progress=on_progress)
            yield temporary
        finally:
            local_stack.down(temporary, on_progress=on_progress)
            logs = settings.paper_home / "logs" / "chaos"
            shutil.copytree(temporary.paper_home / "logs", logs, dirs_exist_ok=True)
            on_progress(f"the drill's logs are in {logs}")


def _temporary_settings(settings: Settings, home: Path) -> Settings:
    kafka, controller, registry, clickhouse, metrics, serve = _free_ports(6)
    return settings.model_copy(
        update={
            "paper_home": home,
            "kafka_bootstrap_servers": f"{HOST}:{kafka}",
            "kafka_controller_port": controller,
            "schema_registry_url": f"http://{HOST}:{registry}/apis/ccompat/v7",
            "clickhouse_url": f"http://{HOST}:{clickhouse}",
            "metrics_port": metrics,
            "serve_port": serve,
            "topic_prefix": "",
            "run_id": "chaos",
            "worker_id": "",
            "mock_trading": False,
        }
    )


def _free_ports(count: int) -> list[int]:
    with ExitStack() as sockets:
        opened = [sockets.enter_context(socket.socket()) for _ in range(count)]
        for item in opened:
            item.bind((HOST, 0))
        return [item.getsockname()[1] for item in opened]
