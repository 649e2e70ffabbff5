"""A learned model that goes on learning beside the agent that imagines with it."""
