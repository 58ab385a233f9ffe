"""Chromium, driven by Selenium, that keeps to itself."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--disable-extensions", "--disable-default-apps"),
)


def require_browser() -> tuple[str, str]:
    """Return the paths of Chromium and of its driver, or skip the tests with a word on it."""
    pytest.importorskip("selenium", reason="the page's tests need the package selenium")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("the page's tests need Chromium: apt-get install chromium chromium-driver")
    return chromium, driver


@contextmanager
def browser(folder: Path, *flags: str) -> Iterator[Any]:
    """Yield a driver of a fresh Chromium that downloads into `folder / "downloads"`."""
    chromium, driver_path = require_browser()
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*_FLAGS, f"--user-data-dir={folder / 'profile'}", *flags):
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


def requested_hosts(driver: Any) -> set[str]:
    """Return the hosts that were asked for anything since the last call."""
    messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    urls = [
        urlsplit(message["params"]["request"]["url"])
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
    return {url.netloc for url in urls if url.scheme in {"http", "https", "ws", "wss"}}


def set_width(driver: Any, width: int, height: int = 900) -> None:
    """Make the window's inside so many pixels wide."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
