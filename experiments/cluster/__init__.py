"""Several processes that share a study."""
