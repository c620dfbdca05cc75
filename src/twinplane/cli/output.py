"""How answers are told: tables for people, JSON for programs."""

import json
import sys
from typing import Any


def say(text: str) -> None:
    """A line for people: progress goes to stderr, so that stdout holds the answer alone."""
    print(text, file=sys.stderr, flush=True)


def tell(text: str) -> None:
    """A line of the answer."""
    print(text, flush=True)


def table(rows: list[dict[str, Any]], columns: dict[str, str], as_json: bool, empty: str = "Nothing.") -> None:
    """Rows as a table: `columns` maps a member (dots lead inside) to its heading. As JSON: everything."""
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    if not rows:
        print(empty)
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in columns.values():
        shown.add_column(heading, overflow="fold")
    for row in rows:
        shown.add_row(*(_text(member(row, name)) for name in columns))
    Console(width=None if sys.stdout.isatty() else 200, highlight=False, markup=False).print(shown)


def details(item: dict[str, Any], as_json: bool) -> None:
    """One thing, member by member."""
    if as_json:
        print(json.dumps(item, indent=2))
        return
    width = max((len(name) for name in item), default=0)
    for name, value in item.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            print(f"{name.replace('_', ' ')}:")
            told = [key for key in value[0] if any(one.get(key) not in (None, "") for one in value)]
            table(value, {key: key.replace("_", " ").capitalize() for key in told}, as_json=False)
        elif value not in (None, "", [], {}):
            print(f"{name.replace('_', ' '):<{width}}  {_text(value)}")


def request_story(request: dict[str, Any], as_json: bool) -> None:
    """A request: what is asked, who decided, what happened."""
    if as_json:
        print(json.dumps(request, indent=2))
        return
    print(f"{request['title']}  ({request['id']})")
    status = request["status"].replace("_", " ")
    if request.get("ends_on") and request["status"] not in ("revoked", "rejected", "withdrawn", "failed"):
        status += f", until {request['ends_on']}"
    print(f"  status   {status}")
    print(f"  asked    by {member(request, 'requester.name')}: {request['reason']}")
    for reason in member(request, "policy.reasons") or []:
        print(f"  policy   {reason}")
    for approval in request.get("approvals") or []:
        by = f" by {approval['decided_by']}" if approval.get("decided_by") else ""
        comment = f": {approval['comment']}" if approval.get("comment") else ""
        print(f"  {approval['stage']:<8} {approval['status']}{by}{comment}")
    for step in request.get("steps") or []:
        print(f"  {step['at'][11:19]} {step['text']}")


def member(row: dict[str, Any], path: str) -> Any:
    """The value at a dotted path, None when it is not there."""
    value: Any = row
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_text(one) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_text(one)}" for name, one in value.items() if one not in (None, ""))
    return str(value)
