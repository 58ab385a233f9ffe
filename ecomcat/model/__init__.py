"""The classifier: its search space, its network, its training and its scores."""
