"""Chromium, driven by Selenium, that keeps to itself, and a page in it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--disable-extensions", "--disable-default-apps"),
    # Parallel coordinates are drawn by WebGL, which a machine without a GPU has in software alone.
    *("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"),
)
_WIDE, _SECONDS = 1200, 60


def require_browser() -> tuple[str, str]:
    """Return the paths of Chromium and of its driver, or skip the tests with a word on it."""
    pytest.importorskip("selenium", reason="the page's tests need the package selenium")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("the page's tests need Chromium: apt-get install chromium chromium-driver")
    return chromium, driver


@contextmanager
def browser(folder: Path) -> Iterator[Any]:
    """Yield a driver of a fresh Chromium that downloads into `folder / "downloads"`."""
    chromium, driver_path = require_browser()
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*_FLAGS, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(flag)
    downloads = folder / "downloads"
    downloads.mkdir()
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, Service(driver_path))
    try:
        yield driver
    finally:
        driver.quit()


class Page:
    """A page as its reader sees it.

    Args:
        driver: Selenium's driver of the browser.
        url: Where it is.
        ready: Function that is true once the page is whole.
    """

    def __init__(self, driver: Any, url: str, ready: Callable[[Page], Any]) -> None:
        from selenium.webdriver.support.ui import WebDriverWait

        self.driver, self._url, self._ready = driver, url, ready
        self._wait = WebDriverWait(driver, _SECONDS)

    def open(self, width: int = _WIDE) -> None:
        """Open it anew in a window of a width in pixels, and wait until it is whole."""
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.driver.get(self._url)
        self.wait(lambda: self._ready(self))

    def wait(self, condition: Callable[[], Any]) -> Any:
        """Wait until a condition holds."""
        return self._wait.until(lambda _: condition())

    def find(self, selector: str) -> Any:
        """Return the element that a CSS selector finds."""
        return self.driver.find_element("css selector", selector)

    def text(self, selector: str) -> str:
        """Return the text of an element."""
        text: str = self.find(selector).text
        return text

    def texts(self, selector: str) -> list[str]:
        """Return the texts of the elements that are shown."""
        return [found.text for found in self.driver.find_elements("css selector", selector)]

    def count(self, selector: str) -> int:
        """Return how many elements a CSS selector finds."""
        return len(self.driver.find_elements("css selector", selector))

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

    def require_harmless(self, expected_problem: str = "no problem") -> None:
        """Fail where the console has an error, or another host was asked for anything."""
        # Software that draws in place of a GPU says that it is slow.
        problems = [
            each for each in self.driver.get_log("browser") if each["source"] != "rendering"
        ]
        assert [each for each in problems if expected_problem not in each["message"]] == []
        assert self._requested_hosts() <= {urlsplit(self._url).netloc}

    def _requested_hosts(self) -> set[str]:
        """Return the hosts that were asked for anything since the last call."""
        entries = self.driver.get_log("performance")
        messages = [json.loads(entry["message"])["message"] for entry in entries]
        urls = [
            urlsplit(message["params"]["request"]["url"])
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]
        return {url.netloc for url in urls if url.scheme in {"http", "https", "ws", "wss"}}


@contextmanager
def opened_file(path: Path, folder: Path) -> Iterator[Page]:
    """Yield one of our pages from its file, fully drawn, in a browser that uses an empty folder."""
    with browser(folder) as driver:
        yield Page(
            driver,
            path.as_uri(),
            lambda page: page.count(".chart") == page.count(".chart[data-drawn]"),
        )
