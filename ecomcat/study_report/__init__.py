"""`report.html`: what a study tried, what mattered, and what its final model can do."""
