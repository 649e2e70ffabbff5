"""Controls: agents that have only a part of what a learned meta-policy has."""
