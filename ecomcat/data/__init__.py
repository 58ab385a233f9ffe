"""Rows of text and label: where they come from, cleaning, splitting and batching."""
