"""What the quality benchmark shows of several splits: a table, and a plot."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from benchmark_material import cells_of

from benchmarks import quality, quality_plot
from benchmarks.quality_table import Figures, paired_points, quality_table, relative_error, spread
from ecomcat.errors import UserError

needs_matplotlib = pytest.mark.skipif(find_spec("matplotlib") is None, reason="no matplotlib")


def figures(accuracy: float, f1: float = 0.5, cpu: float = 1.0) -> Figures:
    return Figures(accuracy, f1, cpu, rows_per_second=1000.0, megabytes=2.5)


class TestTable:
    """What the figures of several splits come to."""

    def test_a_spread_is_the_mean_and_the_deviation_of_a_sample(self):
        assert spread([0.9]) == "0.9000"
        assert spread([0.9, 0.92, 0.94]) == "0.9200 ± 0.0200"
        assert spread([1.0, -2.0], 2, signed=True) == "-0.50 ± 2.12"

    def test_errors_compare_as_the_ratio_of_their_means(self):
        reference = {1: figures(0.9), 2: figures(0.7)}
        assert relative_error({1: figures(0.95), 2: figures(0.95)}, reference) == pytest.approx(
            0.25
        )

    def test_only_splits_that_both_have_are_compared(self):
        reference = {1: figures(0.9), 2: figures(0.5)}
        assert relative_error({1: figures(0.8), 3: figures(0.1)}, reference) == pytest.approx(2)
        assert paired_points({1: figures(0.8), 3: figures(0.1)}, reference) == pytest.approx([-10])

    @pytest.mark.parametrize("reference", [{}, {1: figures(1.0)}])
    def test_without_errors_to_compare_with_there_is_no_ratio(self, reference):
        assert relative_error({1: figures(0.8)}, reference) is None

    def test_differences_are_paired_by_split(self):
        ours = {1: figures(0.91), 2: figures(0.83)}
        theirs = {2: figures(0.8), 1: figures(0.9)}
        assert paired_points(ours, theirs) == pytest.approx([1, 3])

    def test_a_row_a_method(self):
        found = {
            "linear_svc": {1: figures(0.9, 0.8, 3.0), 2: figures(0.8, 0.8, 5.0)},
            "single": {1: figures(0.92, 0.9, 1000.0), 2: figures(0.84, 0.9, 3000.0)},
            "fasttext": {},
        }
        svc, single = map(cells_of, quality_table(found).splitlines()[2:])
        assert svc[:4] == ["TF-IDF + LinearSVC", "2", "0.8500 ± 0.0707", "0.8000 ± 0.0000"]
        assert svc[4:] == ["1.00", "", "4.0", "1,000", "2.5"]
        assert single[:3] == ["ecomcat, single", "2", "0.8800 ± 0.0566"]
        assert single[4:] == ["0.80", "+3.00 ± 1.41", "2,000.0", "1,000", "2.5"]

    def test_without_linear_svc_nothing_is_compared_with_it(self):
        (line,) = quality_table({"single": {1: figures(0.9)}}).splitlines()[2:]
        assert cells_of(line)[4:6] == ["", ""]

    def test_leaky_figures_are_marked(self):
        found = {"validation": {"linear_svc": {1: figures(0.9)}}}
        assert "NOT AN HONEST FIGURE" in quality.tables(found, leaky=True).splitlines()[0]
        assert "HONEST" not in quality.tables(found, leaky=False)


@needs_matplotlib
class TestPlot:
    """A small picture."""

    @pytest.mark.parametrize("warning", ["", "duplicates left in"])
    def test_a_png_is_drawn(self, tmp_path, warning):
        found = {
            method: {split: figures(0.9 + 0.01 * split) for split in (1, 2)}
            for method in quality.METHODS
        }
        path = tmp_path / "folder" / "errors.png"
        quality_plot.draw_errors(found, "test", path, warning)
        content = path.read_bytes()
        assert content.startswith(b"\x89PNG")
        assert len(content) < 60_000

    def test_methods_without_figures_are_left_out(self, tmp_path):
        found = {"single": {1: figures(0.9)}, "seed": {}, "majority": {1: figures(0.2)}}
        quality_plot.draw_errors(found, "validation", tmp_path / "errors.png")
        assert (tmp_path / "errors.png").exists()

    def test_without_matplotlib_nothing_begins(self, monkeypatch):
        monkeypatch.setattr(quality_plot, "find_spec", lambda name: None)
        with pytest.raises(UserError, match=r"--plot.*\[benchmarks\]"):
            quality_plot.require_matplotlib()
