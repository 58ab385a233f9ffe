"""Take the README's picture of the service's page, with a model that answers.

    python docs/page_picture.py model

Needs the `serve` and `dev` extras, and Debian's `chromium` and `chromium-driver` (or their like).
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

PICTURE = Path(__file__).parent / "images" / "page.png"
_SIZE = (1120, 700)  # pixels
_TEXT = (
    "Solid oak bookshelf with five shelves and a drawer, 180 x 80 x 30 cm. Oiled by hand, easy to "
    "mount, with anti-tip fittings for the wall. For books, plants and a lamp in the living room."
)


@contextmanager
def served(model: Path) -> Iterator[str]:
    """Serve a model on this machine alone for the block; yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "ecomcat.serve", f"model_dir={model}", f"port={port}"]
    address = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command) as process:
        try:
            while process.poll() is None:
                try:
                    urllib.request.urlopen(f"{address}/health", timeout=5).close()
                    break
                except OSError:
                    time.sleep(0.2)
            yield address
        finally:
            process.terminate()


def shoot(address: str, picture: Path) -> None:
    """Ask the page for a text's category, and take its picture."""
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(flag)
    with tempfile.TemporaryDirectory() as profile:
        options.add_argument(f"--user-data-dir={profile}")
        browser = webdriver.Chrome(options, Service("/usr/bin/chromedriver"))
        try:
            width, height = _SIZE
            size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
            browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            browser.get(address)
            browser.find_element(By.ID, "text").send_keys(_TEXT)
            browser.find_element(By.ID, "ask-button").click()
            WebDriverWait(browser, 30).until(
                lambda page: page.find_element(By.ID, "marked").is_displayed()
            )
            browser.save_screenshot(str(picture))
        finally:
            browser.quit()


if __name__ == "__main__":
    with served(Path(sys.argv[1])) as page:
        shoot(page, PICTURE)
