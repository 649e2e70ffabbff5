"""Environments of other libraries, as the engine takes them."""
