"""Reproductions: figures of papers and of the documentation, each made by one command."""

from rrplan.imports import hand_on

__all__ = ("REPRODUCTIONS", "Reproduction")
__getattr__ = hand_on(__name__, dict.fromkeys(__all__, "experiments.reproductions.registry"))
