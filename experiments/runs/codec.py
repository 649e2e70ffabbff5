"""Configurations as JSON and back, with one clear line for what is wrong."""

import dataclasses
import functools
import json
import types
import typing
from collections.abc import Mapping
from itertools import accumulate
from typing import Any, TypeVar

import pydantic

from experiments.studies.planning_depth.config import StudyConfig
from rrplan.errors import InputError, unknown

Config = TypeVar("Config")
# JSON says what a value is: "3" is no number, true no 1; a whole number may stand for any other.
_STRICT = pydantic.ConfigDict(strict=True, extra="forbid")


def to_dict(config: Any) -> dict[str, Any]:
    """Return a configuration as plain JSON values: tuples become lists."""
    return json.loads(json.dumps(dataclasses.asdict(config)))


def from_dict(data: Mapping[str, Any], kind: type[Config] = StudyConfig) -> Config:
    """Return the configuration of a kind that :func:`to_dict` made ``data`` of.

    Raises:
        InputError: a key is unknown (the nearest known one is named), one is missing, or a value
            is of the wrong type or out of range.
    """
    try:
        return _reader(kind).validate_json(json.dumps([_modernised(data)]))[0]
    except pydantic.ValidationError as error:
        raise _told(error.errors()[0], kind) from None


def _modernised(data: Any) -> Any:
    """Return what an older version has written in today's words; anything else as it is.

    Older runs charged simulations alone.
    """
    if not isinstance(data, Mapping):
        return data
    data = json.loads(json.dumps(data))
    if isinstance(data.get("search"), dict):
        data["search"].setdefault("value_floor", 0.0)  # every difference was stretched
    control = data.get("control")
    ppo = control.get("ppo") if isinstance(control, dict) else None
    if not isinstance(ppo, dict):
        return data
    if "asks_per_chunk" in ppo:
        ppo["looks_per_chunk"] = ppo.pop("asks_per_chunk")
        data.setdefault("bill", "simulations")
    if ppo.get("lambda_per") == "ask":
        ppo["lambda_per"] = "look"
    return data


@functools.cache
def _reader(kind: type) -> pydantic.TypeAdapter[list[Any]]:
    """Return what reads a configuration of a kind, in a list, from JSON."""
    # pydantic takes no settings for a dataclass, but those for a list reach the dataclass in it.
    several: Any = types.GenericAlias(list, kind)
    return pydantic.TypeAdapter(several, config=_STRICT)


def _told(flaw: Mapping[str, Any], kind: Any) -> InputError:
    """Return in one line what pydantic found wrong in the configuration of a kind."""
    _, *keys = flaw["loc"]  # the first is the place in the list around it
    *outer, where = accumulate(
        (f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys), initial="config"
    )
    if flaw["type"] == "value_error":  # a configuration has said itself what is wrong
        return InputError(str(flaw["ctx"]["error"]))
    if flaw["type"] == "missing":
        return InputError(f"{where} is missing")
    if flaw["type"] == "unexpected_keyword_argument":
        for key in keys[:-1]:
            kind = typing.get_type_hints(kind)[key]
        known = [field.name for field in dataclasses.fields(kind)]
        return unknown(f"key in {outer[-1]}", keys[-1], known)
    expected = flaw["msg"].removeprefix("Input should be ")
    return InputError(f"{where} has a wrong value: {flaw['input']!r} (expected {expected})")


def first_difference(there: Any, here: Any, name: str = "") -> str | None:
    """Return in words the first place where two configurations differ."""
    if isinstance(there, Mapping) and isinstance(here, Mapping):
        for key in {**there, **here}:
            inner = f"{name}.{key}" if name else key
            if key not in there or key not in here:
                return f"{inner} is set in one of the two only"
            difference = first_difference(there[key], here[key], inner)
            if difference:
                return difference
        return None
    return None if there == here else f"{name} is {there!r} there, {here!r} here"
