"""Hyperparameter search for LSTM text classifiers, from a CSV to a deployable model."""

__version__ = "0.1.0"
