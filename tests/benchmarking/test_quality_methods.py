"""The methods of the quality benchmark learn from the same rows, and none sees the test set."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec

import pytest
from benchmark_material import WORDS, write_rows

from benchmarks import quality_fixed, quality_seed
from benchmarks.quality_cell import METHODS, measure
from benchmarks.quality_fasttext import one_line
from benchmarks.quality_rows import Material, Task, load_material

TASK = Task(classes=2, seed=1, quick=True)
needs_fasttext = pytest.mark.skipif(find_spec("fasttext") is None, reason="fasttext is missing")
word_methods = pytest.mark.parametrize(
    "method",
    [pytest.param(name, marks=needs_fasttext if name == "fasttext" else ()) for name in WORDS],
)


class Guarded(list):
    """Texts of which some may not be read."""

    def __init__(self, texts, forbidden):
        super().__init__(texts)
        self._forbidden = {int(number) for number in forbidden}

    def __getitem__(self, number):
        assert int(number) not in self._forbidden, f"row {number} is of the test set"
        return super().__getitem__(number)


@pytest.fixture(scope="module")
def rows_file(tmp_path_factory):
    return write_rows(tmp_path_factory.mktemp("quality") / "rows.csv")


@pytest.fixture(scope="module")
def material(rows_file):
    return load_material("distinct", rows_file, 1)


class TestRows:
    """All methods share one split."""

    def test_duplicates_are_left_in_where_the_protocol_leaks(self, rows_file, material):
        leaky = load_material("leaky", rows_file, 1)
        assert len(leaky.texts) == 400
        assert len(material.texts) < 400
        assert leaky.classes == material.classes
        parts = [len(leaky.rows(part).texts) for part in ("train", "validation", "test")]
        assert sum(parts) == 400
        assert parts == pytest.approx([280, 60, 60], abs=1)

    def test_rows_of_two_parts_come_in_the_order_of_the_file(self, material):
        both = material.rows("train", "validation")
        numbers = sorted([*material.split.train, *material.split.validation])
        assert both.texts == [material.texts[number] for number in numbers]
        assert (both.labels == material.labels[numbers]).all()


class TestBaselines:
    """Simple methods learn what words tell, and see no more than they may."""

    @word_methods
    def test_no_row_of_test_is_read_before_it_is_asked_for(self, material, method):
        labels = material.labels.copy()
        labels[material.split.test] = -1
        texts = Guarded(material.texts, material.split.test)
        guarded = Material(texts, labels, material.classes, material.split)
        task = replace(TASK, classes=len(material.classes))
        found = measure(METHODS[method], guarded, task, None)
        assert set(found["scores"]) == {"validation"}
        with pytest.raises(AssertionError, match="is of the test set"):
            measure(METHODS[method], guarded, task, found["choice"])

    @word_methods
    def test_a_method_learns_repeats_and_its_choice_survives_as_json(self, material, method):
        task = replace(TASK, classes=len(material.classes))
        chosen = measure(METHODS[method], material, task, None)
        choice = json.loads(json.dumps(chosen["choice"]))
        tested, again = (measure(METHODS[method], material, task, choice) for _ in range(2))
        assert set(tested["scores"]) == {"test"}
        assert tested["scores"] == again["scores"]
        assert tested["choice"] == choice
        assert tested["scores"]["test"]["accuracy"] > (0.6 if method != "majority" else 0.2)
        assert tested["rows_per_second"] > 0
        assert tested["megabytes"] > 0

    def test_fasttext_reads_a_text_as_one_line(self):
        assert one_line('A "Red"\nbook,\tNew! __label__3') == (
            'a " red " book , new ! _ _ label _ _ 3'
        )

    def test_stop_words_are_dropped_as_they_stand(self):
        texts = ["The cup is for the tea, with, \n milk"]
        assert quality_seed.without_stop_words(texts) == ["The cup tea, with, milk"]

    @pytest.mark.slow
    # Keras's own, when it reads a variable to save it.
    @pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
    @pytest.mark.parametrize("method", ["seed", "single"])
    def test_networks_are_trained_and_deployed(self, material, method, monkeypatch):
        for module in (quality_fixed, quality_seed):
            monkeypatch.setattr(module, "_EPOCHS", 3)
        task = replace(TASK, classes=len(material.classes))
        chosen = measure(METHODS[method], material, task, None)
        tested = measure(METHODS[method], material, task, chosen["choice"])
        for found, part in ((chosen, "validation"), (tested, "test")):
            assert found["scores"][part]["accuracy"] > 0.2
        assert tested["megabytes"] > 1
