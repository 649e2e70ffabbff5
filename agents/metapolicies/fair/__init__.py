"""The best fair rule found: how long to think, by what has been searched so far alone."""
