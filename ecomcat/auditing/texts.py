"""What texts are like (lengths, leftovers, languages), and how those of a second file differ."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.auditing.linear import fold_scorers, weigh_words
from ecomcat.auditing.rows import AuditRows, shortened
from ecomcat.command_config import conf_dir
from ecomcat.data.cleaning import DIGEST, LABEL
from ecomcat.data.near_duplicates import find_near_duplicates, words_of
from ecomcat.data.splitting import sample_rows
from ecomcat.process import raise_if_requested

_EXAMPLES = 5
_TINY_WORDS = 3
_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
# What UTF-8 looks like when it was read as Latin-1 or Windows-1252.
_MOJIBAKE = (
    r"\u00c3[\u0080-\u00bf\u0192\u201a-\u201e\u2020-\u2026]|\u00e2\u20ac[\u0080-\uffff]"
    r"|\u00c2[\u00a0-\u00bf]|\u00ef\u00bb\u00bf|\ufffd"
)
_LEFTOVERS = {
    "HTML tags": r"</?[a-zA-Z][a-zA-Z0-9]{0,15}(?:\s[^<>]{0,300})?/?>|<!--",
    "HTML entities": r"&(?:[a-zA-Z]{2,8}|#\d{1,6}|#[xX][0-9a-fA-F]{1,6});",
    "URLs": r"https?://\S|www\.[a-zA-Z0-9-]{2,}\.",
    "scripts": (
        r"<script|\bfunction\s*\w{0,30}\s*\([^()]{0,100}\)\s*\{|\bvar\s+\w{1,40}\s*=|\$\(\s*['\"#.]"
        r"|\bdocument\.(?:getElement|write|cookie|query)|\bwindow\.\w|\bP\.(?:when|register)\("
    ),
    "style sheets": r"[.#][\w-]{1,40}\s*\{\s*[a-z-]{2,30}\s*:|@media\b",
    "broken characters (mojibake)": _MOJIBAKE,
    "control characters": r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]",
}
UNCERTAIN = "uncertain"
_MAX_TEXTS_IDENTIFIED = 3000
_MAX_CHARACTERS_READ = 1000
_MIN_PROBABILITY = 0.9
_MIN_LETTERS = 20  # names of products look like any language
_FOLDS = 4
_MAX_TEXTS = 20_000  # of each file, for the model that separates them
_SHARED_EXAMPLES = 10


def default_max_tokens() -> int:
    """Return how many words of a text the default model reads."""
    from omegaconf import DictConfig, OmegaConf

    model = OmegaConf.load(conf_dir() / "model" / "bilstm.yaml")
    assert isinstance(model, DictConfig)
    return int(model.max_tokens)


def contents(texts: Sequence[str]) -> dict[str, Any]:
    """Measure texts and look for what does not belong in them."""
    words = np.array([len(words_of(text)) for text in texts], np.int64)
    tiny = np.flatnonzero(words < _TINY_WORDS)
    return {
        "lengths": {
            "words": _quantiles(words),
            "characters": _quantiles(np.array([len(text) for text in texts], np.int64)),
            "histogram": histogram(words),
        },
        "tiny": {
            "below_words": _TINY_WORDS,
            "texts": len(tiny),
            "examples": [shortened(texts[text]) for text in tiny[: 2 * _EXAMPLES]],
        },
        "gigantic": _gigantic(texts, words),
        "leftovers": {kind: _leftovers(texts, re.compile(p)) for kind, p in _LEFTOVERS.items()},
    }


def _gigantic(texts: Sequence[str], words: NDArray[np.int64]) -> dict[str, Any]:
    """Describe the texts that are not read to their end, and how much of them is not read."""
    read = default_max_tokens()
    longer = np.flatnonzero(words > read)
    not_read = int((words[longer] - read).sum())
    longest = longer[np.argsort(-words[longer], kind="stable")][:_EXAMPLES]
    return {
        "above_words": read,
        "texts": len(longer),
        "words_not_read": not_read,
        "share_not_read": not_read / max(int(words.sum()), 1),
        "examples": [
            {"words": int(words[text]), "text": shortened(texts[text])} for text in longest
        ],
    }


def _quantiles(lengths: np.ndarray) -> dict[str, float]:
    found = zip(_QUANTILES, np.quantile(lengths, _QUANTILES), strict=True)
    return {"mean": float(lengths.mean()), **{f"{share:.0%}": float(n) for share, n in found}}


def histogram(words: np.ndarray) -> list[dict[str, int]]:
    """Count texts by their number of words, in bins that double in width."""
    bins = np.bincount(np.log2(np.maximum(words, 1)).astype(np.int64))
    return [
        {"from": 2**place, "below": 2 ** (place + 1), "texts": int(count)}
        for place, count in enumerate(bins)
    ]


def _leftovers(texts: Sequence[str], pattern: re.Pattern[str]) -> dict[str, Any]:
    found = [(text, match) for text in texts if (match := pattern.search(text))]
    return {
        "texts": len(found),
        "examples": [_around(text, *match.span()) for text, match in found[:_EXAMPLES]],
    }


def _around(text: str, start: int, end: int, before: int = 60, after: int = 120) -> str:
    """Return a piece of a text on one line, with its surroundings."""
    first, last = max(0, start - before), min(len(text), end + after)
    piece = " ".join(text[first:last].split())
    return f"{'…' if first else ''}{piece}{'…' if last < len(text) else ''}"


@cache
def _identifier() -> Any:
    """Read the model of languages, once for all audits of a process: it takes half a second."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def languages(texts: Sequence[str], seed: int) -> dict[str, Any]:
    """Count languages among texts, or among some thousand random ones of them."""
    identifier = _identifier()
    chosen = sample_rows(len(texts), _MAX_TEXTS_IDENTIFIED, np.random.default_rng(seed))
    found: dict[str, list[str]] = {}
    for row in chosen.tolist():
        raise_if_requested()
        found.setdefault(_language(identifier, texts[row]), []).append(texts[row])
    counts = Counter({name: len(each) for name, each in found.items()})
    ranked = [name for name, _ in counts.most_common() if name != UNCERTAIN]
    return {
        "looked_at": len(chosen),
        "all": len(texts),
        "sure_from": _MIN_PROBABILITY,
        "counts": dict(counts.most_common()),
        "examples": {name: [shortened(text) for text in found[name][:3]] for name in ranked[1:11]},
    }


