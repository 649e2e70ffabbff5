"""What every training shares: the loop, checkpoints, checks of settings."""
