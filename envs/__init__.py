"""Environments (gymnax API), adapters, registry, the environment checker."""

from envs.adapter import Adapter, adapt

__all__ = ("Adapter", "adapt")
