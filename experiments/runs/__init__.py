"""Run directories, and what is told while a study runs."""

from rrplan.imports import hand_on

__all__ = (
    "Config",
    "Run",
    "append_json_line",
    "claimed",
    "load_arrays",
    "load_results",
    "load_run",
    "open_run",
    "read_json",
    "save_arrays",
    "versions",
    "write_atomically",
    "write_config",
    "write_found",
    "write_json",
    "write_text",
)
_FILES = (
    *("append_json_line", "load_arrays", "read_json", "save_arrays", "write_atomically"),
    *("write_json", "write_text"),
)
__getattr__ = hand_on(
    __name__,
    dict.fromkeys(__all__, "experiments.runs.directory")
    | dict.fromkeys(_FILES, "experiments.runs.files"),
)
