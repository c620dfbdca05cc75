"""Tags of databases and connections."""

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads, writes
from twinplane.data_plane.services.glue import permissions, rules, store
from twinplane.data_plane.services.glue.permissions import by_policies


def _resource(_call: Call, request: Request) -> str:
    return str(request["ResourceArn"])


def _tags(call: Call, request: Request) -> dict[str, str]:
    arn = request["ResourceArn"]
    database, connection = permissions.arn(call, "database", ""), permissions.arn(call, "connection", "")
    if arn.startswith(database):
        permissions.get_database(call, arn.removeprefix(database))
    elif not arn.startswith(connection):
        raise rules.invalid(f"{arn} is no database or connection of this catalog; other resources have no tags here.")
    elif call.tx.find(store.CONNECTIONS, arn.removeprefix(connection)) is None:
        raise ServiceError("EntityNotFoundException", f"Connection {arn.removeprefix(connection)} not found.")
    found = call.tx.find(store.TAGS, arn)
    return dict(found["tags"]) if found else {}


def get_tags(call: Call, request: Request) -> Answer:
    return {"Tags": _tags(call, request)}


def tag_resource(call: Call, request: Request) -> Answer:
    tags = _tags(call, request) | request["TagsToAdd"]
    if len(tags) > 50:
        raise rules.invalid("A resource can have at most 50 tags.")
    call.tx.put(store.TAGS, {"arn": request["ResourceArn"], "tags": tags})
    return {}


def untag_resource(call: Call, request: Request) -> Answer:
    tags = {key: value for key, value in _tags(call, request).items() if key not in request["TagsToRemove"]}
    call.tx.put(store.TAGS, {"arn": request["ResourceArn"], "tags": tags})
    return {}


OPERATIONS: dict[str, Operation] = {
    "GetTags": reads(get_tags, by_policies("glue:GetTags", _resource)),
    "TagResource": writes(tag_resource, by_policies("glue:TagResource", _resource)),
    "UntagResource": writes(untag_resource, by_policies("glue:UntagResource", _resource)),
}
