"""What follows a search: retrain the best, test once, export."""
