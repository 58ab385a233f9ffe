"""Pages that open anywhere: one file each, with charts, and every text in it escaped."""
