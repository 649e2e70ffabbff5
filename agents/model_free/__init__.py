"""PPO on an environment itself: a policy that acts without a model and without a search."""
