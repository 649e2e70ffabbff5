"""Settings of all tests."""

import os
from importlib import metadata

# Nearly all the time of the suite is spent on compiling programs that run for milliseconds. Less
# effort of the code generator saves more than half of it; what XLA makes of a program before code
# is generated stays the same.
FLAGS = ["--xla_backend_optimization_level=0", "--xla_llvm_disable_expensive_passes=true"]
if metadata.version("jaxlib").startswith("0.10."):  # a flag that a jaxlib does not know ends it
    FLAGS.append("--xla_cpu_use_fusion_emitters=false")
    # Each program as one piece: cutting it up for threads costs a quarter more.
    FLAGS.append("--xla_cpu_parallel_codegen_split_count=1")
os.environ.setdefault("XLA_FLAGS", " ".join(FLAGS))
