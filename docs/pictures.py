"""Draw the README's pictures from a finished study.

    python docs/pictures.py outputs/search/<study> model

Needs Debian's `graphviz` and `chromium` (or their like) on the PATH.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

IMAGES = Path(__file__).parent / "images"
_CHROMIUM = (
    *("chromium", "--headless=new", "--no-sandbox", "--use-angle=swiftshader"),
    *("--enable-unsafe-swiftshader", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


def draw_architecture(model_file: Path, picture: Path) -> None:
    """Draw a model's layers; the operations between them become the arrows' labels."""
    import keras

    model = keras.models.load_model(model_file, compile=False)
    lines = ["digraph {", 'rankdir=TB; node [shape=box, style="rounded,filled",']
    lines += ['fillcolor="#eef3fb", color="#5b7db1", fontname="Helvetica", fontsize=12];']
    lines += ['edge [color="#5b7db1", fontname="Helvetica", fontsize=10];']
    for layer in model.layers:
        if isinstance(layer, keras.layers.Layer):
            weights = f"\\n{layer.count_params():,} weights" if layer.count_params() else ""
            shape = " x ".join("tokens" if size is None else str(size) for size in _shape(layer))
            title = f"{layer.name} ({type(layer).__name__})"
            lines.append(f'"{layer.name}" [label="{title}\\n{shape}{weights}"];')
    edges = {
        (source, layer.name, label)
        for layer in model.layers
        if isinstance(layer, keras.layers.Layer)
        for node in layer._inbound_nodes
        for source, label in _sources(node)
    }
    lines += [f'"{a}" -> "{b}" [label="{label}"];' for a, b, label in sorted(edges)]
    source = "\n".join([*lines, "}"])
    subprocess.run(
        ["dot", "-Tpng", "-Gdpi=80", "-o", str(picture)], input=source, text=True, check=True
    )


_LABELS = {"Max": "max over words", "TrueDivide": "mean over words", "Squeeze": "last word"}


def _sources(node: Any, label: str = "") -> Iterator[tuple[str, str]]:
    """Walk back from a layer's call to the layers before it, through plain operations."""
    import keras

    for parent in node.parent_nodes:
        operation = parent.operation
        if isinstance(operation, keras.layers.Layer):
            yield operation.name, label
        elif type(operation).__name__ == "TakeAlongAxis" and not label:
            yield from _sources(parent, "words reversed")
        elif type(operation).__name__ not in {"NotEqual", "ExpandDims", "Cast", "Maximum"}:
            yield from _sources(parent, label or _LABELS.get(type(operation).__name__, ""))


def _shape(layer: Any) -> tuple[int | None, ...]:
    return tuple(layer.output.shape[1:])


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
                *_CHROMIUM,
                *(f"--user-data-dir={profile}", f"--window-size={size}"),
                *("--virtual-time-budget=30000", f"--screenshot={picture}", address),
            ],
            check=True,
            stderr=subprocess.DEVNULL,
        )


def main() -> None:
    """Draw all pictures of the study and the model named on the command line."""
    study, model = (Path(argument).resolve() for argument in sys.argv[1:3])
    IMAGES.mkdir(exist_ok=True)
    draw_architecture(model / "model.keras", IMAGES / "architecture.png")
    with tensorboard(study / "tensorboard" / "final") as address:
        plain = "scalars&_smoothingWeight=0&_ignoreYOutliers=false"
        shoot(f"{address}/#{plain}", IMAGES / "curves.png", "1000,900")
    with tensorboard(study / "tensorboard") as address:
        shoot(f"{address}/#hparams", IMAGES / "hparams.png", "1700,620")


if __name__ == "__main__":
    main()
