"""Thinker seen from outside: the best that could be done, and what an agent does, step by step."""
