"""A value of the command line needs no quotes of Hydra's, and is of the kind that its key holds."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from ecomcat.cli import compose
from ecomcat.errors import UserError

# What Hydra's grammar gives a meaning to is drawn more often than chance would have it.
characters = st.sampled_from(" '\"\\${}[](),=:;#~@+-.%*|?/é日") | st.characters(
    exclude_categories=["Cs"], exclude_characters="\0\n"
)
texts = st.text(characters, max_size=20)


def is_plain(text: str) -> bool:
    """Tell whether a text is no form of its own: not null, not missing, not in quotes."""
    quoted = len(text) >= 2 and text[0] == text[-1] and text[0] in "'\""
    return not quoted and text not in {"null", "???"}


def value_of(command: str, override: str) -> Any:
    """Return what a configuration holds under the key of its one override."""
    found: Any = compose(command, [override])
    for name in override.partition("=")[0].lstrip("+").split("."):
        found = found[name] if isinstance(found, dict) else getattr(found, name)
    return found


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("model.lstm_units=64", 64),
        ("model.lstm_units=[32,64]", [32, 64]),
        ("model.lstm_units=16..256 step 16", "16..256 step 16"),
        ("model.learning_rate=3e-4..1e-2 log", "3e-4..1e-2 log"),
        ("model.pooling=[last,max+mean]", ["last", "max+mean"]),
        ("model.bidirectional=[true,false]", [True, False]),
        ("model.batch_size=[auto,32]", ["auto", 32]),
        ("model.extra.x=[1,2]", [1, 2]),
        ("+model.extra.x=1..5", "1..5"),
        ("++model.extra.x=gelu", "gelu"),
        ("data.path='a (1).csv'", "a (1).csv"),
        (r"data.path='it\'s.csv'", "it's.csv"),
        ("data.path='null'", "null"),
        ("data.path=null", None),
        ("+data.path=a (1).csv", "a (1).csv"),
        ("search.name=2024", "2024"),
        ("data.label_column='3'", "3"),
        ("data.label_column=null", None),
        ("data.label_column=12", 12),
        ("data.label_column=-1", -1),
        ("data.label_column=007", "007"),
        ("data.label_column=1.5", "1.5"),
        ("data.label_column=true", "true"),
        ("data.label_column=[x", "[x"),
        ("data.text_column=[]", []),
        ("data.text_column=[ title , price (EUR)]", ["title", "price (EUR)"]),
        ("data.text_column=[title,2]", ["title", 2]),
        ("data.text_column=['a, b',c]", ["a, b", "c"]),
        (r"data.text_column=['it\'s, really',c]", ["it's, really", "c"]),
        ("data.text_column=[it's,c]", ["it's", "c"]),
        ("data.text_column=[a=b,${c},d\\]", ["a=b", "${c}", "d\\"]),
    ],
)
def test_values_need_no_quotes_but_the_shells(override: str, value: object) -> None:
    assert value_of("search", override) == value


@pytest.mark.parametrize(
    ("command", "key"),
    [
        *(("search", f"data.{key}") for key in ("path", "member", "delimiter", "exclude")),
        *(("search", key) for key in ("search.name", "search.from_trial", "outputs_dir")),
        *(("predict", "output"), ("audit", "against"), ("report", "search.name")),
    ],
)
def test_a_text_is_read_as_it_stands(command: str, key: str) -> None:
    for text in (r"a (1),b=c\é${x}.csv", ";", "choice(a,b)", "true", "-", "{a: 1}", "'half"):
        assert value_of(command, f"{key}={text}") == text


@settings(deadline=None, max_examples=30)
@given(path=texts)
@example(path="\\\\'\\${'")
def test_any_path_comes_through(path: str) -> None:
    assume(is_plain(path))
    assert value_of("predict", f"input={path}") == path


@settings(deadline=None, max_examples=30)
@given(names=st.lists(texts, min_size=1, max_size=4))
@example(names=["٣"])
def test_any_names_of_columns_come_through(names: list[str]) -> None:
    names = [re.sub(r"[,'\"]", "", name).strip() for name in names]
    assume(all(names) and all(map(is_plain, names)))
    assume(not any(re.fullmatch(r"[+-]?[0-9]+", name) for name in names))
    assert value_of("predict", f"data.text_column=[{','.join(names)}]") == names


@pytest.mark.parametrize(
    ("command", "override", "value"),
    [
        *(("search", f"final.onnx={word}", True) for word in ("true", "Yes", "on", "1")),
        *(("search", f"final.onnx={word}", False) for word in ("false", "no", "off", "0")),
        ("search", "search.max_minutes=5", 5.0),
        ("search", "seed=${data.sample_seed}", 1),
        ("search", "model.extra={a: {b: [1]}, c: x}", {"a": {"b": [1]}, "c": "x"}),
        ("serve", "allowed_hosts=[a.example.com,'*']", ["a.example.com", "*"]),
    ],
)
def test_a_value_becomes_one_of_the_kind_of_its_key(
    command: str, override: str, value: object
) -> None:
    assert value_of(command, override) == value


ANY_VALUE = "a value, a list such as [32,64] or a range such as 0.1..0.5"


@pytest.mark.parametrize(
    ("key", "values", "expected"),
    [
        ("seed", ("abc", "1.5", "true", "null", "", "???", "1,2"), "a whole number from 0 to"),
        ("search.max_minutes", ("abc", "true", "[1]", "1,5", "1 2"), "a number above 0"),
        ("search.stop_early", ("2", "-1", "1.0", "perhaps", "null", "[true]"), "true or false"),
        ("search.fidelity", ("null", "???"), "one of auto, rows, epochs"),
        ("data.path", ("???",), "a text"),
        ("search.workers", ("1,2", "null"), "a whole number from 1 or auto"),
        ("model.extra", ("3", "null", "[a]", "{1: 2}"), "a mapping such as {a: 1}"),
        ("data.split_column", ("???",), "a column's name or position, or a list of them"),
        ("search.pruner.warmup_epochs", ("1,2",), "one value"),
        ("model.extra.x", ("choice(1,2)", "[{a: choice(1,2)}]", "a=b"), ANY_VALUE),
        (
            "model.lstm_units",
            ("8,16", "range(8,17,8)", "[choice(8,16)]", "[glob(*)]", "tag(a,1)", "[1,", "null"),
            ANY_VALUE,
        ),
    ],
)
def test_a_value_of_another_kind_and_a_sweep_are_refused_in_the_same_words(
    key: str, values: tuple[str, ...], expected: str
) -> None:
    for value in values:
        with pytest.raises(UserError) as refused:
            compose("search", [f"{key}={value}"])
        message = str(refused.value)
        assert message.startswith(f"{key}: expected {expected}"), message
        assert message.endswith(f", found {value!r}."), message


@pytest.mark.parametrize("value", ["abc", "3", "null", "[null]", "[[a]]"])
def test_a_list_of_texts_is_no_other_thing(value: str) -> None:
    with pytest.raises(UserError) as refused:
        compose("serve", [f"allowed_hosts={value}"])
    expected = "allowed_hosts: expected a list such as [a,b]"
    assert str(refused.value) == f"{expected}, found {value!r}."
