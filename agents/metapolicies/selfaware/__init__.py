"""The self-aware planner: a third head on its network that predicts what thinking would gain."""
