"""Lanes that search and act side by side, and what is recorded of them."""
