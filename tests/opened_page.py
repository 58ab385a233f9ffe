"""One of our pages, opened from its file in Chromium: what is drawn, and what went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.browser import browser, requested_hosts, set_width

# Parallel coordinates are drawn by WebGL, which a machine without a GPU has in software alone.
_SOFTWARE_GL = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")
_WIDE, _SECONDS = 1200, 60


class OpenedPage:
    """A page, fully drawn."""

    def __init__(self, driver: Any, path: Path) -> None:
        self.driver = driver
        self._path = path

    def open(self, width: int = _WIDE) -> None:
        """Open it anew in a window of a width in pixels, and wait until all charts are drawn."""
        from selenium.webdriver.support.ui import WebDriverWait

        set_width(self.driver, width)
        self.driver.get(self._path.as_uri())
        WebDriverWait(self.driver, _SECONDS).until(
            lambda _: self.count(".chart") == self.count(".chart[data-drawn]")
        )

    def count(self, selector: str) -> int:
        """Return how many elements a CSS selector finds."""
        return len(self.driver.find_elements("css selector", selector))

    def texts(self, selector: str) -> list[str]:
        """Return the texts of the elements that are shown."""
        return [found.text for found in self.driver.find_elements("css selector", selector)]

    def run(self, script: str, *arguments: Any) -> Any:
        """Return what a script returns."""
        return self.driver.execute_script(script, *arguments)

    def too_wide(self) -> list[str]:
        """Name the elements that stick out of the window without a box that scrolls them."""
        found: list[str] = self.run(
            "const width = document.documentElement.clientWidth;"
            "return [...document.querySelectorAll('body *')]"
            ".filter((element) => !element.closest('.scrolls, pre, svg'))"
            ".filter((element) => element.getBoundingClientRect().right > width + 1)"
            ".map((element) => element.outerHTML.slice(0, 80));"
        )
        return found

    def require_harmless(self) -> None:
        """Fail where the console has an error, or another host was asked for anything."""
        # Software that draws in place of a GPU says that it is slow.
        log = self.driver.get_log("browser")
        assert [entry for entry in log if entry["source"] != "rendering"] == []
        assert requested_hosts(self.driver) == set()
        assert self.texts("#problem") == [""]


@contextmanager
def opened_page(path: Path, folder: Path) -> Iterator[OpenedPage]:
    """Yield a page in a fresh browser that uses an empty folder; it must end harmlessly."""
    with browser(folder, *_SOFTWARE_GL) as driver:
        page = OpenedPage(driver, path)
        page.open()
        yield page
        page.require_harmless()
