"""Metadata rules: which forms or terms a domain unit demands when assets are published or subscribed to."""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, new_id, reads, writes
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.datazone import access, glossaries, managed_types, rules, store
from twinplane.data_plane.services.datazone import types as asset_types
from twinplane.data_plane.services.datazone.paging import answer
from twinplane.data_plane.services.datazone.store import RULE_REVISIONS, RULES
from twinplane.data_plane.store import Document, Transaction

PUBLISH = "CREATE_LISTING_CHANGE_SET"
SUBSCRIBE = "CREATE_SUBSCRIPTION_REQUEST"

_RULE_TYPES = {
    "metadataFormEnforcementDetail": "METADATA_FORM_ENFORCEMENT",
    "glossaryTermEnforcementDetail": "GLOSSARY_TERM_ENFORCEMENT",
}
_MEMBERS = (
    "identifier", "revision", "name", "ruleType", "target", "action", "scope", "detail", "targetType", "description",
    "createdAt", "updatedAt", "createdBy", "lastUpdatedBy",
)  # fmt: skip
_SUMMARY = (
    "identifier", "revision", "ruleType", "name", "targetType", "target", "action", "scope", "updatedAt",
    "lastUpdatedBy",
)  # fmt: skip


def create_rule(call: Call, request: Request) -> Answer:
    """Makes a rule on a domain unit; its owners may."""
    domain_id = request["domainIdentifier"]
    _, target = rules.exactly_one(request["target"], "target")
    store.get_domain_unit(call.tx, domain_id, target["domainUnitId"])
    who = access.require_unit_owner(call, domain_id, target["domainUnitId"])
    document: Document = {
        "domainId": domain_id, "identifier": new_id(), "number": 1, "revision": "1", "name": request["name"],
        "ruleType": _check_detail(call.tx, domain_id, request["detail"], request["action"]),
        "target": request["target"], "unitId": target["domainUnitId"], "targetType": "DOMAIN_UNIT",
        "action": request["action"], "scope": request["scope"], "detail": request["detail"],
        "description": request.get("description"), "createdAt": call.now, "createdBy": who.id,
        "updatedAt": call.now, "lastUpdatedBy": who.id,
    }  # fmt: skip
    _check_scope(call.tx, domain_id, request["scope"])
    call.tx.add(RULES, document)
    call.tx.add(RULE_REVISIONS, document)
    return store.pick(document, tuple(m for m in _MEMBERS if m not in ("revision", "updatedAt", "lastUpdatedBy")))


def get_rule(call: Call, request: Request) -> Answer:
    """A rule, in its latest or a given revision; every user of the domain may read it."""
    access.caller(call, request["domainIdentifier"])
    document = _rule(call.tx, request)
    wanted = request.get("revision")
    if wanted is not None and wanted != document["revision"]:
        number = store.revision_number(wanted)
        found = call.tx.find(RULE_REVISIONS, document["domainId"], document["identifier"], number)
        if found is None:
            raise store.not_found("Rule", f"{document['identifier']} in revision {wanted}")
        document = found
    return store.pick(document, _MEMBERS)


def list_rules(call: Call, request: Request) -> Answer:
    """The rules of a domain unit, and with includeCascaded those that its ancestors pass down."""
    domain_id, unit_id = request["domainIdentifier"], request["targetIdentifier"]
    access.caller(call, domain_id)
    path = [unit["id"] for unit in store.unit_path(call.tx, domain_id, unit_id)]
    units = path if request.get("includeCascaded") else [unit_id]

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        """Rules are many at most as a domain unit's; what is asked of them is tested as they are read."""
        found: list[Document] = []
        while len(found) < limit:
            order = ("identifier",)
            where = {"domainId": domain_id, "unitId": units}
            rows = call.tx.select(RULES, where, order=order, after=after, limit=limit)
            found += [rule for rule in rows if _is_on(rule, unit_id) and _is_asked_for(rule, request)]
            if len(rows) < limit:
                break
            after = [rows[-1]["identifier"], domain_id]
        return found[:limit]

    rows, token = page(call, request, fetch, lambda rule: [rule["identifier"], domain_id], most=50)
    return answer([store.pick(r, _SUMMARY) for r in rows], token)


def update_rule(call: Call, request: Request) -> Answer:
    """Changes what is given of a rule."""
    known = _rule(call.tx, request)
    who = access.require_unit_owner(call, known["domainId"], known["unitId"])
    document = known | store.pick(request, ("name", "description", "scope", "detail"))
    if _check_detail(call.tx, known["domainId"], document["detail"], known["action"]) != known["ruleType"]:
        raise rules.invalid("The type of a rule cannot change.")
    if request.get("includeChildDomainUnits") is not None:
        target = known["target"]["domainUnitTarget"]
        include = request["includeChildDomainUnits"]
        document["target"] = {"domainUnitTarget": target | {"includeChildDomainUnits": include}}
    number = known["number"] + 1
    document |= {"number": number, "revision": str(number), "updatedAt": call.now, "lastUpdatedBy": who.id}
    if request.get("scope") is not None:
        _check_scope(call.tx, known["domainId"], document["scope"])
    call.tx.put(RULES, document)
    call.tx.put(RULE_REVISIONS, document)
    return store.pick(document, tuple(m for m in _MEMBERS if m != "targetType"))


def delete_rule(call: Call, request: Request) -> Answer:
    """Removes a rule."""
    known = _rule(call.tx, request)
    access.require_unit_owner(call, known["domainId"], known["unitId"])
    call.tx.remove(RULES, known["domainId"], known["identifier"])
    for old in call.tx.select(RULE_REVISIONS, {"domainId": known["domainId"], "identifier": known["identifier"]}):
        call.tx.remove(RULE_REVISIONS, known["domainId"], known["identifier"], old["number"])
    return {}


