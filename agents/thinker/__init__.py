"""Thinker and Dynamic Thinker: agents that search by actions that they imagine themselves."""
