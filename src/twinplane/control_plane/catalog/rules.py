"""Decisions about classification and what the catalog shows."""

from collections.abc import Mapping
from typing import Any

from twinplane.control_plane.errors import RefusedByRule
from twinplane.mesh.model import Classification, FormField

RETENTION_DAYS = 3650  # proposed when whoever classifies says nothing else: ten years, as commercial law often asks


class NotAClassification(RefusedByRule):
    """The classification has a value that its form does not allow."""


class Unclassified(RefusedByRule):
    """What carries no classification is not published."""


def classification_form(
    standard: Classification, given: Mapping[str, Any], proposed: Mapping[str, Any]
) -> dict[str, Any]:
    """The content of the classification form. `proposed` fills required fields that were not given.

    Raises `NotAClassification`, naming the field and what would be right.
    """
    levels = [level.name for level in standard.levels]
    if given.get("level") not in levels:
        raise NotAClassification(f"level must be one of {', '.join(levels)}, not {given.get('level')!r}.")
    fields = {field.name: field for field in standard.fields}
    unknown = [name for name in given if name != "level" and name not in fields]
    if unknown:
        raise NotAClassification(f"There is no field {', '.join(unknown)}; there are: level, {', '.join(fields)}.")
    content: dict[str, Any] = {"level": given["level"]}
    for field in fields.values():
        value = given.get(field.name)
        if value is None and field.required:
            value = proposed.get(field.name)
        if value is None:
            if field.required:
                raise NotAClassification(f"{field.name} is required: {field.description or 'see the standard'}.")
            continue
        content[field.name] = _checked(field, value)
    return content


def check_publishable(name: str, level: str | None) -> None:
    """Raises `Unclassified`."""
    if level is None:
        raise Unclassified(
            f"{name} cannot be published because it carries no classification. Classify it first: the level decides "
            "who may have it, for how long, and who must agree."
        )


def _checked(field: FormField, value: Any) -> Any:
    expected = {"String": str, "Boolean": bool, "Integer": int}[field.type]
    if not isinstance(value, expected) or (field.type == "Integer" and isinstance(value, bool)):
        raise NotAClassification(f"{field.name} must be of type {field.type}, not {value!r}.")
    if field.values and value not in field.values:
        raise NotAClassification(f"{field.name} must be one of {', '.join(field.values)}, not {value!r}.")
    return value
