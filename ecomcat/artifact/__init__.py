"""The deployed folder: written whole, checked when opened."""
