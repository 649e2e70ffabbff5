"""Training of the base planner by self-play."""
