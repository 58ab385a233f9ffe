"""What a stranger's model folder holds is read with care, or refused in a sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Regex, normalizers

from ecomcat.errors import UserError
from ecomcat.export import contents
from ecomcat.export.contents import (
    open_tokenizer,
    read_labels,
    read_metrics,
    read_trained_rows,
    require_answers,
    trained_fields,
    trained_labels,
    trained_letter_groups,
)
from ecomcat.model.taxonomy import Taxonomy
from ecomcat.text.tokenizer import deployed_tokenizer, fit_tokenizer

DEEP = "[" * 100_000
LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{name}: &{name} [*{before}, *{before}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
DOUBLED = normalizers.Replace(Regex("."), "xx")
TOKENIZER = fit_tokenizer(["red shirt", "red shoe"], 100)


def open_acceptance(folder: Path) -> Any:
    return contents.open_acceptance(folder, num_classes=2)


def open_levels(folder: Path) -> Any:
    return contents.open_acceptance(folder, 2, Taxonomy(["a > b", "a > c"], " > "))


def accepting(confidence: str, correct: str, predicted: str, uncertainty: str = "[0.5]") -> str:
    content = f'"confidence": {confidence}, "correct": {correct}, "predicted": {predicted}'
    return f'{{{content}, "uncertainty": {uncertainty}}}'


@pytest.mark.parametrize(
    ("read", "name", "content", "message"),
    [
        (read_labels, "labels.json", '["a"]', "expected different names|found 1"),
        (read_labels, "labels.json", '["a", "b", "a"]', "different names of categories"),
        (read_labels, "labels.json", "[]", "different names"),
        (read_labels, "labels.json", "null", "expected a list, found null"),
        (read_labels, "labels.json", "{}", "expected a list, found an object"),
        (read_labels, "labels.json", '["a", 1]', "expected a text, found a whole number"),
        (read_labels, "labels.json", DEEP, "Expected JSON"),
        (open_acceptance, "acceptance.json", "{}", '"confidence", found none'),
        (open_acceptance, "acceptance.json", accepting("[2]", "[1]", "[0]"), "from 0 to 1"),
        (open_acceptance, "acceptance.json", accepting("[NaN]", "[1]", "[0]"), "from 0 to 1"),
        (open_acceptance, "acceptance.json", accepting("[]", "[1]", "[0]"), "for each text"),
        (open_acceptance, "acceptance.json", accepting("[1]", "[1]", "[2]"), "others"),
        (open_acceptance, "acceptance.json", accepting("[1]", "[1]", "[0]", "[1.4]"), "uncertain"),
        (open_acceptance, "acceptance.json", accepting("[1]", "[1]", "[0]", "[]"), "uncertain"),
        (open_acceptance, "acceptance.json", accepting("[1]", "[2]", "[0]"), "others"),
        (open_acceptance, "acceptance.json", accepting('"1"', "[1]", "[0]"), "a list under"),
        (open_acceptance, "acceptance.json", accepting(f"[1{'0' * 400}]", "[1]", "[0]"), "1"),
        (open_levels, "acceptance.json", accepting("[1]", "[1]", "[0]"), "and level"),
        (
            open_acceptance,
            "acceptance.json",
            accepting("[]", "[]", '[], "levels": {"confidence": [[]], "correct": [[]]}'),
            "and level",
        ),
        (read_metrics, "metrics.json", "null", "expected an object, found null"),
        (read_metrics, "metrics.json", "[]", "expected an object, found a list"),
        (read_metrics, "metrics.json", DEEP, "Expected JSON"),
        (read_metrics, "metrics.json", '{"data": null}', 'under "data", found null'),
        (read_metrics, "metrics.json", '{"data": {"source": 5}}', 'under "source", found a whole'),
        (read_metrics, "metrics.json", '{"test": {"accuracy": "x"}}', 'under "accuracy", found a'),
        (read_metrics, "metrics.json", '{"versions": {"python": 3}}', "expected a text under"),
        (open_tokenizer, "tokenizer.json", "{}", "Expected a tokenizer"),
        (open_tokenizer, "tokenizer.json", DEEP, "Expected a tokenizer"),
        (open_tokenizer, "tokenizer.json", TOKENIZER.to_str(), "with a limit of tokens"),
        (read_trained_rows, "trained_rows.npy", "", "Expected digests"),
        (read_trained_rows, "trained_rows.npy", "garbage", "Expected digests"),
    ],
)
def test_a_forged_file_is_named(
    tmp_path: Path, read: Callable[[Path], Any], name: str, content: str, message: str
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=message) as refused:
        read(tmp_path)
    assert str(tmp_path / name) in str(refused.value)
    assert "copy the whole folder again" in str(refused.value)


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        (lambda one: one.enable_padding(length=10**8), "padding"),
        (lambda one: one.enable_truncation(8, stride=7), "stride"),
        (lambda one: setattr(one, "normalizer", normalizers.Prepend("x")), "normalizer"),
        (
            lambda one: setattr(one, "normalizer", normalizers.Sequence([DOUBLED] * 24)),
            "normalizer",
        ),
    ],
)
def test_a_tokenizer_that_makes_texts_longer_is_refused(
    tmp_path: Path, edit: Callable[[Any], Any], found: str
) -> None:
    tokenizer = deployed_tokenizer(TOKENIZER, 100, 16)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert open_tokenizer(tmp_path).to_str() == tokenizer.to_str()
    edit(tokenizer)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(UserError, match=f"of our own steps.*{found}"):
        open_tokenizer(tmp_path)


@pytest.mark.parametrize(
    ("read", "name", "content", "expected"),
    [
        (read_labels, "labels.json", '["\\ud800", "b"]', ["?", "b"]),
        (read_metrics, "metrics.json", '{"versions": {"\\ud800": "a"}}', {"versions": {"?": "a"}}),
        (
            read_metrics,
            "metrics.json",
            '{"test": {"coverage": {"a": ["\\udfff"]}}}',
            {"test": {"coverage": {"a": ["?"]}}},
        ),
        (
            read_metrics,
            "metrics.json",
            '{"data": {"source": "b\\udcfc"}}',
            {"data": {"source": "b?"}},
        ),
    ],
)
def test_what_is_read_can_be_written(
    tmp_path: Path, read: Callable[[Path], Any], name: str, content: str, expected: Any
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert read(tmp_path) == expected


@pytest.mark.parametrize("rows", [np.zeros(3), np.zeros((2, 2), ">u8"), np.array([b"x"])])
def test_rows_of_another_shape_are_refused(tmp_path: Path, rows: Any) -> None:
    np.save(tmp_path / "trained_rows.npy", rows, allow_pickle=False)
    with pytest.raises(UserError, match="digests of 64 bits"):
        read_trained_rows(tmp_path)


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        ("trained_on: {text_columns: [title, '1', 2]}", ("title", "1", 2)),
        ("trained_on: {text_columns: 3}", ()),
        ("a: [", ()),
        ('trained_on: {text_columns: ["\\ud800"]}', ("?",)),
        ("trained_on: {text_columns: ['${oc.env:HOME}']}", ("${oc.env:HOME}",)),
        (f"{LAUGHS}trained_on: {{text_columns: *i}}", ()),
        ("trained_on: {text_columns: [[a], {b: c}]}", ()),
        ("trained_on: !!python/object/apply:os.getcwd []", ()),
        (f"trained_on: {DEEP[:20_000]}", ()),
        ("", ()),
    ],
)
def test_a_configuration_of_aliases_and_interpolations_is_not_expanded(
    tmp_path: Path, content: str, columns: tuple[Any, ...]
) -> None:
    (tmp_path / "config.yaml").write_text(content, encoding="utf-8")
    assert trained_fields(tmp_path).texts == columns


@pytest.mark.parametrize(
    ("content", "columns"), [("[kind, 1]", ("kind", 1)), ("kind", ()), ("[[kind]]", ()), ("", ())]
)
def test_columns_of_labels_are_names_or_positions(
    tmp_path: Path, content: str, columns: tuple[Any, ...]
) -> None:
    text = f"trained_on: {{label_columns: {content}}}"
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    assert trained_labels(tmp_path) == columns


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda texts: np.full((len(texts), 3), 1 / 3), "gives 2 probabilities.*found 3"),
        (lambda texts: np.full((len(texts), 2), np.nan), "do not add up to 1"),
        (lambda texts: np.full((len(texts), 2), 0.4), "do not add up to 1"),
        (lambda texts: np.full((1, 2), 0.5), "found 2, or"),
        (lambda texts: 1 / 0, "division by zero"),
        (lambda texts: np.zeros(texts), "found "),
    ],
)
def test_a_network_that_does_not_fit_its_names_is_refused(
    tmp_path: Path, answer: Any, message: str
) -> None:
    require_answers(tmp_path, lambda texts: np.full((len(texts), 2), 0.5), ["a", "b"])
    with pytest.raises(UserError, match=message):
        require_answers(tmp_path, answer, ["a", "b"])


@pytest.mark.parametrize(
    ("written", "groups"),
    [("2048", 2048), ("7", 7), ("0", 512), ("2049", 512), ("-1", 512), ("true", 512), ("[1]", 512)],
)
def test_only_a_sensible_number_of_letter_groups_is_read(
    written: str, groups: int, tmp_path: Path
) -> None:
    (tmp_path / "config.yaml").write_text(f"trained_on: {{letter_groups: {written}}}\n")
    assert trained_letter_groups(tmp_path) == groups


def test_a_model_that_does_not_say_it_reads_512_letter_groups(tmp_path: Path) -> None:
    assert trained_letter_groups(tmp_path) == 512
