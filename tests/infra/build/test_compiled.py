"""Compiled code is used only if nothing has changed of what it was made from; the rest of the core stays compiled."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.build import first_run
from infra.build.compile import CompileError, compile_core
from infra.build.compiled import IN_CHECKOUT, MANIFEST, SWITCH
from infra.build.core_modules import compiled_paths, reached, read_modules
from infra.build.environment import LOCK_NAME
from infra.settings import REPOSITORY

CORE = {
    "base": "class Base:\n    def __init__(self, size: int) -> None:\n        self.size = size\n",
    "heir": "from streams.core.base import Base\nclass Heir(Base):\n    pass\n",
    "user": "from streams.core.base import Base\ndef size(of: Base) -> int:\n    return of.size\n",
    "apart": "LIMIT = 3\ndef limited(size: int) -> int:\n    return min(size, LIMIT)\n",
    "model": "from pydantic import BaseModel\nclass Model(BaseModel):\n    size: int = 1\n",
    "submodel": "from streams.core.model import Model\nclass Submodel(Model):\n    pass\n",
}
COMPILED = {"apart", "base", "heir", "user"}
TELL = """\
import importlib, json, os, streams
names = [file[:-3] for file in os.listdir("streams/core") if not file.startswith("_")]
modules = {name: importlib.import_module(f"streams.core.{name}") for name in names}
from streams.core.heir import Heir
from streams.core.user import size
assert size(Heir(7)) == 7
print(json.dumps([name for name, module in modules.items() if module.__file__.endswith(".so")]))
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of compiled code that only these tests use."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def project(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a core of its own, compiled."""
    monkeypatch.setenv("PAPER_CACHE", str(cache))
    root = new_project(tmp_path / "project")
    assert compile_core(root)
    return root


def new_project(root: Path) -> Path:
    (root / "streams" / "core").mkdir(parents=True)
    (root / "schemas").mkdir()
    (root / "infra").mkdir()
    ignore = shutil.ignore_patterns("__pycache__", "core")
    shutil.copytree(REPOSITORY / "infra" / "build", root / "infra" / "build", ignore=ignore)
    shutil.copy(REPOSITORY / "infra" / "__init__.py", root / "infra")
    shutil.copy(REPOSITORY / "streams" / "__init__.py", root / "streams")
    (root / LOCK_NAME).touch()
    for name, text in CORE.items():
        (root / "streams" / "core" / f"{name}.py").write_text(text)
    return root


def edit(root: Path, name: str, text: str = "\nEDITED = 1\n") -> None:
    with (root / "streams" / "core" / f"{name}.py").open("a") as source:
        source.write(text)


