"""Tags of databases."""

from twinplane.data_plane.call import Answer, Call, Operation, Request, reads, writes
from twinplane.data_plane.services.glue import permissions, rules, store
from twinplane.data_plane.services.iam.rules import iam


def _resource(_call: Call, request: Request) -> str:
    return str(request["ResourceArn"])


def _tags(call: Call, request: Request) -> dict[str, str]:
    arn, prefix = request["ResourceArn"], permissions.arn(call, "database", "")
    if not arn.startswith(prefix):
        raise rules.invalid(f"{arn} is not a database of this catalog; other resources have no tags here.")
    permissions.get_database(call, arn.removeprefix(prefix))
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
    "GetTags": reads(get_tags, iam("glue:GetTags", _resource)),
    "TagResource": writes(tag_resource, iam("glue:TagResource", _resource)),
    "UntagResource": writes(untag_resource, iam("glue:UntagResource", _resource)),
}
