"""Check the data before training: repeats, leakage, oddities, drift, suspicious labels."""
