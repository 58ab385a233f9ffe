"""Measurements of speed, memory and quality, each a script: `python -m benchmarks.<name>`."""
