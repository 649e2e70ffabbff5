"""Meta-policies that are rules: fixed, and looking at the search."""
