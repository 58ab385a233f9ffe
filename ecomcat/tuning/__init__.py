"""The search: studies, oracles, the tuner and the table of trials."""
