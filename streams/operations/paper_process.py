"""Starts `paper` commands as child processes."""

import os
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import IO

from infra.settings import BASE_FOLDER, REPOSITORY


def start_paper(
    command: Sequence[str], environment: Mapping[str, str], output: IO[bytes], pass_fds: Collection[int] = ()
) -> subprocess.Popen[bytes]:
    """Starts `paper COMMAND` in a session of its own, with stdout and stderr in output and nothing on stdin.

    Args:
        command: arguments of paper.
        environment: variables in addition to this process's.
        output: file that takes stdout and stderr.
        pass_fds: descriptors that the child inherits.
    """
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "streams.cli", *command],
        cwd=BASE_FOLDER,
        env={**os.environ, **environment, "PYTHONPATH": str(REPOSITORY)},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        pass_fds=tuple(pass_fds),
    )
