"""The commands and programs of the README and of examples/ run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra.settings import REPOSITORY, Settings
from tests.end_to_end.desk import Desk
from tests.end_to_end.processes import COMMAND_TIMEOUT_S, environment, paper, running


@pytest.fixture
def settings(pipeline_settings: Settings) -> Settings:
    return pipeline_settings.model_copy(update={"mock_trading": False})


def python(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    variables = environment(settings) | {"PYTHONPATH": ""}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=REPOSITORY,
        env=variables,
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        check=False,
    )


def test_the_own_client_trades_without_our_code(settings: Settings, tmp_path: Path) -> None:
    with running(settings, tmp_path, "worker"):
        assert paper(settings, "session", "open", "--account", "mine").returncode == 0
        with running(settings, tmp_path, "feed", "--synthetic", "--seconds", "60", "--speed", "2") as feed:
            own = ("examples/own_client.py", "--account", "mine", "--symbol", "ACME.SIM", "--orders", "5")
            traded = python(settings, *own)
            feed.stop()
    assert traded.returncode == 0, traded.stderr
    assert "5 orders sent, 5 ended" in traded.stdout


def test_the_readme_sends_an_order_from_python(settings: Settings, tmp_path: Path) -> None:
    snippets = re.findall(r"```python\n(.*?)```", (REPOSITORY / "README.md").read_text(), re.DOTALL)
    (snippet,) = (text for text in snippets if "confluent_kafka" in text)
    snippet = snippet.replace("http://127.0.0.1:8081/apis/ccompat/v7", settings.schema_registry_url)
    snippet = snippet.replace("127.0.0.1:9092", settings.kafka_bootstrap_servers)
    snippet = snippet.replace('"orders"', f'"{settings.topic_prefix}orders"')
    desk = Desk(settings)
    with running(settings, tmp_path, "worker"):
        desk.open_account("alice")
        desk.quote(0)
        sent = python(settings, "-c", snippet)
        assert sent.returncode == 0, sent.stderr
        listed = paper(settings, "results", "--account", "alice", "--json").stdout
        for _ in range(50):
            if '"py-' in listed:
                break
            listed = paper(settings, "results", "--account", "alice", "--json").stdout
    assert '"FILL"' in listed
