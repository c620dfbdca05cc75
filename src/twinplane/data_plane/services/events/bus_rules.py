"""The rules of a bus and their targets."""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads, writes
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.events import schedule, store
from twinplane.data_plane.services.events.buses import named_page
from twinplane.data_plane.services.events.inputs import check_input
from twinplane.data_plane.services.events.patterns import InvalidPattern, compile_pattern
from twinplane.data_plane.services.events.permissions import bus_name, get_bus, on_rule, policy_of, tags_of
from twinplane.data_plane.services.events.schedules import InvalidSchedule, parse_schedule
from twinplane.data_plane.services.iam.rules import iam, require
from twinplane.data_plane.store import Document

_MOST_TARGETS = 5


def put_rule(call: Call, request: Request) -> Answer:
    """Makes a rule, or replaces the one with this name, whose targets and tags stay."""
    bus, name = get_bus(call, request.get("EventBusName"))["name"], request["Name"]
    pattern, text = request.get("EventPattern") or None, request.get("ScheduleExpression") or None
    if pattern is None and text is None:
        raise ServiceError("ValidationException", "Parameter(s) EventPattern or ScheduleExpression must be specified.")
    if pattern is not None:
        check_pattern(pattern)
    if text is not None:
        if bus != store.DEFAULT_BUS:
            raise ServiceError("ValidationException", "ScheduleExpression is supported only on the default event bus.")
        try:
            parse_schedule(text)
        except InvalidSchedule:
            raise ServiceError("ValidationException", "Parameter ScheduleExpression is not valid.") from None
    old = call.tx.find(store.RULES, bus, name)
    rule = {
        "bus": bus, "name": name, "pattern": pattern, "schedule": text, "state": request.get("State") or "ENABLED",
        "description": request.get("Description"), "role": request.get("RoleArn"),
        "tags": tags_of(request) if old is None else old["tags"],
    }  # fmt: skip
    call.tx.put(store.RULES, rule)
    schedule.arm(call.tx, call.plane, rule)
    return {"RuleArn": store.rule_arn(call.plane, bus, name)}


def check_pattern(text: str) -> None:
    """Raises `InvalidEventPatternException`."""
    try:
        compile_pattern(text)
    except InvalidPattern as error:
        raise ServiceError("InvalidEventPatternException", f"Event pattern is not valid. Reason: {error}") from None


def _get(call: Call, request: Request, member: str = "Name") -> Document:
    bus, name = get_bus(call, request.get("EventBusName"))["name"], request[member]
    rule = call.tx.find(store.RULES, bus, name)
    if rule is None:
        raise ServiceError("ResourceNotFoundException", f"Rule {name} does not exist on EventBus {bus}.")
    return rule


def _view(call: Call, rule: Document) -> Answer:
    view = {
        "Name": rule["name"], "Arn": store.rule_arn(call.plane, rule["bus"], rule["name"]),
        "EventPattern": rule["pattern"], "ScheduleExpression": rule["schedule"], "State": rule["state"],
        "Description": rule["description"], "RoleArn": rule["role"], "EventBusName": rule["bus"],
    }  # fmt: skip
    return {member: value for member, value in view.items() if value is not None}


def describe_rule(call: Call, request: Request) -> Answer:
    return _view(call, _get(call, request)) | {"CreatedBy": call.account_id}


def list_rules(call: Call, request: Request) -> Answer:
    bus, prefix = get_bus(call, request.get("EventBusName"))["name"], request.get("NamePrefix") or ""

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        behind = None if after is None else [bus, after[0]]
        rules = call.tx.select(store.RULES, {"bus": bus}, after=behind)
        return [rule for rule in rules if rule["name"].startswith(prefix)][:limit]

    found, token = named_page(call, request, fetch)
    return {"Rules": [_view(call, rule) for rule in found], **token}


def enable_rule(call: Call, request: Request) -> Answer:
    return _set_state(call, request, "ENABLED")


def disable_rule(call: Call, request: Request) -> Answer:
    return _set_state(call, request, "DISABLED")


def _set_state(call: Call, request: Request, state: str) -> Answer:
    rule = _get(call, request)
    if rule["state"] == "DISABLED" or state == "DISABLED":
        rule = call.tx.put(store.RULES, rule | {"state": state})
        schedule.arm(call.tx, call.plane, rule)
    return {}


def delete_rule(call: Call, request: Request) -> Answer:
    """Deletes a rule without targets; one that is not there is gone already."""
    bus, name = get_bus(call, request.get("EventBusName"))["name"], request["Name"]
    if call.tx.first(store.TARGETS, {"bus": bus, "rule": name}) is not None:
        raise ServiceError("ValidationException", "Rule can't be deleted since it has targets.")
    call.tx.remove(store.RULES, bus, name)
    schedule.disarm(call.tx, store.rule_arn(call.plane, bus, name))
    return {}


# Targets


