"""Event buses, and what happens to an event: matched, and handed to its targets in the transaction that emits it.

A queue gets its message at once, in that transaction. An API destination gets a durable task. So a delivery exists
exactly when the change does that it tells of. Where no rule waits for an event, emitting it costs a look into a cache.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.services.cloudtrail.rules import is_management_event
from twinplane.data_plane.services.events.inputs import Event, target_input
from twinplane.data_plane.services.events.patterns import Matcher, compile_pattern
from twinplane.data_plane.services.sqs import rules as sqs_rules
from twinplane.data_plane.services.sqs import store as sqs
from twinplane.data_plane.services.sqs.permissions import service_may_send
from twinplane.data_plane.store import Derived, Document, Kind, Transaction
from twinplane.data_plane.tasks import enqueue
from twinplane.data_plane.wire.http import new_request_id
from twinplane.data_plane.wire.scalars import iso8601

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

log = structlog.get_logger()

BUSES = Kind("event_bus", key=("name",))
RULES = Kind("event_rule", key=("bus", "name"))
TARGETS = Kind("event_target", key=("bus", "rule", "id"), indexes=(("bus", "arn"),))
CONNECTIONS = Kind("event_connection", key=("name",))
DESTINATIONS = Kind("event_api_destination", key=("name",))
SCHEDULES = Kind("event_schedule", key=("rule_arn",))
KINDS = [BUSES, RULES, TARGETS, CONNECTIONS, DESTINATIONS, SCHEDULES]

DEFAULT_BUS = "default"
SEALED = "event connections"  # what their secrets are sealed for
INVOCATION = "events-invocation"
_SERVICE = "events.amazonaws.com"
CALLS = "AWS API Call via CloudTrail"
_WITH_READS = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
_COMPILED = Derived("event rules of a bus", (RULES, TARGETS))


def arn_of(plane: "Plane", what: str) -> str:
    """The ARN of something of EventBridge: `event-bus/default`, `rule/name`, `rule/bus/name`, …"""
    return f"arn:aws:events:{plane.settings.region}:{plane.settings.account_id}:{what}"


def rule_arn(plane: "Plane", bus: str, name: str) -> str:
    return arn_of(plane, f"rule/{name}" if bus == DEFAULT_BUS else f"rule/{bus}/{name}")


def find_bus(tx: Transaction, name: str) -> Document | None:
    """The bus with this name; the default one is there from the beginning."""
    bus = tx.find(BUSES, name)
    if bus is None and name == DEFAULT_BUS:
        return {"name": DEFAULT_BUS, "policy": None, "tags": {}}
    return bus


@dataclass(frozen=True, slots=True)
class _Rule:
    name: str
    arn: str
    matches: Matcher
    with_reads: bool
    targets: list[Document]


def emit(
    tx: Transaction, plane: "Plane", *, source: str, detail_type: str, detail: dict[str, Any],
    resources: Sequence[str] = (), time: float | None = None,
) -> None:  # fmt: skip
    """Puts an event of an AWS service on the default bus: its deliveries exist exactly when this transaction is kept.

    `source` such as `aws.s3`; `time` in epoch seconds, the plane's clock when None.
    """
    if _rules_of(tx, plane, DEFAULT_BUS):
        publish(tx, plane, DEFAULT_BUS, new_event(plane, source, detail_type, detail, resources, time))


def hears(tx: Transaction, plane: "Plane") -> bool:
    """Whether any rule waits for events of AWS's services at all."""
    return bool(_rules_of(tx, plane, DEFAULT_BUS))


def emit_call(tx: Transaction, plane: "Plane", source: str, name: str, read_only: bool, record: bytes) -> None:
    """Puts a call's CloudTrail record (JSON) on the default bus; `source` such as `glue.amazonaws.com`.

    Calls that only read go to rules that ask for them, calls about data to none. AWS needs a trail for this; here every
    call is recorded anyway.
    """
    known = _rules_of(tx, plane, DEFAULT_BUS)
    if not known or (read_only and not any(rule.with_reads for rule in known)):
        return
    service = source.partition(".")[0]
    if is_management_event(service, name):
        detail = json.loads(record)
        event = new_event(plane, f"aws.{service}", CALLS, detail, (), None)
        publish(tx, plane, DEFAULT_BUS, event | {"time": detail["eventTime"]}, reading=read_only)


def new_event(
    plane: "Plane", source: str, detail_type: str, detail: dict[str, Any], resources: Sequence[str], time: float | None
) -> Event:
    """An event in EventBridge's envelope."""
    return {
        "version": "0", "id": new_request_id(), "detail-type": detail_type, "source": source,
        "account": plane.settings.account_id, "time": iso8601(int(plane.clock() if time is None else time)),
        "region": plane.settings.region, "resources": list(resources), "detail": detail,
    }  # fmt: skip


def publish(
    tx: Transaction, plane: "Plane", bus: str, event: Event, *, reading: bool = False, forwarded: bool = False
) -> None:
    """Hands an event to the targets of every rule of the bus that it matches."""
    for rule in _rules_of(tx, plane, bus):
        if reading and not rule.with_reads:
            continue
        try:
            matched = rule.matches(event)
        except RecursionError:
            matched = False
        if matched:
            for target in rule.targets:
                deliver(tx, plane, rule.name, rule.arn, target, event, forwarded=forwarded)


