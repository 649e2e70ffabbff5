"""Metareasoning as environments: what to compute, and when to stop."""
