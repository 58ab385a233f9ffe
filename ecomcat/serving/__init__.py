"""The HTTP service: its interface, its limits and the page to try it."""
