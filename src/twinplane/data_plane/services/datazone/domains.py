"""Domains and their tags. A domain is made, and removed, by a task behind the answer."""

from typing import TYPE_CHECKING, Any

from twinplane.data_plane import sessions
from twinplane.data_plane.call import Answer, Call, Operation, Request, new_id, reads, writes
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.datazone import (
    access,
    events,
    job_runs,
    lineage,
    making,
    provisioning,
    rules,
    search_index,
    store,
    types,
)
from twinplane.data_plane.services.iam.rules import iam, require_pass_role
from twinplane.data_plane.store import Document, Transaction
from twinplane.data_plane.tasks import TaskKind, enqueue

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

_SHOWN = (
    "id",
    "rootDomainUnitId",
    "name",
    "description",
    "singleSignOn",
    "domainExecutionRole",
    "arn",
    "kmsKeyIdentifier",
    "status",
    "portalUrl",
    "createdAt",
    "lastUpdatedAt",
    "tags",
    "domainVersion",
    "serviceRole",
    "failureReasons",
)
_LISTED = (
    "id",
    "name",
    "description",
    "arn",
    "managedAccountId",
    "status",
    "portalUrl",
    "createdAt",
    "lastUpdatedAt",
    "domainVersion",
)
_UPDATED = (
    "id", "rootDomainUnitId", "name", "description", "singleSignOn", "domainExecutionRole", "serviceRole",
    "lastUpdatedAt",
)  # fmt: skip

NOTES = {
    "CreateDomain": "Version V2 only. The roles are not looked at before they are used.",
    "DeleteDomain": "A domain that is deleted is gone: nothing lists it as DELETED. Projects that hold it up are "
    "removed first when skipDeletionCheck or cascadeDelete says so.",
    "TagResource": "Only domains have tags by ARN, as in AWS's list of taggable resources; projects have resourceTags.",
}
ASSUMED = {
    "UpdateDomain": "Only an AVAILABLE domain can be changed; domain administrators may, besides what IAM allows.",
    "DeleteDomain": "A domain that is CREATING or DELETING answers ConflictException.",
    "ListTagsForResource": "IAM decides alone who reads tags.",
    "GetIamPortalLoginUrl": "The URL is the portal's address.",
}

EXECUTION_ROLE_SECONDS = 3600
_PROJECTS_TAKE_SECONDS = 0.2


def create_domain(call: Call, request: Request) -> Answer:
    """Makes a version V2 domain with its root domain unit, owned by the caller."""
    if request.get("domainVersion", "V1") != "V2":
        raise rules.invalid("This data plane serves version V2 domains only: give domainVersion V2.")
    for role in ("domainExecutionRole", "serviceRole"):
        if not request.get(role):
            raise rules.invalid(f"{role} is required for a version V2 domain.")
    _pass_roles(call, request)
    rules.check_tags(request.get("tags", {}))
    domain_id, unit_id = new_id(prefix="dzd-"), new_id()
    sign_on = {"type": "DISABLED", **request.get("singleSignOn", {})}
    if sign_on["type"] == "IAM_IDC":
        sign_on.setdefault("userAssignment", "MANUAL")
    domain: Document = {
        **store.pick(
            request, ("name", "description", "domainExecutionRole", "serviceRole", "kmsKeyIdentifier", "domainVersion")
        ),
        "id": domain_id,
        "arn": access.domain_arn(call, domain_id),
        "rootDomainUnitId": unit_id,
        "managedAccountId": call.account_id,
        "singleSignOn": sign_on,
        "status": "CREATING",
        "portalUrl": f"https://{domain_id}.sagemaker.{call.region}.on.aws",
        "tags": request.get("tags", {}),
        "createdAt": call.now,
        "lastUpdatedAt": call.now,
    }
    access.add_unique(call.tx, store.DOMAINS, domain, f"Domain name already exists: {request['name']}")
    kind = "IAM_ROLE" if call.principal.kind == "AssumedRole" else "IAM_USER"
    creator = access.iam_profile(domain_id, kind, call.principal.iam_arn) | {"createdAt": call.now}
    call.tx.put(store.USER_PROFILES, creator)
    call.tx.add(
        store.DOMAIN_UNITS,
        {
            "domainId": domain_id,
            "id": unit_id,
            "name": request["name"],
            "parentDomainUnitId": None,
            "owners": [{"user": {"userId": creator["id"]}}],
            "createdAt": call.now,
            "createdBy": creator["id"],
        },
    )
    call.resources.append({"ARN": domain["arn"], "type": "AWS::DataZone::Domain"})
    enqueue(call.tx, call.plane, "datazone.make_domain", domain_id)
    return store.pick(domain, tuple(name for name in _SHOWN if name not in ("createdAt", "lastUpdatedAt")))