def _rules_of(tx: Transaction, plane: "Plane", bus: str) -> list[_Rule]:
    return tx.derived(_COMPILED, bus, lambda: _compiled(tx, plane, bus))


def _compiled(tx: Transaction, plane: "Plane", bus: str) -> list[_Rule]:
    found = []
    for rule in tx.select(RULES, {"bus": bus}):
        targets = tx.select(TARGETS, {"bus": bus, "rule": rule["name"]})
        if targets and rule["pattern"] is not None and rule["state"] != "DISABLED":
            with_reads = rule["state"] == _WITH_READS
            matches = compile_pattern(rule["pattern"])
            found.append(_Rule(rule["name"], rule_arn(plane, bus, rule["name"]), matches, with_reads, targets))
    return found


# Delivering


class DeliveryFailed(Exception):
    """A target did not take an event. `code` as EventBridge's dead letters name it."""

    def __init__(self, code: str, message: str, retriable: bool = False, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.retriable, self.retry_after = code, message, retriable, retry_after


def deliver(
    tx: Transaction, plane: "Plane", name: str, arn: str, target: Document, event: Event, *, forwarded: bool = False
) -> None:
    """Hands an event to one target of a rule; what the target does not take becomes a dead letter."""
    try:
        text = target_input(target["given"], event, {"name": name, "arn": arn}, iso8601(int(plane.clock())))
        service = target["arn"].split(":")[2]
        if service == "sqs":
            _send(tx, plane, arn, target["given"], text)
        elif ":event-bus/" in target["arn"]:
            _forward(tx, plane, target["arn"], event, forwarded)
        else:
            enqueue(
                tx, plane, INVOCATION, target["arn"],
                rule_arn=arn, target=target["given"], event=event, text=text, put_at=plane.clock(), retries=0,
            )  # fmt: skip
    except DeliveryFailed as error:
        bury(tx, plane, arn, target["given"], event, error)
    except (ValueError, RecursionError) as error:  # the change that is told of must not fail by it
        bury(tx, plane, arn, target["given"], event, DeliveryFailed("INVALID_PARAMETER", str(error)))


def _send(tx: Transaction, plane: "Plane", arn: str, target: dict[str, Any], text: str) -> None:
    """Sends a message, if the queue's policy lets EventBridge. Raises `DeliveryFailed`."""
    queue = sqs.find_queue_by_arn(tx, plane, target["Arn"])
    if queue is None:
        raise DeliveryFailed("NO_RESOURCE", "The specified queue does not exist.")
    if not service_may_send(queue, target["Arn"], _SERVICE, arn, plane.settings.account_id):
        raise DeliveryFailed("NO_PERMISSIONS", "The queue's policy does not let events.amazonaws.com send to it.")
    message: dict[str, Any] = {"MessageBody": text, "MessageAttributes": target.get("attributes") or {}}
    group = (target.get("SqsParameters") or {}).get("MessageGroupId")
    if group is not None:
        message["MessageGroupId"] = group
    try:
        sqs_rules.check_message(message, queue["fifo"], sqs.settings_of(queue))
    except ServiceError as error:
        raise DeliveryFailed("SDK_CLIENT_ERROR", error.message) from None
    sqs.send(tx, plane, queue, message, plane.clock(), sender=_SERVICE)


def _forward(tx: Transaction, plane: "Plane", arn: str, event: Event, forwarded: bool) -> None:
    """Puts an event on another bus; from there it goes no further, as on AWS."""
    bus = arn.rpartition("/")[2]
    if arn != arn_of(plane, f"event-bus/{bus}") or find_bus(tx, bus) is None:
        raise DeliveryFailed("NO_RESOURCE", f"Event bus {bus} does not exist.")
    if forwarded:
        raise DeliveryFailed("THIRD_ACCOUNT_HOP_DETECTED", "An event goes from one bus to another only once.")
    publish(tx, plane, bus, event, forwarded=True)


def bury(
    tx: Transaction, plane: "Plane", arn: str, target: dict[str, Any], event: Event, error: DeliveryFailed,
    retries: int = 0, exhausted: str | None = None,
) -> None:  # fmt: skip
    """Sends an event that could not be delivered to the target's dead-letter queue; without one it is dropped."""
    queue_arn = (target.get("DeadLetterConfig") or {}).get("Arn")
    if queue_arn is None:
        log.info("an event was dropped", rule=arn, target=target["Arn"], code=error.code, event_id=event["id"])
        return
    known = {
        "RULE_ARN": arn, "TARGET_ARN": target["Arn"], "ERROR_CODE": error.code, "ERROR_MESSAGE": error.message[:1024],
        "RETRY_ATTEMPTS": str(retries), "EXHAUSTED_RETRY_CONDITION": exhausted,
    }  # fmt: skip
    attributes = {name: {"DataType": "String", "StringValue": text} for name, text in known.items() if text}
    letter = {"Arn": queue_arn, "attributes": attributes}
    try:
        _send(tx, plane, arn, letter, json.dumps(event, separators=(",", ":"), ensure_ascii=False))
    except RecursionError:
        log.warning("a dead letter was dropped", rule=arn, queue=queue_arn, code="INVALID_JSON", event_id=event["id"])
    except DeliveryFailed as failure:
        log.warning("a dead letter was dropped", rule=arn, queue=queue_arn, code=failure.code, event_id=event["id"])
