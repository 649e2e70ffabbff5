"""What fails on the machine and not in an input, in one line: the disk, and memory."""

from rrplan.imports import one_line


def of_the_machine(error: Exception) -> str | None:
    """Return one line about a full disk, a file that cannot be used, or memory that is used up."""
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return f"cannot read or write {place}{error.strerror}" if place else error.strerror
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED: Out of memory" in str(error):
        return f"there is not enough memory ({one_line(error)}): expected fewer lanes or positions"
    return None
