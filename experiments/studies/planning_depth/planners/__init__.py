"""Controls of a study that are planners of their own: how long they are trained, and how large."""
