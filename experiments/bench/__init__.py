"""Benchmarks of the search and the engine: what they measure, and how."""
