"""Agents of the metareasoning problems: classical ones and learned ones."""
