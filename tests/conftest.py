"""Settings of all tests."""

import os

# Nearly all the time of the suite is spent on compiling programs that run for milliseconds. Less
# optimisation by LLVM saves a third of it; what XLA itself does to a program stays the same.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
