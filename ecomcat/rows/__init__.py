"""Rows in and out: CSV, JSON lines and Parquet, in any combination, batch by batch."""
