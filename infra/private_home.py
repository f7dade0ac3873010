"""PAPER_HOME: the folder of passwords, keys, logs and data, which only its owner may enter."""

import os
import stat
from pathlib import Path

from infra.settings import Settings

OWNER_ONLY = 0o700


def private_home(settings: Settings) -> Path:
    """Returns PAPER_HOME, made if missing, and closed to other users of this machine if it is ours.

    Raises OSError if it can't be made.
    """
    home = settings.paper_home
    home.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
    found = home.stat()
    if found.st_uid == os.getuid() and stat.S_IMODE(found.st_mode) != OWNER_ONLY:
        home.chmod(OWNER_ONLY)
    return home
