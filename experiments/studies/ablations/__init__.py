"""Ablations: one training with one thing changed at a time, declared in the registry of studies."""
