"""A person's browser on the console: Chromium, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from infra.settings import REPOSITORY
from streams.serve.api_keys import ApiKeys, KeyRole

if TYPE_CHECKING:
    from tests.serve.conftest import Service

AXE = Path(__file__).with_name("vendor") / "axe.min.js"
SERIOUS = ("serious", "critical")
PATIENCE_MS = 20_000
SHOWN_MS = 500
SHOTS = REPOSITORY / ".paper/console-shots"
"""Where tests leave pictures of the pages that they have seen."""
WIDTHS, HEIGHT = (1280, 400), 900
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Runs Chromium without a window. Skips the test if it is missing."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no browser: install the Debian package chromium")
    with sync_playwright() as playwright:
        # Chromium's own sandbox can't be made in most containers. Only the service's own pages are loaded.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


class Visit:
    """A page of the console with what it said and asked for. width: of the window in CSS pixels."""

    def __init__(self, browser: Browser, root: str, *, width: int = 1280, dark: bool = False) -> None:
        self.root = root
        context = browser.new_context(
            viewport={"width": width, "height": HEIGHT},
            color_scheme="dark" if dark else "light",
            timezone_id="America/New_York",
            locale="en-US",
        )
        context.set_default_timeout(PATIENCE_MS)
        self.page: Page = context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self._hear(message))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.said.append(message.text)

    def sign_in(self, key: str, secret: str) -> None:
        """Signs in, with the keyboard alone."""
        self.page.goto(f"{self.root}/")
        for text in (key, "Tab", secret):
            if text == "Tab":
                self.page.keyboard.press(text)
            else:
                self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url("**/console/desk")

    def open(self, path: str) -> None:
        """Opens a page."""
        self.page.goto(f"{self.root}/console/{path}")

    def await_drawn(self) -> None:
        """Waits until the page has its stream, and its charts have what they asked for."""
        self.page.locator("#link").filter(has_text="live").wait_for()
        self.page.wait_for_function("() => [...document.querySelectorAll('.chart')].every(c => c.dataset.drawn)")

    def demand_clean(self) -> None:
        """Demands that no error was logged, and nothing was asked of another host."""
        assert self.said == []
        assert [url for url in self.asked if not url.startswith((self.root, "data:"))] == []

    def serious_faults(self) -> list[str]:
        """Returns what axe-core finds against WCAG 2.1 A and AA, if it is serious."""
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
        # The page's policy forbids scripts that the service does not serve; the debugger's own are allowed.
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("tags => axe.run({runOnly: tags})", tags)["violations"]
        return [
            f"{item['id']}: {item['nodes'][0]['html'][:200]} {item['nodes'][0]['failureSummary']}"
            for item in found
            if item["impact"] in SERIOUS
        ]

    def keep_shots(self, name: str, folder: Path = SHOTS) -> list[Path]:
        """Writes pictures at both widths, light and dark. Demands that nothing is wider than the window."""
        folder.mkdir(parents=True, exist_ok=True)
        kept: list[Path] = []
        for width, theme in product(WIDTHS, THEMES):
            self.page.set_viewport_size({"width": width, "height": HEIGHT})
            self.page.emulate_media(color_scheme=theme)
            assert self.page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} at {width}"
            kept.append(folder / f"{name}-{width}-{theme}.png")
            self.page.screenshot(path=kept[-1], full_page=True)
        return kept

    def close(self) -> None:
        """Closes the window."""
        self.page.context.close()


def signed_in(
    browser: Browser,
    service: Service,
    name: str,
    role: KeyRole = KeyRole.TRADER,
    width: int = 1280,
    dark: bool = False,
) -> Visit:
    """Returns a window that a person with a new key has signed in to."""
    visit = Visit(browser, service.root, width=width, dark=dark)
    visit.sign_in(*ApiKeys(service.settings).make(name, role))
    return visit


def await_fill(service: Service, page: Page) -> None:
    """Moves the market until the desk shows a fill."""
    _await_count(service, page, "#tape", 1)


def await_flat(service: Service, page: Page) -> None:
    """Moves the market until the desk shows no position."""
    _await_count(service, page, "#positions", 0)


def _await_count(service: Service, page: Page, selector: str, wanted: int) -> None:
    def count() -> int:
        service.renew()
        page.wait_for_timeout(SHOWN_MS)
        return page.locator(selector).count()

    service.until(count, lambda found: found == wanted)
