"""Paths and column names reach the program as they stand on the command line."""

from __future__ import annotations

import re

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from ecomcat.cli import quote_overrides
from ecomcat.config import AuditCommand, PredictCommand, SearchCommand

# What Hydra's grammar gives a meaning to is drawn more often than chance would have it.
characters = st.sampled_from(" '\"\\${}[](),=:;#~@+-.%*|?/é日") | st.characters(
    exclude_categories=["Cs"], exclude_characters="\0\n"
)
texts = st.text(characters, max_size=20)


def composed(argument: str, schema: type = SearchCommand) -> object:
    """Return what Hydra's parser and OmegaConf make of an argument after it is quoted."""
    (quoted,) = quote_overrides([argument])
    override = OverridesParser.create().parse_override(quoted)
    config = OmegaConf.structured(schema)
    OmegaConf.update(config, override.key_or_group, override.value())
    value = OmegaConf.select(config, override.key_or_group)
    return OmegaConf.to_object(value) if OmegaConf.is_config(value) else value


def is_plain(text: str) -> bool:
    """Tell whether a text is no form of its own: not null, not missing, not in quotes."""
    quoted = len(text) >= 2 and text[0] == text[-1] and text[0] in "'\""
    return not quoted and text not in {"null", "???"}


@pytest.mark.parametrize(
    "path",
    [
        "data.csv",
        "",
        " ",
        "my data.csv",
        " leading and trailing ",
        "archive (1).zip",
        "a,b=c.csv",
        "choice(a,b)",
        "key=value",
        "[x]",
        "[x].csv",
        "{a}",
        "{a: 1}",
        "it's.csv",
        "'half quoted",
        'half quoted"',
        "'",
        '"',
        'say "hello".csv',
        r"C:\data\new.csv",
        "C:\\data\\",
        "\\",
        r"\'",
        r"\\'",
        "${oc.env:HOME}/data.csv",
        r"\${x}",
        r"\\${x}",
        "$HOME",
        "${",
        "100%.csv",
        "~/data.csv",
        "données été.csv",
        "商品/データ.csv",
        "🛒.csv",
        "true",
        "1",
        "1e3",
        "inf",
        "NULL",
        "# no comment",
        "a\tb.csv",
        "a\rb.csv",
    ],
)
def test_a_path_comes_through_as_it_is_written(path):
    assert composed(f"data.path={path}") == path


@pytest.mark.parametrize(
    "key", ["data.url", "data.member", "data.delimiter", "data.exclude", "search.name"]
)
@pytest.mark.parametrize("value", ["a (1),b=c", ";", ",", "|", "${x}"])
def test_every_key_of_a_path_or_a_name_is_quoted(key, value):
    assert composed(f"{key}={value}") == value


@pytest.mark.parametrize("key", ["input", "output", "model_dir"])
def test_the_paths_of_the_other_commands_are_quoted(key):
    assert composed(f"{key}=a (1),b=c.csv", PredictCommand) == "a (1),b=c.csv"


@pytest.mark.parametrize("key", ["against", "output_dir", "data.path"])
def test_the_paths_of_an_audit_are_quoted(key):
    assert composed(f"{key}=a (1),b=c.csv", AuditCommand) == "a (1),b=c.csv"


def test_standard_input_and_output_keep_their_sign():
    assert composed("input=-", PredictCommand) == "-"


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("data.path='a (1).csv'", "a (1).csv"),
        ('data.path="a, b.csv"', "a, b.csv"),
        (r"data.path='it\'s.csv'", "it's.csv"),
        ("data.path=''", ""),
        ("data.path='null'", "null"),
        ("data.path=null", None),
        ("+data.path=a (1).csv", "a (1).csv"),
        ("++data.path=a (1).csv", "a (1).csv"),
        ("data.label_column='3'", "3"),
        ("data.label_column=null", None),
    ],
)
def test_what_the_user_quoted_and_null_stay_as_they_are(argument, value):
    assert composed(argument) == value


@pytest.mark.parametrize(
    ("value", "column"),
    [
        ("0", 0),
        ("12", 12),
        ("-1", -1),
        ("product name", "product name"),
        ("price (EUR), net", "price (EUR), net"),
        ("true", "true"),
        ("1.5", "1.5"),
        ("007", "007"),
        ("٣", "٣"),
        ("3rd", "3rd"),
        ("a=b", "a=b"),
        ("[x", "[x"),
        ("x]", "x]"),
    ],
)
@pytest.mark.parametrize("key", ["data.text_column", "data.label_column"])
def test_a_column_is_a_name_unless_it_is_a_whole_number(key, value, column):
    assert composed(f"{key}={value}") == column


@pytest.mark.parametrize(
    ("value", "columns"),
    [
        ("[]", []),
        ("[title]", ["title"]),
        ("[title,description]", ["title", "description"]),
        ("[ title , description ]", ["title", "description"]),
        ("[product name,price (EUR)]", ["product name", "price (EUR)"]),
        ("[0,2]", [0, 2]),
        ("[title,2]", ["title", 2]),
        ("['a, b',c]", ["a, b", "c"]),
        ('["a, b", c]', ["a, b", "c"]),
        (r"['it\'s, really',c]", ["it's, really", "c"]),
        ("[it's,c]", ["it's", "c"]),
        ("[a=b,${c},d\\]", ["a=b", "${c}", "d\\"]),
        ("[a]b,c]", ["a]b", "c"]),
        ("[Größe,商品]", ["Größe", "商品"]),
    ],
)
def test_a_list_of_columns_is_quoted_column_by_column(value, columns):
    assert composed(f"data.text_column={value}") == columns


@pytest.mark.parametrize(
    "argument",
    [
        "--help",
        "--cfg",
        "data=csv",
        "data.path",
        "~data.path",
        "seed=1",
        "model.lstm_units=[32,64]",
        "model.learning_rate=3e-4..1e-2 log",
        "model.extra.path=a (1)",
        "data.encoding=utf-8",
        "hydra.run.dir=${oc.env:HOME}",
        "datapath=a (1)",
    ],
)
def test_every_other_argument_stays_as_it_is(argument):
    assert quote_overrides([argument]) == [argument]


def test_arguments_keep_their_order():
    assert quote_overrides(["data=csv", "data.path=a b", "seed=1"]) == [
        "data=csv",
        "data.path='a b'",
        "seed=1",
    ]


@settings(deadline=None)
@given(path=texts)
@example(path="\\\\'\\${'")
def test_any_path_comes_through(path):
    assume(is_plain(path))
    assert composed(f"data.path={path}") == path


@settings(deadline=None)
@given(name=texts)
@example(name="٣")
def test_any_name_of_a_column_comes_through(name):
    assume(is_plain(name))
    assume(not re.fullmatch(r"[+-]?[0-9]+", name))
    assume(not (name.startswith("[") and name.endswith("]")))
    assert composed(f"data.label_column={name}") == name


@settings(deadline=None)
@given(names=st.lists(texts, max_size=4))
def test_any_list_of_names_without_commas_and_quotes_comes_through(names):
    names = [re.sub(r"[,'\"]", "", name).strip() for name in names]
    assume(all(names) and all(map(is_plain, names)))
    assume(not any(re.fullmatch(r"[+-]?[0-9]+", name) for name in names))
    assert composed(f"data.text_column=[{','.join(names)}]") == names
