"""The training loop and its collaborators: data, schedules, evaluation, checkpoints, sample answers."""
