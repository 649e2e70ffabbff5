"""Training of a model of the environment, for planners that search in it."""
