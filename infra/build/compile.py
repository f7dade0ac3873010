"""Compiles the core with mypyc, about two minutes of work; see infra.build.compiled, which finds it."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from infra.build.compiled import ROOT, build_folder, sources

BUILD = """
import sys
from mypyc.build import mypycify
from setuptools import setup

extensions = mypycify(
    ["--explicit-package-bases", "--ignore-missing-imports", "--config-file=", *sys.argv[1:]],
    opt_level="2",
    debug_level="0",
    group_name="paper_core",
)
setup(name="paper-core", ext_modules=extensions, script_args=["--quiet", "build_ext", "--build-lib", "built"])
"""


class CompileError(Exception):
    """The core can't be compiled here; it works all the same, only slower."""


def compile_core(root: Path = ROOT) -> bool:
    """Compiles the present sources, unless that is done; whether there was something to do. Raises CompileError."""
    target = build_folder(root)
    if target.is_dir():
        return False
    if not _compiler():
        raise CompileError("no C compiler was found; install one (Debian: apt install gcc python3-dev)")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="building-") as folder:
        for package in ("infra", "schemas", "streams"):
            shutil.copytree(root / package, Path(folder) / package, ignore=shutil.ignore_patterns("__pycache__"))
        made = subprocess.run(
            [sys.executable, "-c", BUILD, *sources(root)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": folder},
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise CompileError(f"mypyc or the C compiler failed:\n{(made.stdout + made.stderr)[-4000:]}")
        (Path(folder) / "built").rename(target)
    _remove_others(target)
    return True


def _compiler() -> str | None:
    return shutil.which(os.environ.get("CC", "cc").split()[0])


def _remove_others(kept: Path) -> None:
    """Builds of other sources, which nothing but processes that run them needs any more."""
    for folder in kept.parent.iterdir():
        if folder != kept and not folder.name.startswith("building-"):
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    try:
        compile_core()
    except CompileError as error:
        sys.exit(f"paper: the core stays as it is, two to four times slower: {error}")
