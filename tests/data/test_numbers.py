"""Numbers as people and programs write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecomcat.data.numbers import read_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1299", 1299),
        ("1299.0", 1299),
        (" 12 ", 12),
        ("1e-05", 1e-05),
        ("-5", -5),
        ("\u22125 €", -5),
        ("1.299,00 €", 1299),
        ("$1,299.00", 1299),
        ("1,299", 1299),
        ("1.299", 1.299),  # as programs write it
        ("0,125", 0.125),
        ("1,5", 1.5),
        ("1.299.000", 1_299_000),
        ("1 299,00 €", 1299),
        ("1\u202f299,50\u00a0€", 1299.5),
        ("1\u2019299.50 CHF", 1299.5),
        ("1.299,- €", 1299),
        ("5.\u2013", 5),
        ("₹1,00,000.00", 100_000),
        ("$.99", 0.99),
        ("Rs.500", 500),
        ("about 20", 20),
        ("12 kg", 12),
        ("12kg", 12),
        ("12 m2", 12),
        ("5%", 5),
        ("１２９９", 1299),
        ("١٢ كجم", 12),
        *((text, None) for text in ("", " ", "n/a", "N/A", "ask", "nan", "inf", "True", "?")),
        *((text, None) for text in ("3-4", "3 x 4", "1 2", "1_000", "12.05.2024", "2024-01-05")),
        *((text, None) for text in ("m2", "X-5", "USB3.0", "1.2.3", "12,34,5", "1.234,567.8")),
    ],
)
def test_one_number_is_read_where_it_can_be_told(text: str, number: float | None) -> None:
    assert read_number(text) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_python_writes_is_read_as_it_was(number: float) -> None:
    assert read_number(str(number)) == number


@given(st.text(st.characters() | st.sampled_from("0123456789.,-+ '€")))
def test_any_text_is_a_number_or_none(text: str) -> None:
    number = read_number(text)
    assert number is None or abs(number) < float("inf")
