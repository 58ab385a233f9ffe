"""A look at the data before anyone trains: repeats, leakage, oddities, drift, suspicious labels."""
