"""The operations that roles, users and groups share, each under its kind's name: policies, boundaries and tags."""

from functools import partial

from twinplane.data_plane.call import Answer, Call, Operation, Request, reads, writes
from twinplane.data_plane.services.iam.entities import (
    Entity,
    attached_policies,
    changed_tags,
    characters_of,
    checked_policy,
    known_policy_arn,
    no_such,
    on_the_wire,
    page_of_list,
    quota,
    tag_list,
    without_tags,
)
from twinplane.data_plane.store import Document

MOST_ATTACHED = 10
_MOST_CHARACTERS = {"Role": 10240, "User": 2048, "Group": 5120}  # of all inline policies together


def put_policy(of: Entity, call: Call, request: Request) -> Answer:
    entity = of.get(call, request)
    entity["policies"][request["PolicyName"]] = checked_policy(request["PolicyDocument"])
    size = sum(characters_of(text) for text in entity["policies"].values())
    quota(size, _MOST_CHARACTERS[of.word], f"{of.word}PolicySize")
    return of.put(call, entity)


def get_policy(of: Entity, call: Call, request: Request) -> Answer:
    entity = of.get(call, request)
    text = _inline(of, entity, request)
    return {
        of.member: entity[of.member], "PolicyName": request["PolicyName"], "PolicyDocument": on_the_wire(text),
    }  # fmt: skip


def list_policies(of: Entity, call: Call, request: Request) -> Answer:
    names = [{"PolicyName": name} for name in of.get(call, request)["policies"]]
    found, more = page_of_list(call, request, names, "PolicyName")
    return {"PolicyNames": [policy["PolicyName"] for policy in found], **more}


def delete_policy(of: Entity, call: Call, request: Request) -> Answer:
    entity = of.get(call, request)
    _inline(of, entity, request)
    del entity["policies"][request["PolicyName"]]
    return of.put(call, entity)


def attach_policy(of: Entity, call: Call, request: Request) -> Answer:
    entity = of.get(call, request)
    attached = sorted({*entity["attached"], known_policy_arn(call.tx, request["PolicyArn"])})
    quota(len(attached), MOST_ATTACHED, f"PoliciesPer{of.word}")
    return of.put(call, entity | {"attached": attached})


def detach_policy(of: Entity, call: Call, request: Request) -> Answer:
    entity, arn = of.get(call, request), request["PolicyArn"]
    if arn not in entity["attached"]:
        raise no_such(f"Policy {arn} was not found.")
    return of.put(call, entity | {"attached": [one for one in entity["attached"] if one != arn]})


def list_attached_policies(of: Entity, call: Call, request: Request) -> Answer:
    attached = attached_policies(of.get(call, request))
    found, more = page_of_list(call, request, attached, "PolicyArn")
    return {"AttachedPolicies": found, **more}


def put_permissions_boundary(of: Entity, call: Call, request: Request) -> Answer:
    entity = of.get(call, request)
    return of.put(call, entity | {"boundary_arn": known_policy_arn(call.tx, request["PermissionsBoundary"])})


def delete_permissions_boundary(of: Entity, call: Call, request: Request) -> Answer:
    return of.put(call, of.get(call, request) | {"boundary_arn": None})


def tag(of: Entity, call: Call, request: Request) -> Answer:
    entity = of.get(call, request)
    return of.put(call, entity | {"tags": changed_tags(entity["tags"], request["Tags"])})


def untag(of: Entity, call: Call, request: Request) -> Answer:
    entity = of.get(call, request)
    return of.put(call, entity | {"tags": without_tags(entity["tags"], request["TagKeys"])})


def list_tags(of: Entity, call: Call, request: Request) -> Answer:
    found, more = page_of_list(call, request, tag_list(of.get(call, request)["tags"]), "Key")
    return {"Tags": found, **more}


def _inline(of: Entity, entity: Document, request: Request) -> str:
    text: str | None = entity["policies"].get(request["PolicyName"])
    if text is None:
        raise no_such(f"The {of.word.lower()} policy with name {request['PolicyName']} cannot be found.")
    return text


def policy_operations(of: Entity) -> dict[str, Operation]:
    """Inline and attached policies of a role, user or group."""
    word = of.word
    changes = {
        f"Put{word}Policy": put_policy,
        f"Delete{word}Policy": delete_policy,
        f"Attach{word}Policy": attach_policy,
        f"Detach{word}Policy": detach_policy,
    }
    looks = {
        f"Get{word}Policy": get_policy,
        f"List{word}Policies": list_policies,
        f"ListAttached{word}Policies": list_attached_policies,
    }
    return {
        **{name: writes(partial(function, of), of.may(name)) for name, function in changes.items()},
        **{name: reads(partial(function, of), of.may(name)) for name, function in looks.items()},
    }


def boundary_and_tag_operations(of: Entity) -> dict[str, Operation]:
    """The permissions boundary and the tags of a role or user."""
    word = of.word
    changes = {
        f"Put{word}PermissionsBoundary": put_permissions_boundary,
        f"Delete{word}PermissionsBoundary": delete_permissions_boundary,
        f"Tag{word}": tag,
        f"Untag{word}": untag,
    }
    return {
        **{name: writes(partial(function, of), of.may(name)) for name, function in changes.items()},
        f"List{word}Tags": reads(partial(list_tags, of), of.may(f"List{word}Tags")),
    }
