"""The study of metareasoning problems."""
