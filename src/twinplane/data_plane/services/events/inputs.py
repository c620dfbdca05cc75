"""What a target is given of an event: all of it, a part, a constant, or a text made from a template. No I/O."""

import json
import re
from typing import Any

from twinplane.data_plane.call import ServiceError

Event = dict[str, Any]

_PLACEHOLDER = re.compile(r"<([A-Za-z0-9_.-]+)>")
_SEGMENT = re.compile(r"\.([A-Za-z0-9_/$-]+|\*)|\[(\d+|\*)\]|\['([^']+)'\]")
_LONGEST_INPUT = 1_048_576  # characters; a longer one fits no target
_OURS = ("aws.events.rule-arn", "aws.events.rule-name", "aws.events.event.ingestion-time", "aws.events.event",
         "aws.events.event.json")  # fmt: skip


def check_input(target: dict[str, Any]) -> None:
    """Raises `ServiceError` ValidationException when a target's input cannot be made."""
    given = [member for member in ("Input", "InputPath", "InputTransformer") if target.get(member) is not None]
    if len(given) > 1:
        raise _invalid(target, f"Only one of Input, InputPath, or InputTransformer must be provided, not {given}")
    if target.get("Input") is not None and not _is_json(target["Input"]):
        raise _invalid(target, "JSON syntax error in input")
    paths = [target["InputPath"]] if target.get("InputPath") else []
    transformer = target.get("InputTransformer")
    if transformer is not None:
        known = transformer.get("InputPathsMap") or {}
        paths += known.values()
        reserved = next((name for name in known if name.lower().startswith("aws.")), None)
        if reserved is not None:
            raise _invalid(target, f"The variable {reserved} is reserved")
        template = transformer["InputTemplate"]
        unknown = next((n for n in _PLACEHOLDER.findall(template) if n not in known and n not in _OURS), None)
        if unknown is not None:
            raise _invalid(target, f"InputTemplate names {unknown}, which InputPathsMap does not have")
        filled = _filled(template, dict.fromkeys((*known, *_OURS), "x"))
        if not _is_json(filled) and not all(_is_json(line) for line in filled.splitlines() if line.strip()):
            raise _invalid(target, "InputTemplate is neither JSON nor lines of JSON texts")
    for path in paths:
        _segments(path, target)


def _invalid(target: dict[str, Any], reason: str) -> ServiceError:
    return ServiceError("ValidationException", f"Invalid input for target {target['Id']}: {reason}.")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def target_input(target: dict[str, Any], event: Event, rule: dict[str, str], ingested_at: str) -> str:
    """The text that a target is given. `rule` has the rule's `name` and `arn`.

    Raises `ValueError` when the text would be too long, `RecursionError` when the event is nested too deeply.
    """
    if target.get("Input") is not None:
        return str(target["Input"])
    if target.get("InputPath"):
        found = _at(event, target["InputPath"])
        return _json(found[0]) if found else "null"
    transformer = target.get("InputTransformer")
    if transformer is None:
        return _json(event)
    values: dict[str, Any] = {
        "aws.events.rule-arn": rule["arn"],
        "aws.events.rule-name": rule["name"],
        "aws.events.event.ingestion-time": ingested_at,
        "aws.events.event": {name: value for name, value in event.items() if name != "detail"},
        "aws.events.event.json": event,
    }
    for name, path in (transformer.get("InputPathsMap") or {}).items():
        found = _at(event, path)
        if found:
            values[name] = found[0]
    return _filled(transformer["InputTemplate"], values)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _filled(template: str, values: dict[str, Any]) -> str:
    """The template with its placeholders: inside quotes as plain text, elsewhere as JSON.

    What the event does not have leaves nothing: within a text an empty place, elsewhere an empty text.
    """
    out: list[str] = []
    quoted, at, length = False, 0, 0
    while at < len(template):
        found = _PLACEHOLDER.match(template, at) if template[at] == "<" else None
        if found is not None:
            value = values.get(found[1], "")
            text = value if isinstance(value, str) else _json(value)
            out.append(_json(text)[1:-1] if quoted else _json(value))
            length += len(out[-1])
            if length > _LONGEST_INPUT:
                raise ValueError("The input that the template makes is too long.")
            at = found.end()
            continue
        if template[at] == "\\" and quoted:
            out.append(template[at : at + 2])
            at += 2
            continue
        if template[at] == '"':
            quoted = not quoted
        out.append(template[at])
        at += 1
    return "".join(out)


def _segments(path: str, target: dict[str, Any] | None = None) -> list[str | int]:
    if not path.startswith("$"):
        raise _invalid(target or {"Id": ""}, f"{path} is not a JSON path")
    found: list[str | int] = []
    at = 1
    while at < len(path):
        match = _SEGMENT.match(path, at)
        if match is None:
            raise _invalid(target or {"Id": ""}, f"{path} is not a JSON path")
        name, index, quoted = match.groups()
        found.append(int(index) if index and index != "*" else name or quoted or "*")
        at = match.end()
    return found


def _at(event: Event, path: str) -> list[Any]:
    """The value at a path, alone in a list; empty: there is none. A wildcard gives the list of all there are."""
    values: list[Any] = [event]
    many = False
    for segment in _segments(path):
        following: list[Any] = []
        for value in values:
            if segment == "*":
                many = True
                following += value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
            elif isinstance(segment, int):
                following += value[segment : segment + 1] if isinstance(value, list) else []
            elif isinstance(value, dict) and segment in value:
                following.append(value[segment])
        values = following
    return [values] if many else values


def value_of(event: Event, text: str) -> str:
    """A parameter's value: `text` itself, or what the event has at it when it is a JSON path."""
    if not text.startswith("$."):
        return text
    found = _at(event, text)
    if not found:
        return ""
    return found[0] if isinstance(found[0], str) else _json(found[0])
