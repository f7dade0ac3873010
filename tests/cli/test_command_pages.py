"""docs/cli.md is what the commands say, and shells complete from them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.settings import REPOSITORY
from streams.cli.command_pages import BEGIN, PAGE, page

PAPER = (sys.executable, "-m", "streams.cli")


def shell(text: str, *, name: str = "bash") -> str:
    """Runs a script in a shell that reads none of the user's files, and returns what it prints."""
    quiet = {"bash": ("--noprofile", "--norc"), "zsh": ("--no-rcs",)}[name]
    return subprocess.run([name, *quiet, "-c", text], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout


def asked(**variables: str) -> str:
    """Returns what `paper` answers to a shell that completes."""
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)} | variables
    return subprocess.run(PAPER, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True).stdout


def test_the_page_is_current() -> None:
    written = PAGE.read_text()
    assert page(written) == written, "run `python -m streams.cli.command_pages`"


def test_a_page_without_the_mark_is_refused() -> None:
    with pytest.raises(ValueError, match="has no line"):
        page("# The command line\n")
    assert page(BEGIN).startswith(BEGIN)


def test_bash_completes_commands_and_options(tmp_path: Path) -> None:
    command = tmp_path / "paper"
    command.write_text(f'#!/bin/sh\nPYTHONPATH={REPOSITORY} exec {" ".join(PAPER)} "$@"\n')
    command.chmod(0o755)
    script = f"""
        eval "$({command} --show-completion bash)"
        complete -p paper
        COMP_WORDS=(paper orders submit --ac) COMP_CWORD=3
        _paper_completion {command}
        echo "${{COMPREPLY[@]}}"
    """
    assert shell(script).splitlines() == ["complete -o default -F _paper_completion paper", "--account"]


def test_zsh_is_answered() -> None:
    assert "compdef _paper_completion paper" in asked(_PAPER_COMPLETE="source_zsh")
    assert '"submit":' in asked(_PAPER_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS="paper orders s")
    if shutil.which("zsh"):
        assert (
            shell(f'autoload -U compinit; compinit -D; eval "$({" ".join(PAPER)} --show-completion zsh)"', name="zsh")
            == ""
        )
