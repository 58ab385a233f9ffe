"""Search with Keras Tuner alone, written as its users write it: what ours is compared with.

Every text is padded to one width, trials run one after the other to their last epoch, and the
tuner's own files stand in a folder that goes with the run. It is a cell of `benchmarks.search`.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
from numpy.typing import NDArray

from benchmarks.common import log, run_script
from benchmarks.quality_methods import Rows, load_material
from ecomcat.files import write_json
from ecomcat.process import import_tensorflow

Points = list[tuple[float, float]]  # CPU seconds since the search began, validation macro-F1
WIDTH = 250  # tokens that every text is padded or cut to


def search(setting: dict[str, Any]) -> dict[str, Any]:
    """Search the space of the setting to its end; return a point for each epoch of each trial."""
    import keras

    material = load_material(Path(setting["data"]), 1)
    train, validation = material.rows("train"), material.rows("validation")
    classes = len(material.class_names)
    keras.utils.set_random_seed(setting["seed"])
    vectorize = keras.layers.TextVectorization(
        max_tokens=setting["vocabulary_size"], output_sequence_length=WIDTH
    )
    vectorize.adapt(train.texts)

    def arrays(rows: Rows) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        return np.asarray(vectorize(rows.texts)), np.eye(classes, dtype=np.float32)[rows.label_ids]

    points: Points = []
    began = time.process_time()

    def note(_epoch: int, logs: dict[str, float]) -> None:
        points.append((time.process_time() - began, float(logs["val_macro_f1"])))
        log(f"{points[-1][0]:8.1f} CPU s  {points[-1][1]:.4f}")

    with tempfile.TemporaryDirectory(prefix="plain_keras_tuner_") as folder:
        tuner = _new_tuner(setting, classes, folder)
        tuner.search(
            *arrays(train),
            validation_data=arrays(validation),
            epochs=setting["epochs"],
            batch_size=setting["batch_size"],
            verbose=0,
            callbacks=[_callback(note)],
        )
    seconds = time.process_time() - began
    return {"points": points, "epochs": len(points), "cpu_seconds": seconds}


def _callback(note: Any) -> Any:
    import keras

    class Shared(keras.callbacks.LambdaCallback):
        """Keras Tuner copies callbacks for each trial; this one stays the same."""

        def __deepcopy__(self, _memory: dict[int, Any]) -> Any:
            return self

    return Shared(on_epoch_end=note)


def _new_tuner(setting: dict[str, Any], classes: int, folder: str) -> keras_tuner.Tuner:
    def build(hp: keras_tuner.HyperParameters) -> Any:
        return _network(hp, setting, classes)

    common: dict[str, Any] = {
        "objective": keras_tuner.Objective("val_macro_f1", "max"),
        "seed": setting["seed"],
        "directory": folder,
    }
    if setting["algorithm"] == "random":
        return keras_tuner.RandomSearch(build, max_trials=setting["trials"], **common)
    return keras_tuner.Hyperband(
        build, max_epochs=setting["epochs"], hyperband_iterations=2, **common
    )


def _network(hp: keras_tuner.HyperParameters, setting: dict[str, Any], classes: int) -> Any:
    import keras

    space = setting["space"]
    model = keras.Sequential(
        [
            keras.Input((WIDTH,), dtype="int32"),
            keras.layers.Embedding(
                setting["vocabulary_size"], hp.Choice("embedding_dim", space["embedding_dim"])
            ),
            keras.layers.Bidirectional(
                keras.layers.LSTM(hp.Choice("lstm_units", space["lstm_units"]))
            ),
            keras.layers.Dropout(hp.Float("dropout", *space["dropout"])),
            keras.layers.Dense(classes, activation="softmax"),
        ]
    )
    rate = hp.Float("learning_rate", *space["learning_rate"], sampling="log")
    model.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss="categorical_crossentropy",
        metrics=["accuracy", keras.metrics.F1Score(average="macro", name="macro_f1")],
    )
    return model


def main() -> None:
    """Run the cell whose setting is the first argument; the second names its result."""
    import_tensorflow()
    write_json(Path(sys.argv[2]), search(json.loads(sys.argv[1])))


if __name__ == "__main__":
    run_script(main)
