"""Agents: networks, base-planner training, meta-policies and their training."""
