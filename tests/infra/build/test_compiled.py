"""Compiled code is used only where it was made from exactly what stands in the sources."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.build.compile import CompileError, compile_core
from infra.build.compiled import FOLDERS, MODELS, SWITCH, build_folder, sources
from infra.settings import REPOSITORY

WHERE = "import streams, schemas.avro.layout; print(schemas.avro.layout.__file__)"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with one package's worth of modules, compiled."""
    root = tmp_path_factory.mktemp("project")
    shutil.copy(REPOSITORY / "requirements.lock", root)
    for package in ("infra", "schemas"):
        shutil.copytree(REPOSITORY / package, root / package, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "schemas" / "codec.py").unlink()
    (root / "streams" / "domain").mkdir(parents=True)
    for name in ("__init__.py", "domain/__init__.py", "domain/enums.py"):
        shutil.copy(REPOSITORY / "streams" / name, root / "streams" / name)
    assert compile_core(root)
    return root


def used(root: Path, **environment: str) -> str:
    """The file that a fresh process takes schemas.avro.layout from."""
    told = subprocess.run(
        [sys.executable, "-P", "-c", WHERE],
        env={**os.environ, "PYTHONPATH": str(root), SWITCH: "1", **environment},
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout.strip()


def test_a_build_of_these_sources_is_used(project: Path) -> None:
    assert used(project).startswith(str(build_folder(project)))
    assert not compile_core(project), "nothing is left to do"


def test_it_can_be_left_aside(project: Path) -> None:
    assert used(project, **{SWITCH: "0"}) == str(project / "schemas" / "layout.py")


def test_an_edit_is_read_at_once_and_compiled_anew(project: Path) -> None:
    before = build_folder(project)
    with (project / "schemas" / "layout.py").open("a") as source:
        source.write("\nEDITED = 1\n")
    assert used(project) == str(project / "schemas" / "layout.py")
    assert compile_core(project)
    assert used(project).startswith(str(build_folder(project)))
    assert not before.exists(), "a build of other sources is of no use any more"


def test_without_a_compiler_it_says_so(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    (project / "schemas" / "layout.py").write_text((REPOSITORY / "schemas" / "layout.py").read_text() + "\nLAST = 1\n")
    with pytest.raises(CompileError, match="no C compiler"):
        compile_core(project)
    assert used(project) == str(project / "schemas" / "layout.py")


def test_only_modules_with_models_are_left_out() -> None:
    """A module of the core that mypyc could compile is compiled; one that defines models is named as such."""
    compiled = set(sources(REPOSITORY))
    for package in FOLDERS:
        for path in (REPOSITORY / package).glob("*.py"):
            name = f"{package}/{path.name}"
            if path.name != "__init__.py":
                assert (name in compiled) is (name not in MODELS)
    for name in compiled:
        imported = {
            node.module
            for node in ast.walk(ast.parse((REPOSITORY / name).read_text()))
            if isinstance(node, ast.ImportFrom)
        }
        assert "pydantic" not in imported, (
            f"{name}: mypyc can't compile a model; name it in infra.build.compiled.MODELS"
        )
