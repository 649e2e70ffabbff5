"""PPO over semi-Markov meta-steps, wherever the experience comes from."""