def _pass_roles(call: Call, request: Request) -> None:
    """DataZone will act as the domain's roles, and give the credentials of one to people."""
    for role in ("domainExecutionRole", "serviceRole"):
        require_pass_role(call, request.get(role), access.SERVICE)


def get_domain(call: Call, request: Request) -> Answer:
    """A domain, for whoever IAM lets read it."""
    return store.pick(store.get_domain(call.tx, request["identifier"]), _SHOWN)


def list_domains(call: Call, request: Request) -> Answer:
    """The domains of the account."""
    where = {"status": request["status"]} if request.get("status") else {}
    rows, token = page(
        call,
        request,
        lambda after, limit: call.tx.select(store.DOMAINS, where, after=after, limit=limit),
        lambda domain: [domain["id"]],
        default=25,
        most=25,
    )
    return {"items": [store.pick(domain, _LISTED) for domain in rows], "nextToken": token}


def update_domain(call: Call, request: Request) -> Answer:
    """Changes a domain's name, description, roles or sign-on; for its administrators."""
    access.require_domain_admin(call, request["identifier"])
    _pass_roles(call, request)
    domain = store.get_domain(call.tx, request["identifier"])
    if domain["status"] != "AVAILABLE":
        raise rules.conflict(f"Domain {domain['id']} is {domain['status']}.")
    changed = store.pick(request, ("name", "description", "domainExecutionRole", "serviceRole", "singleSignOn"))
    domain |= changed | {"lastUpdatedAt": call.now}
    named = call.tx.first(store.DOMAINS, {"name": domain["name"]})
    if named is not None and named["id"] != domain["id"]:
        raise rules.conflict(f"Domain name already exists: {domain['name']}")
    call.tx.put(store.DOMAINS, domain)
    return store.pick(domain, _UPDATED)


def delete_domain(call: Call, request: Request) -> Answer:
    """Removes a domain. One that still has projects is kept, unless `skipDeletionCheck` or `cascadeDelete` is given."""
    domain_id = request["identifier"]
    access.require_domain_admin(call, domain_id)
    domain = store.get_domain(call.tx, domain_id)
    if domain["status"] in ("CREATING", "DELETING"):
        raise rules.conflict(f"Domain {domain_id} is {domain['status']}.")
    projects = call.tx.count(store.PROJECTS, {"domainId": domain_id})
    if projects and not (request.get("skipDeletionCheck") or request.get("cascadeDelete")):
        raise rules.conflict(f"Domain {domain_id} still has {projects} projects; delete them first.")
    call.tx.put(store.DOMAINS, domain | {"status": "DELETING", "lastUpdatedAt": call.now})
    enqueue(call.tx, call.plane, "datazone.remove_domain", domain_id)
    return {"status": "DELETING"}


def list_tags_for_resource(call: Call, request: Request) -> Answer:
    """The tags of a domain."""
    return {"tags": _tagged(call, request)["tags"]}


def tag_resource(call: Call, request: Request) -> Answer:
    """Gives a domain tags; for its administrators."""
    domain = _tagged(call, request)
    access.require_domain_admin(call, domain["id"])
    tags = {**domain["tags"], **request["tags"]}
    rules.check_tags(tags)
    call.tx.put(store.DOMAINS, domain | {"tags": tags})
    return {}


def untag_resource(call: Call, request: Request) -> Answer:
    """Takes tags from a domain; for its administrators."""
    domain = _tagged(call, request)
    access.require_domain_admin(call, domain["id"])
    kept = {k: v for k, v in domain["tags"].items() if k not in request["tagKeys"]}
    call.tx.put(store.DOMAINS, domain | {"tags": kept})
    return {}


def _tagged(call: Call, request: Request) -> Document:
    arn: str = request["resourceArn"]
    domain = call.tx.find(store.DOMAINS, arn.rpartition("/")[2])
    if domain is None or domain["arn"] != arn:
        raise store.not_found("Resource", arn)
    return domain


