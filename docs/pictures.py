"""Draw the README's pictures from a finished study and an audit.

    python docs/pictures.py outputs/search/<study> outputs/audit/<data>/audit.html

Needs the `dev` extra, and Debian's `chromium` and `chromium-driver` (or their like) on the PATH.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

IMAGES = Path(__file__).parent / "images"
_FLAGS = (
    *("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
    *("--no-first-run", "--hide-scrollbars", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)


@contextmanager
def chromium() -> Iterator[webdriver.Chrome]:
    """Yield a fresh headless browser."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or "chromium"
    with tempfile.TemporaryDirectory() as profile:
        for flag in (*_FLAGS, "--headless=new", f"--user-data-dir={profile}"):
            options.add_argument(flag)
        browser = webdriver.Chrome(options, Service(shutil.which("chromedriver") or ""))
        try:
            yield browser
        finally:
            browser.quit()


def set_size(browser: webdriver.Chrome, width: int, height: int) -> None:
    """Make the window's inside so many pixels wide and high."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def shoot_page(browser: webdriver.Chrome, page: Path, height: int, picture: Path) -> None:
    """Take a picture of the beginning of one of our own pages.

    Args:
        browser: The browser that opens it.
        page: An HTML file.
        height: Integer. Pixels of the page's beginning.
        picture: The PNG file to write.
    """
    set_size(browser, 1200, height)
    browser.get(page.resolve().as_uri())
    WebDriverWait(browser, 60).until(
        lambda _: not browser.find_elements(By.CSS_SELECTOR, ".chart:not([data-drawn])")
    )
    picture.write_bytes(browser.get_screenshot_as_png())


def shoot_tensorboard(
    browser: webdriver.Chrome, address: str, tab: str, picture: Path, size: tuple[int, int]
) -> None:
    """Take a picture of one of TensorBoard's tabs, its curves as they are.

    Args:
        browser: that opens it.
        address: of TensorBoard.
        tab: its name in the address, such as `"scalars"`.
        picture: a PNG file to write.
        size: width and height in pixels.
    """
    set_size(browser, *size)
    browser.get(address)
    browser.execute_script("localStorage.setItem('_ignoreYOutliers', 'false')")
    browser.get("about:blank")
    browser.get(f"{address}/#{tab}&_smoothingWeight=0")
    time.sleep(15)  # until it is drawn, which it does not say
    picture.write_bytes(browser.get_screenshot_as_png())


@contextmanager
def tensorboard(logdir: Path) -> Iterator[str]:
    """Serve a folder with TensorBoard on this machine alone; yield its address."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    # A relative folder keeps this machine's paths out of the picture.
    command = [sys.executable, "-W", "ignore", "-m", "tensorboard.main", "--logdir", logdir.name]
    options = ["--port", port, "--host", "127.0.0.1", "--load_fast=false"]
    process = subprocess.Popen([*command, *options], cwd=logdir.parent, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            time.sleep(0.5)
            try:
                urllib.request.urlopen(f"{address}/data/runs", timeout=5).close()
                break
            except OSError:
                continue
        time.sleep(10)  # until all runs are read
        yield address
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    """Draw all pictures of the study and the audit named on the command line."""
    study, audit = (Path(argument).resolve() for argument in sys.argv[1:3])
    IMAGES.mkdir(exist_ok=True)
    report = study / "report.html"
    with chromium() as browser:
        shoot_page(browser, report, 1330, IMAGES / "report.png")
        shoot_page(browser, audit, 1000, IMAGES / "audit.png")
        with tensorboard(study / "tensorboard" / "final") as address:
            for tab, name, height in (("scalars", "curves", 900), ("images", "confusion", 680)):
                picture = IMAGES / f"{name}.png"
                shoot_tensorboard(browser, address, tab, picture, (1000, height))
        with tensorboard(study / "tensorboard") as address:
            picture = IMAGES / "hparams.png"
            shoot_tensorboard(browser, address, "hparams", picture, (1700, 620))


if __name__ == "__main__":
    main()
