"""A stack of the drill's own, in a temporary folder on free ports: nothing that others use is touched."""

import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from infra.settings import Settings
from infra.stack import local_stack

HOST = "127.0.0.1"


@contextmanager
def own_stack(settings: Settings, workers: int, on_progress: Callable[[str], None]) -> Iterator[Settings]:
    """Settings of a running stack with supervised workers and a sink; everything is gone after the block."""
    with tempfile.TemporaryDirectory(prefix="paper-chaos-") as folder:
        own = _own_settings(settings, Path(folder))
        try:
            local_stack.up(own, on_progress=on_progress)
            local_stack.up_pipeline(own, workers, on_progress=on_progress)
            yield own
        finally:
            local_stack.down(own, on_progress=on_progress)
            kept = settings.paper_home / "logs" / "chaos"
            shutil.copytree(own.paper_home / "logs", kept, dirs_exist_ok=True)
            on_progress(f"the drill's logs are in {kept}")


def _own_settings(settings: Settings, home: Path) -> Settings:
    kafka, controller, registry, clickhouse, metrics = _free_ports(5)
    return settings.model_copy(
        update={
            "paper_home": home,
            "kafka_bootstrap_servers": f"{HOST}:{kafka}",
            "kafka_controller_port": controller,
            "schema_registry_url": f"http://{HOST}:{registry}/apis/ccompat/v7",
            "clickhouse_url": f"http://{HOST}:{clickhouse}",
            "metrics_port": metrics,
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
