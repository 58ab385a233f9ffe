"""A study on the disk: its folder, what must agree before it is resumed, its trials."""