def _language(identifier: Any, text: str) -> str:
    read = text[:_MAX_CHARACTERS_READ].encode("utf-8", "replace").decode("utf-8")
    if sum(character.isalpha() for character in read) < _MIN_LETTERS:
        return UNCERTAIN
    language, probability = identifier.classify(read)
    return str(language) if probability >= _MIN_PROBABILITY else UNCERTAIN


def drift(rows: AuditRows, others: AuditRows, similarity: float, seed: int) -> dict[str, Any]:
    """Compare the distinct texts of two files."""
    groups = find_near_duplicates([*rows.texts, *others.texts], similarity).groups
    known, first = set(rows.digests), len(rows.texts)
    exact = np.array([digest in known for digest in others.digests], bool)
    # Texts that differ in hyphens alone are the same, though their words are not.
    near = np.isin(groups[first:], groups[:first]) | exact
    shares, other_shares = _class_shares(rows), _class_shares(others)
    names = sorted({*shares, *other_shares}, key=lambda name: (-shares.get(name, 0.0), name))
    labels, other_labels = (each.cleaned.frame.set_index(DIGEST)[LABEL] for each in (rows, others))
    both = labels.index.intersection(other_labels.index)
    return {
        "texts": [first, len(others.texts)],
        "classes": {name: [shares.get(name, 0.0), other_shares.get(name, 0.0)] for name in names},
        "words": _word_drift(rows.texts, others.texts),
        "shared_exactly": int(exact.sum()),
        "shared_nearly": int((near & ~exact).sum()),
        "shared_examples": others.shown(np.flatnonzero(near)[:_SHARED_EXAMPLES]),
        "contradicting_labels": int((labels[both] != other_labels[both]).sum()),
        "auc": _auc(rows.texts, others.texts, groups, seed),
    }


def _class_shares(rows: AuditRows) -> dict[str, float]:
    sizes = rows.cleaned.class_sizes()
    return {name: size / max(sum(sizes.values()), 1) for name, size in sizes.items()}


def _word_drift(texts: Sequence[str], others: Sequence[str]) -> dict[str, Any]:
    """Compare lengths, and count words of the second file that the first one lacks."""
    counted = [[words_of(text) for text in each] for each in (texts, others)]
    known = {word for words in counted[0] for word in words}
    unseen = Counter(word for words in counted[1] for word in words if word not in known)
    lengths = [np.array([len(words) for words in each], np.int64) for each in counted]
    return {
        "median": [float(np.median(each)) if len(each) else 0.0 for each in lengths],
        "mean": [float(each.mean()) if len(each) else 0.0 for each in lengths],
        "histograms": [histogram(each) for each in lengths],
        "unseen_share": unseen.total() / max(int(lengths[1].sum()), 1),
        "unseen_words": len(unseen),
        "commonest_unseen": dict(unseen.most_common(30)),
    }


def _auc(
    texts: Sequence[str], others: Sequence[str], groups: NDArray[np.int64], seed: int
) -> float | None:
    """Return the out-of-fold area under the ROC curve of a model that separates the files.

    0.5 is chance, 1 is perfect; None where there is nothing to learn.
    """
    from sklearn.metrics import roc_auc_score

    random, together = np.random.default_rng(seed), [*texts, *others]
    numbers = [np.arange(len(texts)), len(texts) + np.arange(len(others))]
    chosen = np.concatenate([np.sort(random.permutation(each)[:_MAX_TEXTS]) for each in numbers])
    source = (chosen >= len(texts)).astype(np.int64)
    features = weigh_words([together[text] for text in chosen], 2)
    scores = np.full(len(chosen), np.nan)
    for asked, scorer in fold_scorers(features, source, groups[chosen], 2, _FOLDS, seed):
        found = scorer(features[asked])
        scores[asked] = found[:, 1] - found[:, 0]
    return None if np.isnan(scores).any() else float(roc_auc_score(source, scores))
