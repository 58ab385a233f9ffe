"""`model/`: writing it, and answering with it."""
