"""Remove what would make a figure dishonest: empty rows, repeats and contradicting labels."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

_LETTER_OR_DIGIT = re.compile(r"[^\W_]")


class _KeptCharacters(dict[int, str | None]):
    """Map code points for `str.translate`: letters, marks and digits stay, all others go."""

    def __missing__(self, code: int) -> str | None:
        character = chr(code)
        kept = character if unicodedata.category(character)[0] in "LMN" else None
        self[code] = kept
        return kept


def normalized_key(text: str, kept: _KeptCharacters | None = None) -> str:
    """Return what two texts share when they count as the same.

    Texts agree after NFKC, casefolding, and keeping letters, marks and digits only. Marks are
    kept because Hindi vowel signs, among others, are marks.

    Args:
        text: any text.
        kept: a table to reuse over many calls.

    Returns:
        The key; empty when the text has no letter, mark or digit.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return folded.translate(_KeptCharacters() if kept is None else kept)


def has_words(text: str) -> bool:
    """Tell whether a text has a letter, mark or digit, as its `normalized_key` keeps them."""
    # Nearly every text has a letter or digit, which is found at once.
    return bool(_LETTER_OR_DIGIT.search(text) or normalized_key(text))


def key_digest(key: str) -> bytes:
    """Return 8 bytes that stand for a key: what an exported model remembers of its rows."""
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()


@dataclass
class CleaningReport:
    """Count what cleaning found and dropped."""

    rows_read: int = 0
    empty_texts: int = 0
    empty_labels: int = 0
    duplicates_removed: int = 0
    conflicting_texts: int = 0  # texts that stood under more than one label
    conflicting_texts_dropped: int = 0  # those of them without a majority
    rare_classes_dropped: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class CleanRows:
    """Distinct texts with their labels, ordered by the digest of their keys.

    The order does not depend on the file's, so neither does a split drawn from it.
    """

    texts: list[str]
    labels: list[str]
    digests: list[bytes]
    report: CleaningReport


def clean_rows(rows: Iterable[tuple[str, str]]) -> CleanRows:
    """Drop empty rows and keep each distinct text once.

    A text that stands under several labels takes the majority's; on a tie it is dropped.

    Args:
        rows: pairs of text and label, in the file's order.

    Returns:
        The first spelling of each distinct text, its label, and counts of what was dropped.
    """
    report = CleaningReport()
    kept = _KeptCharacters()
    first_text: dict[bytes, str] = {}
    votes: dict[bytes, Counter[str]] = {}
    for text, label in rows:
        report.rows_read += 1
        key, label = normalized_key(text, kept), label.strip()
        if not key:
            report.empty_texts += 1
        elif not label:
            report.empty_labels += 1
        else:
            digest = key_digest(key)
            first_text.setdefault(digest, text)
            votes.setdefault(digest, Counter())[label] += 1
    report.duplicates_removed = sum(counts.total() - 1 for counts in votes.values())
    return _elect_labels(first_text, votes, report)


def _elect_labels(
    first_text: dict[bytes, str], votes: dict[bytes, Counter[str]], report: CleaningReport
) -> CleanRows:
    elected: dict[bytes, str] = {}
    for digest in sorted(votes):
        ranked = votes[digest].most_common(2)
        if len(ranked) == 2:
            report.conflicting_texts += 1
            if ranked[0][1] == ranked[1][1]:
                report.conflicting_texts_dropped += 1
                continue
        elected[digest] = ranked[0][0]
    digests = list(elected)
    texts = [first_text[digest] for digest in digests]
    return CleanRows(texts, list(elected.values()), digests, report)
