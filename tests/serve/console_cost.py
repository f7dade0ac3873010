"""Measures the console: time to first paint, and the service's memory while many pages are open.

    python -m tests.serve.console_cost ADDRESS PID ACCOUNT

ADDRESS, PID: of a running `paper serve`. A key of an operator is made for it, and revoked at the end.
"""

from __future__ import annotations

import json
import sys
from statistics import median

import psutil
from playwright.sync_api import Browser

from infra.settings import get_settings
from streams.serve.api_keys import ApiKeys, KeyRole
from tests.serve.console_browser import Visit, open_browser

PAGES, PAINTS = 50, 10
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def first_paints_ms(browser: Browser, root: str, key: tuple[str, str], account: str) -> list[float]:
    """Returns the times from the request of the desk to its first content, in milliseconds, sorted."""
    visit = Visit(browser, root)
    visit.sign_in(*key)
    found: list[float] = []
    for _ in range(PAINTS):
        visit.open(f"desk?account={account}")
        visit.await_drawn()
        found.append(visit.page.evaluate(FIRST_PAINT))
    visit.close()
    return sorted(found)


def main(root: str, pid: int, account: str) -> None:
    """Prints the figures as JSON."""
    service, keys = psutil.Process(pid), ApiKeys(get_settings())
    key = keys.make("measures", KeyRole.OPERATOR)
    try:
        with open_browser() as browser:
            paints_ms = first_paints_ms(browser, root, key, account)
            before = service.memory_info().rss
            # A window of its own for each page: one browser holds six connections to an address.
            for _ in range(PAGES):
                visit = Visit(browser, root)
                visit.sign_in(*key)
                visit.open(f"desk?account={account}")
                visit.await_drawn()
            after = service.memory_info().rss
    finally:
        keys.revoke(key[0])
    figures = {
        "first_paint_ms_median": round(median(paints_ms)),
        "first_paint_ms_worst": round(paints_ms[-1]),
        "pages": PAGES,
        "service_mb_before": round(before / 1e6, 1),
        "service_mb_with_pages": round(after / 1e6, 1),
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
