"""Takes pictures of the console's pages, of the pipeline that the settings name: of a demo, say.

    python -m tests.serve.console_shots ADDRESS ACCOUNT SYMBOL FOLDER

ADDRESS: of a running `paper serve`. A key of an operator is made for it, and revoked at the end.
"""

from __future__ import annotations

import sys
from pathlib import Path

from infra.settings import get_settings
from streams.serve.api_keys import ApiKeys, KeyRole
from tests.serve.console_browser import Visit, open_browser


def pages_of(account: str, symbol: str) -> dict[str, str]:
    """Returns the addresses of the pages that pictures are taken of, by name."""
    return {
        "desk": f"desk?account={account}",
        "market": f"market?account={account}&symbol={symbol}",
        "session": f"session?account={account}",
        "gate": "gate",
        "replays": f"replays?account={account}",
        "health": "health",
    }


def main(root: str, account: str, symbol: str, folder: Path) -> None:
    """Takes the pictures."""
    keys = ApiKeys(get_settings())
    key = keys.make("pictures", KeyRole.OPERATOR)
    try:
        with open_browser() as browser:
            visit = Visit(browser, root)
            visit.sign_in(*key)
            for name, path in pages_of(account, symbol).items():
                visit.open(path)
                visit.await_drawn()
                print(*visit.keep_shots(name, folder), sep="\n")
    finally:
        keys.revoke(key[0])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]))
