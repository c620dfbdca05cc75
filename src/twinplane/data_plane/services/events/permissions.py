"""Who may do what with EventBridge's buses, rules, connections and destinations."""

import json
from typing import Any

from twinplane.data_plane.call import Access, Call, Request, ServiceError
from twinplane.data_plane.services.events import store
from twinplane.data_plane.services.iam.policy import Policy, compile_policy
from twinplane.data_plane.services.iam.rules import require
from twinplane.data_plane.store import Document, Transaction


def bus_name(call: Call, given: str | None) -> str:
    """The bus that a name or an ARN means; the default one when None. Raises `ResourceNotFoundException`."""
    if given is None:
        return store.DEFAULT_BUS
    name = given.rpartition("/")[2]
    if given.startswith("arn:") and given != store.arn_of(call.plane, f"event-bus/{name}"):
        raise no_bus(name)
    return name


def no_bus(name: str) -> ServiceError:
    return ServiceError("ResourceNotFoundException", f"Event bus {name} does not exist.")


def get_bus(call: Call, given: str | None) -> Document:
    """The bus. Raises `ResourceNotFoundException`."""
    name = bus_name(call, given)
    bus = store.find_bus(call.tx, name)
    if bus is None:
        raise no_bus(name)
    return bus


def policy_of(bus: Document | None) -> Policy | None:
    return compile_policy(json.dumps(bus["policy"]), "resource") if bus is not None and bus["policy"] else None


def on_bus(action: str, member: str = "Name") -> Access:
    """Access by `action` on the bus that a member of the request names."""

    def access(call: Call, request: Request) -> None:
        name = bus_name(call, request.get(member))
        arn = store.arn_of(call.plane, f"event-bus/{name}")
        call.resources.append({"ARN": arn, "type": "AWS::Events::EventBus"})
        require(call, action, arn, resource_policy=policy_of(store.find_bus(call.tx, name)))

    return access


def on_rule(action: str, member: str = "Name") -> Access:
    """Access by `action` on the rule that a member of the request names."""

    def access(call: Call, request: Request) -> None:
        bus = bus_name(call, request.get("EventBusName"))
        arn = store.rule_arn(call.plane, bus, request[member])
        call.resources.append({"ARN": arn, "type": "AWS::Events::Rule"})
        require(call, action, arn, resource_policy=policy_of(store.find_bus(call.tx, bus)))

    return access


def on_named(action: str, kind: str, type_name: str) -> Access:
    """Access by `action` on the connection or API destination that the request names."""

    def access(call: Call, request: Request) -> None:
        arn = store.arn_of(call.plane, f"{kind}/{request['Name']}")
        call.resources.append({"ARN": arn, "type": type_name})
        require(call, action, arn)

    return access


def on_putting(call: Call, request: Request) -> None:
    """Access of PutEvents: to the bus of every entry, which policies may limit by source and detail type."""
    asked: dict[tuple[str, str, str], Any] = {}
    for entry in request["Entries"]:
        name = bus_name(call, entry.get("EventBusName"))
        asked[name, entry.get("Source") or "", entry.get("DetailType") or ""] = None
    for name, source, detail_type in asked:
        arn = store.arn_of(call.plane, f"event-bus/{name}")
        values = {"events:source": source, "events:detail-type": detail_type}
        require(call, "events:PutEvents", arn, values, policy_of(store.find_bus(call.tx, name)))


def tags_of(request: Request) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in request.get("Tags") or []}


def find_by_arn(tx: Transaction, call: Call, arn: str) -> tuple[Any, Document] | None:
    """The bus or rule with this ARN, and its kind."""
    what = arn.partition(f":{call.account_id}:")[2].split("/")
    if what[0] == "event-bus" and len(what) == 2:
        bus = store.find_bus(tx, what[1])
        return None if bus is None else (store.BUSES, bus)
    if what[0] == "rule" and len(what) in (2, 3):
        rule = tx.find(store.RULES, what[1] if len(what) == 3 else store.DEFAULT_BUS, what[-1])
        return None if rule is None else (store.RULES, rule)
    return None