def get_domain_execution_role_credentials(call: Call, request: Request) -> Answer:
    """Credentials of the domain's execution role that carry the person who asks; people only."""
    domain_id = request["domainIdentifier"]
    who = access.require(call, domain_id)
    domain = store.get_domain(call.tx, domain_id)
    issued = sessions.issue(
        call.plane,
        role_arn=domain["domainExecutionRole"],
        session_name=f"user-{who.id}"[:64],
        duration_seconds=EXECUTION_ROLE_SECONDS,
        now=call.now,
        on_behalf_of=who.user_id,
        source_identity=call.principal.source_identity,
    )
    return {"credentials": access.credentials(issued)}


def get_iam_portal_login_url(call: Call, request: Request) -> Answer:
    """Where the domain's portal is, and who the caller is there."""
    who = access.caller(call, request["domainIdentifier"])
    domain = store.get_domain(call.tx, request["domainIdentifier"])
    return {"authCodeUrl": domain["portalUrl"], "userProfileId": who.id}


async def _make(plane: "Plane", task: Document) -> None:
    def make(tx: Transaction) -> None:
        domain = tx.find(store.DOMAINS, task["subject"])
        if domain is None or domain["status"] != "CREATING":
            return
        making.ensure_default_bucket(tx, plane, domain["id"])
        tx.put(store.DOMAINS, domain | {"status": "AVAILABLE", "lastUpdatedAt": plane.clock()})
        _tell(tx, plane, "Creation Succeeded", domain)

    await plane.store.write(make)


async def _remove(plane: "Plane", task: Document) -> None:
    domain_id = task["subject"]

    def remove(tx: Transaction) -> None:
        projects = tx.select(store.PROJECTS, {"domainId": domain_id})
        for project in projects:
            provisioning.ask_for_removal(tx, plane, project)
        if projects:
            enqueue(tx, plane, "datazone.remove_domain", domain_id, due_at=plane.clock() + _PROJECTS_TAKE_SECONDS)
            return
        for kind in (*store.KINDS, *lineage.KINDS, *job_runs.KINDS, *types.KINDS):
            if "domainId" in kind.key:
                for document in tx.select(kind, {"domainId": domain_id}):
                    tx.remove(kind, *kind.key_of(document))
        search_index.forget(tx, domain_id)
        domain = tx.find(store.DOMAINS, domain_id)
        if domain is not None:
            tx.remove(store.DOMAINS, domain_id)
            _tell(tx, plane, "Deletion Succeeded", domain)

    await plane.store.write(remove)


def _tell(tx: Transaction, plane: "Plane", moment: str, domain: Document, **data: Any) -> None:
    about = domain | {"domainId": domain["id"]}
    events.tell(tx, plane, f"Domain {moment}", about, "Domain", name=domain["name"], **data)


def _failed(status: str, moment: str) -> Any:
    def failed(tx: Transaction, plane: "Plane", task: Document, reason: str) -> None:
        domain = tx.find(store.DOMAINS, task["subject"])
        if domain is not None:
            tx.put(store.DOMAINS, domain | {"status": status, "failureReasons": [{"message": reason}]})
            _tell(tx, plane, moment, domain, reason=reason)

    return failed


def _tagged_arn(_call: Call, request: Request) -> str:
    return str(request["resourceArn"])


OPERATIONS: dict[str, Operation] = {
    "CreateDomain": writes(create_domain, iam("datazone:CreateDomain")),
    "GetDomain": reads(get_domain, access.allowed("GetDomain")),
    "ListDomains": reads(list_domains, iam("datazone:ListDomains")),
    "UpdateDomain": writes(update_domain, access.allowed("UpdateDomain")),
    "DeleteDomain": writes(delete_domain, access.allowed("DeleteDomain")),
    "ListTagsForResource": reads(list_tags_for_resource, iam("datazone:ListTagsForResource", _tagged_arn)),
    "TagResource": writes(tag_resource, iam("datazone:TagResource", _tagged_arn)),
    "UntagResource": writes(untag_resource, iam("datazone:UntagResource", _tagged_arn)),
    "GetDomainExecutionRoleCredentials": reads(
        get_domain_execution_role_credentials, access.allowed("GetDomainExecutionRoleCredentials")
    ),
    "GetIamPortalLoginUrl": reads(get_iam_portal_login_url, access.allowed("GetIamPortalLoginUrl")),
}

TASKS = {
    "datazone.make_domain": TaskKind(_make, _failed("CREATION_FAILED", "Creation Failed")),
    "datazone.remove_domain": TaskKind(_remove, _failed("DELETION_FAILED", "Deletion Failed")),
}
