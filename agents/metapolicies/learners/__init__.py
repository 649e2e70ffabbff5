"""Learners: ways to train the network of a gate or a stopper, each by its name."""
