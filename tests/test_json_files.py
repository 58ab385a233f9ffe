"""JSON files of ours: of the shape that is expected, and as they were written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ecomcat.json_files import UnreadableError, read_json, write_with_digest

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


class Shape(TypedDict):
    """What a file holds."""

    name: str
    counts: list[int]
    share: NotRequired[float | None]


@dataclass
class Made:
    """What is made of a file."""

    name: str
    count: int = 0


@pytest.mark.parametrize(
    ("content", "shape", "fault"),
    [
        ({"name": "a", "counts": [1, 2]}, Shape, ""),
        ({"name": "a", "counts": [], "share": 1, "more": {}}, Shape, ""),
        ({"name": "a", "counts": [], "share": None}, Shape, ""),
        ({"name": "a"}, Shape, 'expected "counts", found none'),
        ({"name": 1, "counts": []}, Shape, 'expected a text under "name", found a whole number'),
        ({"name": "a", "counts": [True]}, Shape, "expected a whole number"),
        ({"name": "a", "counts": [], "share": "1"}, Shape, "expected a number"),
        ([], Shape, "expected an object, found a list"),
        ({"name": "a", "colour": 1}, Made, ""),
        ({"count": 1}, Made, 'expected "name", found none'),
        (["a"], list[str], ""),
        ({"a": {"b": 1}}, dict[str, dict[str, int]], ""),
        ({"a": {"b": 0.5}}, dict[str, dict[str, int]], "expected a whole number, found a number"),
    ],
)
def test_what_has_another_shape_is_refused(
    tmp_path: Path, content: Any, shape: Any, fault: str
) -> None:
    path = tmp_path / "file.json"
    path.write_text(json.dumps(content))
    if fault:
        with pytest.raises(UnreadableError, match=fault):
            read_json(path, shape)
    else:
        read = read_json(path, shape)
        assert read == (Made("a") if shape is Made else content)


@settings(max_examples=40, deadline=None)
@given(written=st.dictionaries(st.text(), JSON), name=st.text(), value=JSON)
def test_what_was_written_with_a_digest_is_read_as_it_was_and_not_changed(
    tmp_path_factory: pytest.TempPathFactory, written: dict[str, Any], name: str, value: Any
) -> None:
    assume(name != "digest" and "digest" not in written)
    path = tmp_path_factory.mktemp("written") / "file.json"
    write_with_digest(path, written)
    assert json.dumps(read_json(path, dict)) == json.dumps(written)
    content = json.loads(path.read_text(encoding="utf-8"))
    changed = {**content, name: value}
    path.write_text(json.dumps(changed), encoding="utf-8")
    if json.dumps(changed) == json.dumps(content):
        assert read_json(path, dict).keys() == written.keys()
    else:
        with pytest.raises(UnreadableError, match="found it changed"):
            read_json(path, dict)
