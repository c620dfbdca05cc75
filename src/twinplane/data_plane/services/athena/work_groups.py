"""Work groups: where results go, and who may run queries there."""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Request, ServiceError
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.athena import store
from twinplane.data_plane.services.iam.rules import require
from twinplane.data_plane.store import AlreadyExists, Document


def invalid(message: str, code: str = "INVALID_INPUT") -> ServiceError:
    """Athena's error for a request that cannot be served."""
    return ServiceError("InvalidRequestException", message, AthenaErrorCode=code)


def work_group_arn(call: Call, name: str) -> str:
    return f"arn:aws:athena:{call.region}:{call.account_id}:workgroup/{name}"


def get(call: Call, name: str) -> Document:
    """The work group. `primary` is always there. Raises `InvalidRequestException`."""
    found = store.find_work_group(call.tx, name)
    if found is None and name == store.PRIMARY:
        settings = {"EnforceWorkGroupConfiguration": False, "PublishCloudWatchMetricsEnabled": False,
                    "RequesterPaysEnabled": False, "EngineVersion": store.ENGINE_VERSION}  # fmt: skip
        return {"Name": store.PRIMARY, "State": "ENABLED", "Configuration": settings, "CreationTime": 0.0, "Tags": {}}
    if found is None:
        raise invalid(f"WorkGroup {name} is not found.")
    return found


def create_work_group(call: Call, request: Request) -> Answer:
    """Makes a work group."""
    settings = dict(request.get("Configuration") or {})
    _check_location(settings.get("ResultConfiguration") or {})
    center = settings.get("IdentityCenterConfiguration") or {}
    try:
        if request["Name"] == store.PRIMARY:
            raise AlreadyExists(store.WORK_GROUPS, (store.PRIMARY,))
        store.create_work_group(
            call.tx, name=request["Name"], output_location=None, configuration=settings, now=call.now,
            identity_center=bool(center.get("EnableIdentityCenter")), description=request.get("Description") or "",
            tags={tag["Key"]: tag.get("Value") or "" for tag in request.get("Tags") or ()},
        )  # fmt: skip
    except AlreadyExists:
        raise invalid("WorkGroup is already created") from None
    return {}


def _check_location(result: Document) -> None:
    location = result.get("OutputLocation")
    if location is not None and not location.startswith("s3://"):
        raise invalid("outputLocation is not a valid S3 path.")


def get_work_group(call: Call, request: Request) -> Answer:
    """One work group."""
    return {"WorkGroup": {k: v for k, v in get(call, request["WorkGroup"]).items() if k != "Tags"}}


def update_work_group(call: Call, request: Request) -> Answer:
    """Changes a work group's settings, description or state."""
    found = get(call, request["WorkGroup"])
    settings, updates = dict(found["Configuration"]), dict(request.get("ConfigurationUpdates") or {})
    results = dict(settings.get("ResultConfiguration") or {})
    for member, value in (updates.pop("ResultConfigurationUpdates", None) or {}).items():
        if member.startswith("Remove"):
            if value:
                results.pop(member.removeprefix("Remove"), None)
        else:
            results[member] = value
    _check_location(results)
    settings["ResultConfiguration"] = results
    if updates.pop("RemoveBytesScannedCutoffPerQuery", False):
        settings.pop("BytesScannedCutoffPerQuery", None)
    settings |= {k: v for k, v in updates.items() if not k.startswith("Remove")}
    changed = {"Configuration": settings}
    for member in ("Description", "State"):
        if request.get(member) is not None:
            changed[member] = request[member]
    call.tx.put(store.WORK_GROUPS, found | changed)
    return {}


def delete_work_group(call: Call, request: Request) -> Answer:
    """Removes a work group; one that is not empty only when asked to remove what is in it."""
    name = request["WorkGroup"]
    if name == store.PRIMARY:
        raise invalid("Cannot delete primary WorkGroup")
    get(call, name)
    if not request.get("RecursiveDeleteOption") and not store.is_empty(call.tx, name):
        raise invalid(f"WorkGroup {name} is not empty")
    store.remove_work_group(call.tx, name)
    return {}


def list_work_groups(call: Call, request: Request) -> Answer:
    """The work groups that the caller may get. AWS lists all; here a project's name is not for everybody."""

    def may_get(group: Document) -> bool:
        try:
            require(call, "athena:GetWorkGroup", work_group_arn(call, group["Name"]))
        except ServiceError:
            return False
        return True

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        rows = call.tx.select(store.WORK_GROUPS)
        if store.find_work_group(call.tx, store.PRIMARY) is None:
            rows = sorted([*rows, get(call, store.PRIMARY)], key=lambda w: str(w["Name"]))
        return [w for w in rows if (after is None or [w["Name"]] > after) and may_get(w)][:limit]

    rows, token = listing(call, request, fetch, lambda w: [w["Name"]])
    shown = ("Name", "State", "Description", "CreationTime")
    summaries = [{k: w[k] for k in shown if k in w} | {"EngineVersion": store.ENGINE_VERSION} for w in rows]
    return {"WorkGroups": summaries, "NextToken": token}


def listing(call: Call, request: Request, fetch: Any, sort_key: Any, default: int = 50) -> tuple[list[Any], str | None]:
    """One page by `MaxResults` and `NextToken`."""
    size, token = "MaxResults", "NextToken"
    return page(
        call, request, fetch, sort_key, size=size, token=token, default=default, error="InvalidRequestException"
    )  # fmt: skip
