"""Sentences and tables about a model, shared by the card, terminal, report and audit."""
