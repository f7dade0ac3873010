"""The digest of a strategy's code: equal for the same program under other names, another one for another program."""

from __future__ import annotations

import py_compile
import sys
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from textwrap import dedent

import pytest

from streams.errors import InputError
from streams.strategies.code_digest import StrategyCode, strategy_code
from streams.strategies.find_strategy import STRATEGIES

CODE = '''
"""A strategy."""

from streams.strategies.paced_strategy import PacedStrategy

WINDOW = 64


class Dips(PacedStrategy):
    """It buys dips."""

    def on_look(self, tick):
        # Nothing yet.
        return self.orders("BUY", WINDOW * 2)
'''
HELPED = """
from .rules import Rule
class Dips:
    def on_tick(self, tick):
        return Rule().orders(tick)
    def on_result(self, result):
        return ()
"""
RULE = """
class Rule:
    def orders(self, tick):
        return ()
"""
_folders = count()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Yields a folder; forgets at the end the modules that were imported from below it."""
    yield tmp_path
    for name, module in [*sys.modules.items()]:
        if str(getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


def written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, files: Mapping[str, str], strategy: str = "mine:Dips"
) -> StrategyCode:
    """Returns the code of a strategy whose files stand in a new folder."""
    place = folder / f"place-{next(_folders)}"
    for name, text in files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(dedent(text).encode())
    modules = {name.removesuffix(".py").replace("/", ".").removesuffix(".__init__") for name in files}
    for module in modules | {module.partition(".")[0] for module in modules}:
        sys.modules.pop(module, None)
    monkeypatch.syspath_prepend(place)
    return strategy_code(strategy)


@pytest.mark.parametrize(
    ("changed", "strategy"),
    [
        pytest.param({"mine.py": CODE.replace("# Nothing yet.", "# Something.")}, "mine:Dips", id="comment"),
        pytest.param({"mine.py": CODE.replace("It buys dips.", "It sells.")}, "mine:Dips", id="docstring"),
        pytest.param({"mine.py": CODE.replace("\n", "\r\n")}, "mine:Dips", id="line endings"),
        pytest.param({"mine.py": CODE.replace(" * ", "*").replace("\n\n\n", "\n")}, "mine:Dips", id="white space"),
        pytest.param({"mine.py": CODE.replace("Dips", "Rises")}, "mine:Rises", id="class"),
        pytest.param({"yours.py": CODE}, "yours:Dips", id="file"),
        pytest.param({"deep/er/yours.py": CODE}, "deep.er.yours:Dips", id="folder"),
        pytest.param({"deep/__init__.py": '"""Deep."""', "deep/yours.py": CODE}, "deep.yours:Dips", id="package"),
    ],
)
def test_the_same_program_has_the_same_digest(
    changed: dict[str, str], strategy: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert written(folder, monkeypatch, changed, strategy) == written(folder, monkeypatch, {"mine.py": CODE})


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(CODE.replace("64", "65"), id="number"),
        pytest.param(CODE.replace("BUY", "SELL"), id="text"),
        pytest.param(CODE.replace("* 2", "+ 2"), id="operator"),
        pytest.param(CODE.replace("on_look", "on_tick"), id="method"),
        pytest.param(CODE.replace("64", "64.0"), id="type"),
        pytest.param(CODE.replace("64", "int(64)"), id="call"),
    ],
)
def test_another_program_has_another_digest(code: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert written(folder, monkeypatch, {"mine.py": code}) != written(folder, monkeypatch, {"mine.py": CODE})


def test_methods_that_change_places_are_another_program(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swapped = HELPED.replace("on_tick", "on_other").replace("on_result", "on_tick").replace("on_other", "on_result")
    files = {"mine/__init__.py": "", "mine/rules.py": RULE}
    found = [
        written(folder, monkeypatch, files | {"mine/dips.py": code}, "mine.dips:Dips") for code in (HELPED, swapped)
    ]
    assert found[0].sha256 != found[1].sha256


def test_modules_that_it_imports_count(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = {"mine/__init__.py": "", "mine/dips.py": HELPED, "mine/rules.py": RULE, "mine/other.py": "x = 1"}
    strategy = "mine.dips:Dips"
    first = written(folder, monkeypatch, package, strategy)
    assert written(folder, monkeypatch, package | {"mine/other.py": "x = 2"}, strategy) == first, "not imported"
    changed = package | {"mine/rules.py": RULE.replace("()", "[]")}
    assert written(folder, monkeypatch, changed, strategy) != first
    renamed = {name.replace("mine", "yours").replace("rules", "laws"): text for name, text in package.items()}
    renamed["yours/dips.py"] = HELPED.replace(".rules", "yours.laws").replace("Rule", "Law")
    renamed["yours/laws.py"] = RULE.replace("Rule", "Law")
    assert written(folder, monkeypatch, renamed, "yours.dips:Dips") == first
    beside = {"mine.py": HELPED.replace(".rules", "rules"), "rules.py": RULE}
    assert written(folder, monkeypatch, beside).sha256 == first.sha256, "packages without code count for nothing"
    initial = package | {"mine/__init__.py": "from . import rules\nrules.Rule.orders = lambda self, tick: []\n"}
    assert written(folder, monkeypatch, initial, strategy) != first, "a package's own code runs first"


def test_strategies_in_one_file_share_the_digest_but_not_the_entry(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = CODE + CODE.partition("\n\n\n")[2].replace("Dips", "Rises").replace("* 2", "* 3") + "Same = Dips\n"
    dips, rises, same = (
        written(folder, monkeypatch, {"mine.py": code}, f"mine:{name}") for name in ("Dips", "Rises", "Same")
    )
    assert dips.sha256 == rises.sha256
    assert dips.entry != rises.entry
    assert same == dips, "another name of the same class"


def test_each_example_has_a_digest_of_its_own() -> None:
    assert len({strategy_code(name).sha256 for name in STRATEGIES}) == len(STRATEGIES)
    assert strategy_code("momentum") == strategy_code("streams.strategies.momentum:Momentum")


def test_a_strategy_without_source_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "hidden_source.py").write_text(RULE)
    py_compile.compile(str(folder / "hidden_source.py"), str(folder / "hidden.pyc"))
    monkeypatch.syspath_prepend(folder)
    with pytest.raises(InputError, match=r"strategy mine: module hidden .* is no Python source"):
        written(folder, monkeypatch, {"mine.py": "import hidden\n" + CODE})
