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


_SHOW_ALONE = """
const shown = document.querySelector(arguments[0]);
document.body.replaceChildren(shown);
document.body.style.padding = "0";
const box = shown.getBoundingClientRect();
return {width: Math.ceil(box.width), height: Math.ceil(box.height)};
"""


def shoot_parts(page: Path, pictures: dict[str, str], folder: Path) -> None:
    """Take pictures of parts of one of our own pages.

    Args:
        page: an HTML file.
        pictures: for each picture's name the selector of the element that it shows, or a number
            of pixels of the page's beginning.
        folder: where they go.
    """
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or "chromium"
    for flag in (*_FLAGS, "--headless=new"):
        options.add_argument(flag)
    with tempfile.TemporaryDirectory() as profile:
        options.add_argument(f"--user-data-dir={profile}")
        browser = webdriver.Chrome(options, Service(shutil.which("chromedriver") or ""))
        try:
            for name, shown in pictures.items():
                height = int(shown) if shown.isdecimal() else 900
                size = {"width": 1200, "height": height, "deviceScaleFactor": 1, "mobile": False}
                browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
                browser.get(page.resolve().as_uri())
                WebDriverWait(browser, 60).until(
                    lambda _: not browser.find_elements(By.CSS_SELECTOR, ".chart:not([data-drawn])")
                )
                if not shown.isdecimal():
                    # The window becomes the element: what is nothing else is hidden.
                    size |= browser.execute_script(_SHOW_ALONE, shown)
                    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
                (folder / name).write_bytes(browser.get_screenshot_as_png())
        finally:
            browser.quit()


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


def shoot(address: str, picture: Path, size: str) -> None:
    """Take a picture of a page in headless Chromium.

    Args:
        address: of the page.
        picture: a PNG file to write.
        size: width and height in pixels, such as `"1400,900"`.
    """
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                *("chromium", "--headless=new", *_FLAGS),
                *(f"--user-data-dir={profile}", f"--window-size={size}"),
                *("--virtual-time-budget=30000", f"--screenshot={picture}", address),
            ],
            check=True,
            stderr=subprocess.DEVNULL,
        )


def main() -> None:
    """Draw all pictures of the study and the audit named on the command line."""
    study, audit = (Path(argument).resolve() for argument in sys.argv[1:3])
    IMAGES.mkdir(exist_ok=True)
    report = {"report.png": "1330", "architecture.png": "figure:last-of-type svg.layers"}
    shoot_parts(study / "report.html", report, IMAGES)
    shoot_parts(audit, {"audit.png": "1200"}, IMAGES)
    with tensorboard(study / "tensorboard" / "final") as address:
        plain = "scalars&_smoothingWeight=0&_ignoreYOutliers=false"
        shoot(f"{address}/#{plain}", IMAGES / "curves.png", "1000,900")
    with tensorboard(study / "tensorboard") as address:
        shoot(f"{address}/#hparams", IMAGES / "hparams.png", "1700,620")


if __name__ == "__main__":
    main()
