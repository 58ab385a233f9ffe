"""What is said of a model, once, for the card, the terminal, the report and the audit."""
