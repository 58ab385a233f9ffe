"""Who trains trials: one worker in this process, or many that Ray places."""