def applying(tx: Transaction, domain_id: str, unit_id: str) -> list[Document]:
    """The rules on a domain unit: its own, and those of its ancestors that include child units."""
    units = [unit["id"] for unit in store.unit_path(tx, domain_id, unit_id)]
    found = tx.select(RULES, {"domainId": domain_id, "unitId": units})
    return [rule for rule in found if _is_on(rule, unit_id)]


def check(
    tx: Transaction, domain_id: str, action: str, asset: Document, forms: list[Document], terms: list[str]
) -> None:
    """What an action on an asset or data product brings along must meet the rules of its domain unit.

    `forms` are AWS's FormOutput. Raises ValidationException naming the rule and what is missing.
    """
    unit_id = store.get_project(tx, domain_id, asset["owningProjectId"])["domainUnitId"]
    for rule in applying(tx, domain_id, unit_id):
        if rule["action"] != action or not _is_about(rule["scope"], asset):
            continue
        kind, detail = rules.exactly_one(rule["detail"], "detail")
        if kind == "metadataFormEnforcementDetail":
            given = {form["typeName"]: int(form["typeRevision"]) for form in forms}
            wanted = detail.get("requiredMetadataForms") or []
            missing = [
                form["typeIdentifier"]
                for form in wanted
                if given.get(form["typeIdentifier"], 0) < int(form["typeRevision"])
            ]
        else:
            missing = [term for term in detail.get("requiredGlossaryTermIds") or [] if term not in terms]
        if missing:
            what = "form" if kind == "metadataFormEnforcementDetail" else "glossary term"
            raise rules.invalid(f"Rule '{rule['name']}' requires the {what} {', '.join(missing)}.")


def _is_on(rule: Document, unit_id: str) -> bool:
    """Whether a rule of the unit, or of one above it, holds in the unit."""
    return bool(rule["unitId"] == unit_id or rule["target"]["domainUnitTarget"].get("includeChildDomainUnits"))


def _is_asked_for(rule: Document, request: Request) -> bool:
    scope = rule["scope"]
    return (
        all(not request.get(member) or rule[member] == request[member] for member in ("ruleType", "action"))
        and all(_selects(scope.get("project"), "specificProjects", p) for p in request.get("projectIds") or [])
        and all(_selects(scope.get("assetType"), "specificAssetTypes", t) for t in request.get("assetTypes") or [])
        and (request.get("dataProduct") is None or bool(scope.get("dataProduct")) == request["dataProduct"])
    )


def _check_scope(tx: Transaction, domain_id: str, scope: dict[str, Any]) -> None:
    """Raises ValidationException for a scope that selects nothing, ResourceNotFoundException for what is not there."""
    for member, named in (("assetType", "specificAssetTypes"), ("project", "specificProjects")):
        selection = scope.get(member)
        if selection is not None and selection["selectionMode"] == "SPECIFIC" and not selection.get(named):
            raise rules.invalid(f"A scope with selection mode SPECIFIC names the {named}.")
    for project_id in (scope.get("project") or {}).get("specificProjects") or []:
        store.get_project(tx, domain_id, project_id)
    for name in (scope.get("assetType") or {}).get("specificAssetTypes") or []:
        prefix = managed_types.PREFIX if name in managed_types.ASSETS else ""  # which may be left out
        asset_types.asset_type(tx, domain_id, prefix + name)


def _is_about(scope: dict[str, Any], entity: Document) -> bool:
    """Whether a rule's scope has an asset or a data product; a data product has no type."""
    if not _selects(scope.get("project"), "specificProjects", entity["owningProjectId"]):
        return False
    if "typeIdentifier" not in entity:
        return bool(scope.get("dataProduct"))
    if scope.get("assetType") is None and scope.get("dataProduct"):
        return False
    return _selects(scope.get("assetType"), "specificAssetTypes", entity["typeIdentifier"])


def _selects(selection: dict[str, Any] | None, member: str, value: str) -> bool:
    if selection is None or selection["selectionMode"] == "ALL":
        return True
    named = selection.get(member) or []
    return value in named or value.removeprefix(managed_types.PREFIX) in named


def _rule(tx: Transaction, request: Request) -> Document:
    return store.found(tx, RULES, "Rule", request["domainIdentifier"], request["identifier"])


def _check_detail(tx: Transaction, domain_id: str, detail: dict[str, Any], action: str) -> str:
    kind, value = rules.exactly_one(detail, "detail")
    if kind == "glossaryTermEnforcementDetail" and action == SUBSCRIBE:
        raise rules.invalid("Glossary terms can be required when publishing only.")
    for form in value.get("requiredMetadataForms") or []:
        asset_types.form_type(tx, domain_id, form["typeIdentifier"], form["typeRevision"])
    for term_id in value.get("requiredGlossaryTermIds") or []:
        glossaries.term(tx, domain_id, term_id)
    return _RULE_TYPES[kind]


OPERATIONS: dict[str, Operation] = {
    "CreateRule": writes(create_rule, access.allowed("CreateRule")),
    "GetRule": reads(get_rule, access.allowed("GetRule")),
    "ListRules": reads(list_rules, access.allowed("ListRules")),
    "UpdateRule": writes(update_rule, access.allowed("UpdateRule")),
    "DeleteRule": writes(delete_rule, access.allowed("DeleteRule")),
}

ASSUMED = {
    "CreateRule": "A rule whose scope names neither asset types nor data products is for every asset.",
    "UpdateRule": "The type of a rule, and the domain unit that it is on, cannot change.",
}
