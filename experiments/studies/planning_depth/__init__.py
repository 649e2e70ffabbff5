"""The study of planning depth."""
