"""Metadata rules: which forms or terms a domain unit demands when assets are published or subscribed to."""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, new_id, reads, writes
from twinplane.data_plane.services.datazone import access, managed_types, rules, store
from twinplane.data_plane.services.datazone import types as asset_types
from twinplane.data_plane.services.datazone.paging import answer, list_page
from twinplane.data_plane.store import Document, Kind, Transaction

RULES = Kind("datazone_rule", key=("domainId", "identifier"), columns=("action",), indexes=(("domainId", "unitId"),))
KINDS = [RULES]

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
    call.tx.add(RULES, document)
    return store.pick(document, tuple(m for m in _MEMBERS if m not in ("revision", "updatedAt", "lastUpdatedBy")))


def get_rule(call: Call, request: Request) -> Answer:
    """A rule; every user of the domain may read it."""
    access.caller(call, request["domainIdentifier"])
    return store.pick(_rule(call.tx, request), _MEMBERS)


def list_rules(call: Call, request: Request) -> Answer:
    """The rules of a domain unit, and with includeCascaded those that its ancestors pass down."""
    domain_id, unit_id = request["domainIdentifier"], request["targetIdentifier"]
    access.caller(call, domain_id)
    found = applying(call.tx, domain_id, unit_id)
    if not request.get("includeCascaded"):
        found = [r for r in found if r["unitId"] == unit_id]
    for member in ("ruleType", "action"):
        if request.get(member):
            found = [r for r in found if r[member] == request[member]]
    for project_id in request.get("projectIds") or []:
        found = [r for r in found if _selects(r["scope"].get("project"), "specificProjects", project_id)]
    for asset_type in request.get("assetTypes") or []:
        found = [r for r in found if _selects(r["scope"].get("assetType"), "specificAssetTypes", asset_type)]
    rows, token = list_page(call, request, found)
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
    call.tx.put(RULES, document)
    return store.pick(document, tuple(m for m in _MEMBERS if m != "targetType"))


def delete_rule(call: Call, request: Request) -> Answer:
    """Removes a rule."""
    known = _rule(call.tx, request)
    access.require_unit_owner(call, known["domainId"], known["unitId"])
    call.tx.remove(RULES, known["domainId"], known["identifier"])
    return {}


def applying(tx: Transaction, domain_id: str, unit_id: str) -> list[Document]:
    """The rules on a domain unit: its own, and those of its ancestors that include child units."""
    units = [unit["id"] for unit in store.unit_path(tx, domain_id, unit_id)]
    found = tx.select(RULES, {"domainId": domain_id, "unitId": units})
    return [
        rule
        for rule in found
        if rule["unitId"] == unit_id or rule["target"]["domainUnitTarget"].get("includeChildDomainUnits")
    ]


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
    return _RULE_TYPES[kind]


OPERATIONS: dict[str, Operation] = {
    "CreateRule": writes(create_rule, access.allowed("CreateRule")),
    "GetRule": reads(get_rule, access.allowed("GetRule")),
    "ListRules": reads(list_rules, access.allowed("ListRules")),
    "UpdateRule": writes(update_rule, access.allowed("UpdateRule")),
    "DeleteRule": writes(delete_rule, access.allowed("DeleteRule")),
}
