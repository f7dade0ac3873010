"""Mistakes at the command line: what each prints, and its exit code. No server runs, and none is needed for them."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator

import pytest

from infra.settings import REPOSITORY, Settings
from tests.end_to_end.processes import paper
from tests.stacks import free_settings

ORDER = "orders submit ACME.SIM BUY"
HELP = "`paper orders submit --help` explains it"
MISTAKES = (
    ("oders list", 2, "No such command 'oders'. Did you mean 'orders'? `paper --help` explains it"),
    ("orders sumbit A BUY 1", 2, "No such command 'sumbit'. Did you mean 'submit'? `paper orders --help` explains it"),
    ("orders submit ACME.SIM BUY", 2, f"Missing argument 'quantity'; {HELP}"),
    (f"{ORDER} 1", 2, f"Missing option '--account'; {HELP}"),
    (f"{ORDER} 1 --acount a", 2, f"No such option: --acount. Did you mean --account? {HELP}"),
    (f"{ORDER} 1 --account", 2, "Option '--account' requires an argument"),
    (f"{ORDER} -5 --account a", 1, "request: quantity '-5': must be greater than 0"),
    (f"{ORDER} 0 --account a", 1, "request: quantity '0': must be greater than 0"),
    (f"{ORDER} ten --account a", 1, "request: quantity 'ten': must be a number"),
    (f"{ORDER} 0.0000000001 --account a", 1, "request: quantity: 1E-10 has more than 9 decimals"),
    (f"{ORDER} 1 --account a --price 1e30", 1, "request: price: 1E+30 is out of range"),
    ("orders submit ACME.SIM HOLD 1 --account a", 1, "request: side 'HOLD': must be BUY or SELL"),
    (
        f"{ORDER} 1 --account a --type LIMITT",
        1,
        "request: order_type 'LIMITT': must be MARKET, LIMIT, STOP, STOP_LIMIT, TRAILING_STOP or MARKET_IF_TOUCHED",
    ),
    (f"{ORDER} 1 --account a --tif GTX", 1, "request: time_in_force 'GTX': must be DAY, GTC, IOC, FOK or GTD"),
    (
        f"{ORDER} 1 --account a --expires tomorrow",
        2,
        f"--expires tomorrow: must be a UTC time such as 2013-10-09T14:00:00; {HELP}",
    ),
    ("orders load nothing.csv", 1, "nothing.csv: No such file or directory"),
    ("session open --account a --cash lots", 2, "--cash lots: must be a number; `paper session open --help`"),
    ("session open --account a --cash -10", 2, "opening_cash: -10 is not from 0 to 1000000000000000"),
    ("session open --account a --limit max_positon=5", 2, "max_positon is not a limit; there are message_rate, "),
    ("session open --account a --limit max_position", 2, "max_position: must be NAME=VALUE such as max_position=500"),
    ("trading-state HALT --reason r", 2, "HALT: must be ACTIVE, REDUCING or HALTED; `paper trading-state --help`"),
    ("worker --log-level LOUD", 2, "--log-level LOUD: must be one of DEBUG, INFO, WARNING, ERROR"),
    ("sink --log-level LOUD", 2, "--log-level LOUD: must be one of DEBUG, INFO, WARNING, ERROR"),
    ("up --workers -1", 2, "--workers -1: must be at least 0; `paper up --help` explains it"),
    ("serve --port 99999", 2, "--port 99999: must be at most 65535; `paper serve --help` explains it"),
    ("feed --synthetic --speed fast", 2, "--speed fast: must be a number; `paper feed files --help` explains it"),
    ("feed nothing.csv", 1, "nothing.csv: there is no such file"),
    ("feed live nowhere BTC/USDT", 1, "`paper instruments fetch nowhere BTC/USDT` brings it from the exchange"),
    ("dlq show orders x", 2, "offset x: must be a whole number; `paper dlq show --help` explains it"),
    ("metrics show --account a --by hour", 2, "--by hour: must be one of day, instrument, reason"),
    ("export nosuch --account a", 2, "WHAT nosuch: must be one of orders, results, executions, fills"),
    ("strategy run nosuch --account a --symbol ACME.SIM", 1, "strategy nosuch: must be one of market-maker, momentum"),
    ("parts check latency constnt", 1, "unknown latency model 'constnt'; known are constant, lognormal"),
    ("parts check latency constant {ms:5}", 1, """parameters {ms:5}: must be a JSON object such as '{"ms": "5"}'"""),
    ("parts check latencies constant", 1, "kind latencies: must be one of fill, queue, latency, slippage, fee"),
    ("shard skip accounts-1 --record x --reason r --yes", 1, "record 'x': must be TOPIC-PARTITION@OFFSET, such as"),
    ("archive verify nothing", 1, "nothing/manifest.json: No such file or directory; `paper archive export` writes"),
    ("quotes NOSUCH", 1, "symbol NOSUCH: there is no such instrument; `paper instruments list` shows them"),
    ("top", 1, "top: stdout is no terminal; `paper account`, `positions` and `orders list` print lines"),
    ("gate evaluate momentum --level LIVE", 2, "--level LIVE: must be LIMITED_LIVE or FULL_LIVE"),
    ("notify --rules nothing.toml", 1, "nothing.toml: No such file or directory; examples/notify.toml is a rules file"),
    ("down --purge", 1, "not confirmed; nothing was done"),
)
"""A command line, its exit code, and what its line of error says."""
STRATEGY = "strategy run momentum --account a --symbol ACME.SIM --quantity 1 --max-position 1"
JARGON = re.compile(r"Traceback|Input should|Value error|Errno|rdkafka|[a-z]Error\b")
SETTINGS = (
    ("RUN_SEED", "many", "RUN_SEED=many: must be a whole number; correct the environment or .env"),
    ("MOCK_TRADING", "perhaps", "MOCK_TRADING=perhaps: must be true or false; correct the environment or .env"),
)
"""A setting, a value against its rule, and what the line of error says."""


@pytest.fixture(scope="module")
def nothing_runs(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a stack on free ports that was never started."""
    return free_settings(tmp_path_factory.mktemp("nothing"))