def compiled(root: Path, **environment: str) -> set[str]:
    """Returns the modules of the core that a fresh process loads as machine code."""
    told = subprocess.run(
        [sys.executable, "-P", "-c", TELL],
        env={**os.environ, "PYTHONPATH": str(root), SWITCH: "1", **environment},
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    return set(json.loads(told.stdout))


def libraries(root: Path) -> set[str]:
    """Returns the libraries of the present build."""
    return set(json.loads((root / IN_CHECKOUT / MANIFEST).read_bytes())["files"].values())


def test_all_but_models_is_compiled(project: Path) -> None:
    assert compiled(project) == COMPILED
    assert compiled(project, **{SWITCH: "0"}) == set()
    assert not compile_core(project), "nothing is left to do"


@pytest.mark.parametrize(
    ("edited", "still_compiled"),
    [
        ("apart", {"base", "heir", "user"}),
        ("user", {"apart", "base", "heir"}),
        ("base", {"apart"}),
        # A class that Python reads can't inherit from a compiled one.
        ("heir", {"apart"}),
        ("model", COMPILED),
    ],
)
def test_an_edited_module_runs_as_python_with_those_that_were_compiled_against_it(
    project: Path, edited: str, still_compiled: set[str]
) -> None:
    edit(project, edited)
    assert compiled(project) == still_compiled


def test_a_new_class_may_inherit_from_a_compiled_one(project: Path) -> None:
    (project / "streams" / "core" / "new.py").write_text(CORE["heir"])
    assert compiled(project) == {"apart"}


def test_a_library_that_is_gone_counts_as_a_change(project: Path) -> None:
    next((project / IN_CHECKOUT).glob("streams.core.user.*.so")).unlink()
    assert compiled(project) == {"apart", "base", "heir"}


def test_only_what_changed_is_compiled_anew(project: Path) -> None:
    before = libraries(project)
    edit(project, "user")
    assert compile_core(project)
    assert compiled(project) == COMPILED
    assert len(libraries(project) - before) == 1

    # The users of a changed field layout are made anew too, its other neighbours are not.
    before = libraries(project)
    source = project / "streams" / "core" / "base.py"
    source.write_text(source.read_text().replace("self.size = size", "self.first = 0\n        self.size = size"))
    assert compile_core(project)
    assert compiled(project) == COMPILED
    assert {name.split(".")[2] for name in libraries(project) - before} == {"base", "heir", "user"}


def test_a_second_checkout_takes_what_the_first_one_compiled(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.build.compile._made", lambda *_: pytest.fail("nothing needs a compiler"))
    second = new_project(tmp_path / "second")
    assert compile_core(second)
    assert compiled(second) == COMPILED
    assert libraries(second) == libraries(project)


@pytest.mark.parametrize("found", [True, False], ids=["compiled before", "new"])
def test_the_first_run_of_a_checkout_compiles_only_what_is_new(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: bool
) -> None:
    """The command that makes the environment runs compiled at once; else the background compiles."""
    begun: list[Path] = []
    monkeypatch.setattr(first_run, "make", lambda target, lock, say: say() or target / "bin" / "python")
    monkeypatch.setattr(first_run, "compile_in_background", lambda python, root: begun.append(root))
    second = new_project(tmp_path / "second")
    if not found:
        edit(second, "apart")
    first_run.main(second)
    assert compiled(second) == (COMPILED if found else set())
    assert begun == ([] if found else [second])


def test_without_a_compiler_none_is_started(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(first_run, "make", lambda target, lock, say: say() or target / "bin" / "python")
    monkeypatch.setenv("CC", "no-such-compiler")
    second = new_project(tmp_path / "second")
    edit(second, "apart")
    first_run.main(second)
    assert "in the background" not in capfd.readouterr().out


def test_the_background_gives_way() -> None:
    """Also on a system that shares the processor among sessions first: Linux with sched_autogroup_enabled."""
    program = "import os; from infra.build.compile import give_way; give_way(); print(os.nice(0))"
    shared = Path("/proc/self/autogroup")
    if shared.exists():
        program += f"; print(open('{shared}').read())"
    told = subprocess.run(
        [sys.executable, "-c", program],
        start_new_session=True,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    words = told.stdout.split()
    assert (words[0], words[-1]) == ("19", "19"), words


def test_without_a_compiler_it_says_so(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    edit(project, "apart")
    with pytest.raises(CompileError, match="no C compiler"):
        compile_core(project)
    assert compiled(project) == COMPILED - {"apart"}


def test_an_error_of_the_compiler_is_shown(project: Path) -> None:
    edit(project, "apart", "\ndef broken() -> int:\n    return 'text'\n")
    with pytest.raises(CompileError, match=r"apart\.py"):
        compile_core(project)


def test_the_core_is_compiled_except_for_its_models() -> None:
    """The code of each event is among it: a pydantic model that slips in would take much of the core along."""
    modules = read_modules(REPOSITORY)
    core = set(compiled_paths(modules))
    assert len(core) > 60
    assert {"streams/core/core_config.py", "schemas/records/__init__.py"}.isdisjoint(core)
    for path in core:
        assert "import BaseModel" not in (REPOSITORY / path).read_text()


def test_reached_follows_circles_once() -> None:
    assert reached({"a"}, {"a": ["b"], "b": ["a", "c"], "d": ["a"]}) == {"a", "b", "c"}
