"""Parameter files: loaded as YAML 1.2, each section converted into a frozen typed struct.

YAML 1.1 reads `5e-5` as a string and `no` as false; DVC reads 1.2, and so does this.
"""

import copy
import re
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from onestage.errors import ParamError

T = TypeVar("T")

KEY = re.compile(r"[a-z0-9_]+")
_ANY_KEY = "[...]"  # in a path of msgspec

# Ranges of figures; a value outside is refused by its full name.
Positive = Annotated[int, msgspec.Meta(ge=1)]
NotNegative = Annotated[int, msgspec.Meta(ge=0)]
Above0 = Annotated[float, msgspec.Meta(gt=0)]
From0 = Annotated[float, msgspec.Meta(ge=0)]
From0Below1 = Annotated[float, msgspec.Meta(ge=0, lt=1)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Params(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all sections: frozen, and every key must be known."""


def load_document(path: Path) -> dict[str, Any]:
    """Return the whole parameter file as plain values.

    Raises:
        ParamError: the file is missing, is not YAML, or is no mapping.
    """
    try:
        document = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ParamError(f"{path}: no such parameter file; run from the project folder") from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise ParamError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(document, dict):
        raise ParamError(f"{path}: expected a mapping of sections")
    return document


def section(document: dict[str, Any], name: str, section_type: type[T]) -> T:
    """Convert the section with the dotted `name`, such as `collect` or `sources.web_zh`.

    Raises:
        ParamError: missing, unknown or mistyped, by its full name.
    """
    value: Any = document
    walked: list[str] = []
    for key in name.split("."):
        walked.append(key)
        if not isinstance(value, dict) or key not in value:
            raise ParamError(f"params: {'.'.join(walked)} is missing; add it to params.yaml")
        value = value[key]
    try:
        return msgspec.convert(value, section_type)
    except msgspec.ValidationError as error:
        told = str(error)
        if _ANY_KEY in told:
            told = told.replace(_ANY_KEY, f".{_key_at_fault(value, section_type, told)}", 1)
        raise ParamError(f"params: {_full_name(name, told)}") from error


def _key_at_fault(value: Any, section_type: type[T], told: str) -> str:
    """Return in which entry of a mapping msgspec found a fault, whose key it does not say."""
    *parents, last = told.partition("at `$")[2].partition(_ANY_KEY)[0].split(".")
    whole = {"": copy.deepcopy(value)}
    holder: Any = whole
    for name in parents:
        holder = holder[name]
    entries = holder[last]
    for key, entry in entries.items():
        holder[last] = {key: entry}
        try:
            msgspec.convert(whole[""], section_type)
        except msgspec.ValidationError as error:
            if str(error) == told:
                return str(key)
    return "*"


def mapping(document: dict[str, Any], name: str, item_type: type[T]) -> dict[str, T]:
    """Convert a section whose keys the user chooses, such as `sources`, in file order.

    Raises:
        ParamError: as `section`, no key, or one outside [a-z0-9_], which DVC cannot template.
    """
    keys = section(document, name, dict[str, Any])
    if not keys:
        raise ParamError(f"params: {name} is empty; it needs at least one entry")
    for key in keys:
        if not KEY.fullmatch(key):
            raise ParamError(f"params: {name}.{key}: expected a key of a-z, 0-9 and _")
    return {key: section(document, f"{name}.{key}", item_type) for key in keys}


def _full_name(name: str, message: str) -> str:
    """Turn msgspec's message with a `$.path` into one that starts with the full name."""
    text, _, path = message.partition(" - at `$")
    place = name + path.rstrip("`").replace(_ANY_KEY, ".*")
    unknown = re.search(r"unknown field `([^`]+)`", text)
    missing = re.search(r"missing required field `([^`]+)`", text)
    if unknown:
        return f"{place}.{unknown[1]} is unknown; remove it or mend its spelling"
    if missing:
        return f"{place}.{missing[1]} is missing; add it to params.yaml"
    return f"{place}: {text[0].lower()}{text[1:]}"
