"""Dynamic Thinker where the best way to imagine is known exactly: as a share of what is possible."""
