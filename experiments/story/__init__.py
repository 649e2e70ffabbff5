"""What `rrplan story` tells of a finished run: trees of decisions, and where an agent imagines."""
