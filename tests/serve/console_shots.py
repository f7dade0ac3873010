"""Takes pictures of the console's pages, of the pipeline that the settings name.

    python -m tests.serve.console_shots FOLDER

Each page is taken light and dark, 1280 and 400 pixels wide.
"""

from __future__ import annotations

import sys
import tempfile
from itertools import product
from pathlib import Path

from playwright.sync_api import Browser

from infra.settings import Settings, get_settings
from streams.serve.api_keys import ApiKeys, KeyRole
from tests import stacks
from tests.end_to_end.processes import running
from tests.serve.console_browser import Visit, open_browser

WIDTHS, THEMES = (1280, 400), (False, True)
READY = "Application startup complete"


def take_shots(browser: Browser, root: str, key: tuple[str, str], pages: dict[str, str], folder: Path) -> list[Path]:
    """Writes a picture of each page, by name, at both widths and in both themes. Returns their files."""
    folder.mkdir(parents=True, exist_ok=True)
    taken: list[Path] = []
    for width, dark in product(WIDTHS, THEMES):
        visit = Visit(browser, root, width=width, dark=dark)
        visit.sign_in(*key)
        for name, path in pages.items():
            visit.open(path)
            visit.page.wait_for_load_state("load")
            visit.await_drawn()
            taken.append(folder / f"{name}-{width}-{'dark' if dark else 'light'}.png")
            visit.page.screenshot(path=taken[-1], full_page=True)
        visit.close()
    return taken


def pages_of(settings: Settings, account: str, symbol: str) -> dict[str, str]:
    """Returns the addresses of the pages that pictures are taken of, by name."""
    del settings
    return {"desk": f"desk?account={account}", "market": f"market?symbol={symbol}&account={account}"}


def main(folder: Path) -> None:
    """Starts the service, takes the pictures, and stops it."""
    settings, port = get_settings(), stacks.free_port()
    keys = ApiKeys(settings)
    key = keys.make("shots", KeyRole.OPERATOR)
    try:
        with (
            tempfile.TemporaryDirectory() as logs,
            running(settings, Path(logs), "serve", "--port", str(port)) as service,
        ):
            service.await_log(READY)
            with open_browser() as browser:
                pages = pages_of(settings, "momentum:HOOLI.SIM", "HOOLI.SIM")
                take_shots(browser, f"http://127.0.0.1:{port}", key, pages, folder)
    finally:
        keys.revoke(key[0])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
