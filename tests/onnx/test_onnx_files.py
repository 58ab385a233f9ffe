"""The ONNX file: what it holds, and that it answers as the model does, or is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecomcat.errors import UserError
from ecomcat.text.encoding import EncodedTexts
from tests.conftest import ROOT
from tests.onnx.both_answers import network
from tests.tiny_network import texts_and_labels

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """Return a network of two layers and its ONNX file."""
    from ecomcat.onnx.export import write_onnx

    model = network(lstm_layers=2, pooling="last+max", embedding_pooling="mean")
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    write_onnx(model, path)
    return model, path


def texts(count: int = 200, longest: int = 8) -> EncodedTexts:
    return texts_and_labels(count, seed=4, longest=longest)[0]


def test_the_file_has_the_lstm_operator_and_no_loop(written: tuple[Any, Path]) -> None:
    import onnx

    kinds = [node.op_type for node in onnx.load(written[1]).graph.node]
    assert kinds.count("LSTM") == 4
    assert not {"Loop", "Scan", "If"} & set(kinds)


def test_the_file_names_what_goes_in_and_what_comes_out(written: tuple[Any, Path]) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(written[1]))
    (ids,), (answer,) = session.get_inputs(), session.get_outputs()
    assert (ids.name, ids.type, ids.shape) == ("token_ids", "tensor(int32)", ["batch", "tokens"])
    assert (answer.name, answer.type, answer.shape) == (
        "probabilities",
        "tensor(float)",
        ["batch", 3],
    )


def test_weights_that_are_used_twice_are_kept_once(written: tuple[Any, Path]) -> None:
    import onnx

    shapes = [tuple(each.dims) for each in onnx.load(written[1]).graph.initializer]
    assert shapes.count((20, 6)) == 1


def test_the_same_model_gives_the_same_file(written: tuple[Any, Path], tmp_path: Path) -> None:
    from ecomcat.onnx.export import write_onnx

    model, path = written
    write_onnx(model, tmp_path / "again.onnx")
    assert (tmp_path / "again.onnx").read_bytes() == path.read_bytes()


def test_a_file_of_the_model_passes(written: tuple[Any, Path]) -> None:
    from ecomcat.onnx.export import require_same_answers

    require_same_answers(*written, texts(1_500))


def test_a_file_of_another_model_is_refused_with_the_difference(written: tuple[Any, Path]) -> None:
    from ecomcat.onnx.export import DifferentAnswersError, require_same_answers

    other = network(2, lstm_layers=2, pooling="last+max", embedding_pooling="mean")
    with pytest.raises(DifferentAnswersError, match=r"differs by 0\.\d+ on 200 texts"):
        require_same_answers(other, written[1], texts())


def test_a_file_whose_weights_were_changed_is_refused(
    written: tuple[Any, Path], tmp_path: Path
) -> None:
    import onnx

    from ecomcat.onnx.export import DifferentAnswersError, require_same_answers

    graph = onnx.load(written[1])
    weights = next(each for each in graph.graph.initializer if tuple(each.dims) == (20, 6))
    changed = onnx.numpy_helper.to_array(weights) + np.float32(0.01)
    weights.CopyFrom(onnx.numpy_helper.from_array(changed, weights.name))
    onnx.save(graph, tmp_path / "changed.onnx")
    with pytest.raises(DifferentAnswersError, match="a probability differs by"):
        require_same_answers(written[0], tmp_path / "changed.onnx", texts())


def test_a_file_that_answers_with_what_is_no_number_is_refused(tmp_path: Path) -> None:
    from ecomcat.onnx.export import DifferentAnswersError, require_same_answers, write_onnx

    model, broken = network(), network()
    broken.get_layer("probabilities").bias.assign([np.nan] * 3)
    write_onnx(broken, tmp_path / "model.onnx")
    with pytest.raises(DifferentAnswersError, match="differs by nan"):
        require_same_answers(model, tmp_path / "model.onnx", texts())


def test_a_file_of_other_classes_is_refused(written: tuple[Any, Path]) -> None:
    from ecomcat.model.network import lstm_classifier
    from ecomcat.onnx.export import DifferentAnswersError, require_same_answers
    from tests.tiny_network import VALUES

    with pytest.raises(DifferentAnswersError, match="3 classes, the model with 5"):
        require_same_answers(lstm_classifier(VALUES, 5), written[1], texts())


@pytest.mark.parametrize("count", [0, 1, 64, 65, 700])
def test_answers_come_in_the_order_of_the_texts_however_many_workers_there_are(
    written: tuple[Any, Path], count: int
) -> None:
    from ecomcat.onnx.scorer import OnnxScorer

    asked, path = (
        texts(count) if count else EncodedTexts(np.zeros(0, np.int32), np.zeros(1, int)),
        written[1],
    )
    one, three = (OnnxScorer(path, workers=workers) for workers in (1, 3))
    alone = [one.answer(asked.padded(np.array([row])))[0] for row in range(count)]
    assert one(asked).shape == (count, 3)
    np.testing.assert_array_equal(one(asked), three(asked))
    np.testing.assert_allclose(one(asked), np.reshape(alone, (count, 3)), atol=1e-6)


def test_long_texts_are_scored_in_batches_that_bound_the_memory(
    written: tuple[Any, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ecomcat.onnx.scorer import OnnxScorer

    scorer, sizes = OnnxScorer(written[1]), []
    answer = scorer.answer

    def noted(ids: np.ndarray) -> np.ndarray:
        sizes.append(ids.shape)
        return answer(ids)

    monkeypatch.setattr(scorer, "answer", noted)
    lengths = [5_000] * 20 + [40_000] + [3] * 40
    ids = np.ones(sum(lengths), np.int32)
    scorer(EncodedTexts(ids, np.concatenate([[0], np.cumsum(lengths)])))
    assert sum(batch for batch, _ in sizes) == len(lengths)
    assert all(batch * tokens <= 32_768 for batch, tokens in sizes if batch > 1)


def test_a_missing_runtime_is_named_with_what_installs_it(
    written: tuple[Any, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ecomcat.onnx.scorer import OnnxScorer

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UserError, match=r'pip install "ecomcat\[serve\]"'):
        OnnxScorer(written[1])


@pytest.mark.parametrize("content", [None, b"", b"not a model"], ids=["missing", "empty", "other"])
def test_a_file_that_is_no_model_is_refused(content: bytes | None, tmp_path: Path) -> None:
    from ecomcat.onnx.scorer import OnnxScorer

    path = tmp_path / "model.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"Expected an ONNX model in .*model\.onnx"):
        OnnxScorer(path)


_ANSWER = """
import sys
from pathlib import Path
import numpy
from ecomcat.onnx.scorer import OnnxScorer
print(OnnxScorer(Path(sys.argv[1])).answer(numpy.array([[3, 4]], "int32")).shape)
print(sorted({"tensorflow", "keras", "onnx", "ray"} & set(sys.modules)))
"""


def test_answering_imports_neither_tensorflow_nor_keras(written: tuple[Any, Path]) -> None:
    command = [sys.executable, "-c", _ANSWER, str(written[1])]
    completed = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert (completed.stdout, completed.stderr) == ("(1, 3)\n[]\n", "")


def test_the_runtime_reports_nothing_and_keeps_nothing_of_the_user(
    written: tuple[Any, Path], tmp_path: Path
) -> None:
    program = (
        "import sys; from pathlib import Path; from ecomcat.onnx.scorer import OnnxScorer;"
        "import numpy; OnnxScorer(Path(sys.argv[1])).answer(numpy.ones((1, 3), numpy.int32))"
    )
    home = {"HOME": str(tmp_path), "PATH": "", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", program, str(written[1])], env=home, check=True)
    assert list(tmp_path.rglob("*")) == []