@pytest.mark.parametrize(("line", "code", "sentence"), MISTAKES, ids=[line for line, _, _ in MISTAKES])
def test_a_mistake_is_told_in_one_line(line: str, code: int, sentence: str, nothing_runs: Settings) -> None:
    result = paper(nothing_runs, *shlex.split(line, posix="{" not in line))
    assert (result.returncode, result.stdout) == (code, "" if "purge" not in line else result.stdout)
    assert sentence in result.stderr.splitlines()[-1], result.stderr
    assert result.stderr.splitlines()[-1].startswith("error: ")
    assert not JARGON.search(result.stderr), result.stderr


@pytest.mark.parametrize(("name", "value", "sentence"), SETTINGS)
def test_a_wrong_setting_is_told_in_one_line(
    name: str, value: str, sentence: str, nothing_runs: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Settings, "as_environment", lambda _: {name: value})
    result = paper(nothing_runs, "orders", "list")
    assert (result.returncode, result.stdout, result.stderr) == (1, "", f"error: {sentence}\n")


def test_results_without_market_time_have_no_latency(nothing_runs: Settings) -> None:
    by_kafka = nothing_runs.model_copy(update={"time_source": "record"})
    result = paper(by_kafka, *STRATEGY.split(), "--result-latency-ms", "5")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1].startswith(
        "error: --result-latency-ms: with TIME_SOURCE=record results have "
    )
    negative = paper(nothing_runs, *STRATEGY.split(), "--result-latency-ms", "-5")
    assert "result_latency_ms '-5': must be at least 0" in negative.stderr


def test_there_are_thirty_mistakes() -> None:
    assert len(MISTAKES) >= 30


def test_a_group_without_a_command_shows_its_help(nothing_runs: Settings) -> None:
    result = paper(nothing_runs, "orders")
    assert result.returncode == 2
    assert "submit" in result.stdout
    assert "error" not in result.stderr


def test_nothing_suggests_to_delete_the_data_as_a_remedy() -> None:
    """Texts of the code name `down --purge` only where it is documented: in docstrings, comments and its own option."""
    folders = ("infra", "schemas", "streams")
    sources = [path for folder in folders for path in sorted((REPOSITORY / folder).rglob("*.py"))]
    found = [
        f"{path.relative_to(REPOSITORY)}:{node.lineno}"
        for path in sources
        for node in spoken(ast.parse(path.read_text()))
        if "--purge" in str(node.value)
    ]
    assert found == []


def spoken(tree: ast.Module) -> Iterator[ast.Constant]:
    """Yields the texts of a module that are no docstrings."""
    silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in silent)
