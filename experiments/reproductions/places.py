"""Where reproductions are kept."""

from pathlib import Path


def directory_of(name: str, env: str, out: Path | None) -> Path:
    """Return ``out``, or where a reproduction is kept if it is not given."""
    plain = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in env)
    return out or Path("reproductions") / f"{name}-{plain}"
