"""What to try next, and which trials are hopeless."""
