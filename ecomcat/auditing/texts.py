"""What near-duplicates there are, and how many of them a random split puts on both sides."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from ecomcat.auditing.rows import AuditRows, around, shortened
from ecomcat.config import conf_dir
from ecomcat.data.near_duplicates import NearDuplicates, words_of
from ecomcat.process import raise_if_requested, require_extra

_EXAMPLES = 5
_TINY_WORDS = 3
_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
# What UTF-8 looks like when it was read as Latin-1 or Windows-1252.
_MOJIBAKE = (
    r"\u00c3[\u0080-\u00bf\u0192\u201a-\u201e\u2020-\u2026]|\u00e2\u20ac[\u0080-\uffff]"
    r"|\u00c2[\u00a0-\u00bf]|\u00ef\u00bb\u00bf|\ufffd"
)
_KINDS = {
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
_GIVEAWAY = {
    # Looked for first, since nearly no text has one.
    "HTML tags": "<",
    "HTML entities": "&",
}


@cache
def _pattern(kind: str) -> re.Pattern[str]:
    return re.compile(_KINDS[kind])


def default_max_tokens() -> int:
    """Return how many words of a text the default model reads."""
    from omegaconf import DictConfig, OmegaConf

    model = OmegaConf.load(conf_dir() / "model" / "bilstm.yaml")
    assert isinstance(model, DictConfig)
    return int(model.max_tokens)


def contents(rows: AuditRows) -> dict[str, Any]:
    """Measure the distinct texts and look for what does not belong into them.

    Returns:
        `lengths` in words and characters, `tiny` and `gigantic` texts, and the `leftovers` of each
        kind, with how many texts have them and some examples.
    """
    words = np.array([len(words_of(text)) for text in rows.texts], np.int64)
    characters = np.array([len(text) for text in rows.texts], np.int64)
    read = default_max_tokens()
    longer = np.flatnonzero(words > read)
    tiny = np.flatnonzero(words < _TINY_WORDS)
    return {
        "lengths": {
            "words": _quantiles(words),
            "characters": _quantiles(characters),
            "histogram": histogram(words),
        },
        "tiny": {
            "below_words": _TINY_WORDS,
            "texts": len(tiny),
            "examples": [shortened(rows.texts[text]) for text in tiny[: 2 * _EXAMPLES]],
        },
        "gigantic": {
            "above_words": read,
            "texts": len(longer),
            "words_not_read": int((words[longer] - read).sum()),
            "share_not_read": float((words[longer] - read).sum() / max(words.sum(), 1)),
            "examples": [
                {"words": int(words[text]), "text": shortened(rows.texts[text])}
                for text in longer[np.argsort(-words[longer], kind="stable")][:_EXAMPLES]
            ],
        },
        "leftovers": {kind: _leftovers(rows.texts, kind) for kind in _KINDS},
    }


def _quantiles(lengths: np.ndarray) -> dict[str, float]:
    if not len(lengths):
        return {}
    found = np.quantile(lengths, _QUANTILES)
    named = {f"{share:.0%}": float(value) for share, value in zip(_QUANTILES, found, strict=True)}
    return {"mean": float(lengths.mean()), **named}


def histogram(words: np.ndarray) -> list[dict[str, int]]:
    """Count texts by their words, in bins of which each is twice as wide as the last.

    Args:
        words: of each text, shape `(texts,)`.
    """
    if not len(words):
        return []
    bins = np.floor(np.log2(np.maximum(words, 1))).astype(np.int64)
    return [
        {"from": 2**place, "below": 2 ** (place + 1), "texts": int((bins == place).sum())}
        for place in range(int(bins.max()) + 1)
    ]


def _leftovers(texts: Sequence[str], kind: str) -> dict[str, Any]:
    pattern, giveaway = _pattern(kind), _GIVEAWAY.get(kind, "")
    found = 0
    examples: list[str] = []
    for text in texts:
        match = pattern.search(text) if giveaway in text else None
        if match is not None:
            found += 1
            if len(examples) < _EXAMPLES:
                examples.append(around(text, *match.span()))
    return {"texts": found, "examples": examples}


UNCERTAIN = "uncertain"
_MOST_TEXTS = 3000
_READ_CHARACTERS = 1000
_SURE = 0.9
_LEAST_LETTERS = 20  # names of products look like any language
_LANGUAGE_EXAMPLES = 3


def languages(texts: Sequence[str], seed: int) -> dict[str, Any]:
    """Count languages among the texts, or among some thousand of them by lot.

    Args:
        texts: distinct texts.
        seed: of the lot.

    Returns:
        How many were `looked_at` of `all`; `counts` by ISO 639 code, and examples of all languages
        but the commonest; a text that is too short or not sure counts as uncertain.

    Raises:
        UserError: when the package py3langid is missing.
    """
    require_extra("audit", "py3langid", needed_for="Looking at languages")
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    random = np.random.default_rng(seed)
    chosen = np.arange(len(texts))
    if len(texts) > _MOST_TEXTS:
        chosen = np.sort(random.choice(len(texts), _MOST_TEXTS, replace=False))
    counts: Counter[str] = Counter()
    examples: dict[str, list[str]] = {}
    for number, row in enumerate(chosen.tolist()):
        if number % 500 == 0:
            raise_if_requested()
        language = _language(identifier, texts[row])
        counts[language] += 1
        shown = examples.setdefault(language, [])
        if len(shown) < _LANGUAGE_EXAMPLES:
            shown.append(shortened(texts[row]))
    ranked = [name for name, _ in counts.most_common() if name != UNCERTAIN]
    return {
        "looked_at": len(chosen),
        "all": len(texts),
        "sure_from": _SURE,
        "counts": dict(counts.most_common()),
        "examples": {name: examples[name] for name in ranked[1:11]},
    }


def _language(identifier: Any, text: str) -> str:
    read = text[:_READ_CHARACTERS].encode("utf-8", "replace").decode("utf-8")
    if sum(character.isalpha() for character in read) < _LEAST_LETTERS:
        return UNCERTAIN
    language, confidence = identifier.classify(read)
    return str(language) if confidence >= _SURE else UNCERTAIN


_SIMILAR_EXAMPLES = 20


def similar_texts(rows: AuditRows, found: NearDuplicates, similarity: float) -> dict[str, Any]:
    """Count groups and pairs of near-duplicates, those across classes apart.

    Args:
        rows: of the file.
        found: near-duplicates among its distinct texts.
        similarity: from which texts count as such.
    """
    sizes = found.sizes
    large = sizes[sizes > 1]
    one, other = rows.labels[found.pairs[:, 0]], rows.labels[found.pairs[:, 1]]
    across = np.flatnonzero((one != other) & (one >= 0) & (other >= 0))
    alike = across[np.argsort(-found.similarities[across], kind="stable")]
    return {
        "similarity": similarity,
        "groups": len(large),
        "texts": int(large.sum()),
        "share": float(large.sum() / max(len(rows.texts), 1)),
        "pairs": len(found.pairs),
        "pairs_across_classes": len(across),
        "groups_across_classes": len(_mixed_groups(rows, found)),
        "largest": sorted(map(int, large), reverse=True)[:10],
        "sizes": {name: int(((sizes >= low) & (sizes < high)).sum()) for name, low, high in _SIZES},
        "similarities": np.histogram(found.similarities, np.linspace(0, 1, 21))[0].tolist(),
        "across_classes": [_pair(rows, found, pair) for pair in alike[:_SIMILAR_EXAMPLES].tolist()],
        "largest_groups": _largest(rows, found),
    }


_SIZES = (("2", 2, 3), ("3 to 5", 3, 6), ("6 to 20", 6, 21), ("more than 20", 21, np.inf))


def _mixed_groups(rows: AuditRows, found: NearDuplicates) -> list[int]:
    labelled = rows.usable
    pairs = np.unique(np.column_stack([found.groups[labelled], rows.labels[labelled]]), axis=0)
    groups, classes = np.unique(pairs[:, 0], return_counts=True)
    return [int(group) for group in groups[classes > 1]]


def _pair(rows: AuditRows, found: NearDuplicates, pair: int) -> dict[str, Any]:
    one, other = found.pairs[pair].tolist()
    return {
        "similarity": round(float(found.similarities[pair]), 4),
        "labels": [rows.class_of(one), rows.class_of(other)],
        "texts": [shortened(rows.texts[one]), shortened(rows.texts[other])],
    }


def _largest(rows: AuditRows, found: NearDuplicates) -> list[dict[str, Any]]:
    sizes = found.sizes
    largest = np.argsort(-sizes, kind="stable")[:10]
    return [
        {
            "texts": int(sizes[group]),
            "examples": [
                shortened(rows.texts[text]) for text in np.flatnonzero(found.groups == group)[:2]
            ],
        }
        for group in largest
        if sizes[group] > 1
    ]
