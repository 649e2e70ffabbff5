"""Dynamic Thinker where the best way to imagine is known exactly: scored by it."""
