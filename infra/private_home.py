"""PAPER_HOME: the folder of passwords, keys, logs and data, which only its owner may enter."""

import os
import stat
from pathlib import Path

from infra.private_files import PRIVATE_FOLDER
from infra.settings import Settings


def private_home(settings: Settings) -> Path:
    """Returns PAPER_HOME, made if missing, and closed to other users of this machine if it is ours.

    Raises OSError if it can't be made.
    """
    home = settings.paper_home
    home.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    found = home.stat()
    if found.st_uid == os.getuid() and stat.S_IMODE(found.st_mode) != PRIVATE_FOLDER:
        home.chmod(PRIVATE_FOLDER)
    return home
