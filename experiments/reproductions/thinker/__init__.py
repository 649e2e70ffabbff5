"""Dynamic Thinker's figures: returns over the number of imaginary steps, untimed and timed."""
