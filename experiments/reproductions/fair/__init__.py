"""The gap between the stopper and the oracle, split by the best fair rule found."""