def put_targets(call: Call, request: Request) -> Answer:
    """Adds targets to a rule, or replaces those with the same ids."""
    rule = _get(call, request, "Rule")
    ids = {target["Id"] for target in request["Targets"]}
    known = {target["id"] for target in call.tx.select(store.TARGETS, {"bus": rule["bus"], "rule": rule["name"]})}
    if len(known | ids) > _MOST_TARGETS:
        raise ServiceError("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
    for target in request["Targets"]:
        _check_target(target)
        _check_reach(call, target["Arn"])
    for target in request["Targets"]:
        call.tx.put(store.TARGETS, {
            "bus": rule["bus"], "rule": rule["name"], "id": target["Id"], "arn": target["Arn"], "given": target,
        })  # fmt: skip
    return {"FailedEntryCount": 0, "FailedEntries": []}


def _check_reach(call: Call, arn: str) -> None:
    """Who has events sent to a bus or an API destination must be allowed to send some there; queues say it themselves.

    AWS asks this of the role that a target names.
    """
    kind, _, name = arn.split(":", 5)[5].partition("/")
    if kind == "event-bus":
        require(call, "events:PutEvents", arn, resource_policy=policy_of(store.find_bus(call.tx, name)))
    elif kind == "api-destination":
        require(call, "events:InvokeApiDestination", arn)


def _check_target(target: dict[str, Any]) -> None:
    arn = target["Arn"].split(":", 5)
    if len(arn) != 6 or arn[0] != "arn":
        reason = "Provided Arn is not in correct format."
        raise ServiceError("ValidationException", f"Parameter {target['Arn']} is not valid. Reason: {reason}")
    queue = arn[2] == "sqs"
    ours = arn[2] == "events" and arn[5].partition("/")[0] in ("event-bus", "api-destination")
    if not queue and not ours:
        raise ServiceError("NotImplemented", f"Targets such as {target['Arn']} are not served: queues, event buses and "
                           "API destinations are.", 501)  # fmt: skip
    if queue and arn[5].endswith(".fifo") and not (target.get("SqsParameters") or {}).get("MessageGroupId"):
        raise ServiceError("ValidationException", f"Parameter(s) SqsParameters must be specified for target: "
                           f"{target['Id']}.")  # fmt: skip
    letters = (target.get("DeadLetterConfig") or {}).get("Arn")
    if letters is not None and not letters.startswith("arn:aws:sqs:"):
        raise ServiceError("ValidationException", "A dead-letter queue is an SQS queue.")
    check_input(target)


def remove_targets(call: Call, request: Request) -> Answer:
    rule = _get(call, request, "Rule")
    failed = [
        {
            "TargetId": each,
            "ErrorCode": "ResourceNotFoundException",
            "ErrorMessage": f"Rule {rule['name']} does not have target {each}.",
        }
        for each in request["Ids"]
        if not call.tx.remove(store.TARGETS, rule["bus"], rule["name"], each)
    ]
    return {"FailedEntryCount": len(failed), "FailedEntries": failed}


def list_targets_by_rule(call: Call, request: Request) -> Answer:
    rule = _get(call, request, "Rule")
    where = {"bus": rule["bus"], "rule": rule["name"]}

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        return call.tx.select(store.TARGETS, where, after=after, limit=limit)

    found, token = page(
        call, request, fetch, lambda target: [target["bus"], target["rule"], target["id"]],
        size="Limit", token="NextToken", default=100, most=100,  # noqa: S106
    )  # fmt: skip
    return {"Targets": [target["given"] for target in found]} | ({"NextToken": token} if token else {})


def list_rule_names_by_target(call: Call, request: Request) -> Answer:
    bus = get_bus(call, request.get("EventBusName"))["name"]
    names = sorted({t["rule"] for t in call.tx.select(store.TARGETS, {"bus": bus, "arn": request["TargetArn"]})})

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        return [{"name": name} for name in names if after is None or name > after[0]][:limit]

    found, token = named_page(call, request, fetch)
    return {"RuleNames": [rule["name"] for rule in found], **token}


def _rules_of_bus(call: Call, request: Request) -> str:
    return store.rule_arn(call.plane, bus_name(call, request.get("EventBusName")), "*")


OPERATIONS: dict[str, Operation] = {
    "PutRule": writes(put_rule, on_rule("events:PutRule")),
    "DescribeRule": reads(describe_rule, on_rule("events:DescribeRule")),
    "ListRules": reads(list_rules, iam("events:ListRules", _rules_of_bus)),
    "EnableRule": writes(enable_rule, on_rule("events:EnableRule")),
    "DisableRule": writes(disable_rule, on_rule("events:DisableRule")),
    "DeleteRule": writes(delete_rule, on_rule("events:DeleteRule")),
    "PutTargets": writes(put_targets, on_rule("events:PutTargets", "Rule")),
    "RemoveTargets": writes(remove_targets, on_rule("events:RemoveTargets", "Rule")),
    "ListTargetsByRule": reads(list_targets_by_rule, on_rule("events:ListTargetsByRule", "Rule")),
    "ListRuleNamesByTarget": reads(list_rule_names_by_target, iam("events:ListRuleNamesByTarget", _rules_of_bus)),
}
