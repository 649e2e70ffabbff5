"""Settings of all tests."""

import gc
import os
import tempfile
from importlib import metadata
from pathlib import Path

import hypothesis

# A busy machine, or a first compilation, is no failure.
hypothesis.settings.register_profile(
    "suite", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("suite")

# Nearly all the time of the suite is spent on compiling programs that run for milliseconds. Less
# effort of the code generator saves more than half of it; what XLA makes of a program before code
# is generated stays the same.
FLAGS = [
    "--xla_backend_optimization_level=0",
    "--xla_llvm_disable_expensive_passes=true",
    # What only those passes would read; to write it takes an eighth of a compilation.
    "--xla_llvm_enable_alias_scope_metadata=false",
    "--xla_llvm_enable_noalias_metadata=false",
    "--xla_llvm_enable_invariant_load_metadata=false",
]
if metadata.version("jaxlib").startswith("0.10."):  # a flag that a jaxlib does not know ends it
    FLAGS.append("--xla_cpu_use_fusion_emitters=false")
    # Each program as one piece: cutting it up for threads costs a quarter more.
    FLAGS.append("--xla_cpu_parallel_codegen_split_count=1")
os.environ.setdefault("XLA_FLAGS", " ".join(FLAGS))

# Tracing makes very many objects that live on, and Python looks for garbage among them each time
# that it has made some hundreds more: a twentieth of the suite.
gc.set_threshold(50_000, 20, 100)

# To wait until the disk has what was written is of use only where power may fail.
os.fsync = lambda descriptor: None

# What one process has compiled, the others need not: workers of xdist, and what tests start.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    COMPILED = tempfile.TemporaryDirectory(prefix="rrplan-tests-", ignore_cleanup_errors=True)
    os.environ["JAX_COMPILATION_CACHE_DIR"] = COMPILED.name
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.3"

# These files begin, so that no worker of xdist is left alone with one of them at the end. Of two
# workers one takes the first and the third, which run studies of the same shapes.
LONGEST = (
    "experiments/studies/planning_depth/test_end_to_end.py",
    "test_readme.py",
    "experiments/test_roster.py",
    "rrplan/engine/test_dispatch.py",
    "agents/metapolicies/learned/test_train.py",
    "rrplan/search/test_gumbel_against_mctx.py",
    "test_examples.py",
    "rrplan/models/test_learned_model.py",
    "experiments/bench/test_bench.py",
    "envs/metareasoning/test_exact.py",
)


def pytest_collection_modifyitems(items):
    places = {Path(__file__).parent / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))
