"""Form types and asset types: what metadata an asset may and must have."""

from typing import Any

import msgspec

from twinplane.data_plane.call import Answer, Call, Operation, Request, reads, writes
from twinplane.data_plane.services.datazone import (
    access,
    documented_errors,
    glossaries,
    managed_types,
    quotas,
    rules,
    search_index,
    smithy,
    store,
)
from twinplane.data_plane.store import Document, Kind, Transaction

FORM_TYPES = Kind("datazone_form_type", key=("domainId", "name", "number"), columns=("owningProjectId",))
ASSET_TYPES = Kind("datazone_asset_type", key=("domainId", "name", "number"), columns=("owningProjectId",))
KINDS = [FORM_TYPES, ASSET_TYPES]

FORMS_ATTRIBUTE = "forms.typeName"  # of whatever has forms
_SCOPES = {FORM_TYPES.name: "FORM_TYPE", ASSET_TYPES.name: "ASSET_TYPE"}
TERM_TRAIT = "amazon.datazone#glossaryterm"

FORM_MEMBERS = (
    "domainId", "name", "revision", "model", "owningProjectId", "originDomainId", "originProjectId", "status",
    "createdAt", "createdBy", "description", "imports",
)  # fmt: skip
ASSET_MEMBERS = (
    "domainId", "name", "revision", "description", "formsOutput", "owningProjectId", "originDomainId",
    "originProjectId", "createdAt", "createdBy", "updatedAt", "updatedBy",
)  # fmt: skip


def create_form_type(call: Call, request: Request) -> Answer:
    """Makes a form type, or the next revision of it."""
    domain_id, name = request["domainIdentifier"], request["name"]
    who = access.require_project_role(call, domain_id, request["owningProjectIdentifier"])
    _check_name(name)
    _, text = rules.exactly_one(request["model"], "model")
    try:
        model = smithy.parse(text)
    except smithy.SmithyError as error:
        raise rules.invalid(f"The model of {name} is not valid Smithy: {error}.") from None
    if name not in model or model[name].kind != "structure":
        raise rules.invalid(f"The model of {name} must define a structure named {name}.")
    document = _next_revision(call, request, FORM_TYPES) | {
        "model": {"smithy": text},
        "status": request.get("status") or "ENABLED",
        "createdBy": who.id,
    }
    call.tx.add(FORM_TYPES, document)
    index(call.tx, FORM_TYPES, document)
    shown = ("domainId", "name", "revision", "description", "owningProjectId", "originDomainId", "originProjectId")
    return store.pick(document, shown) | {"domainId": domain_id}


def get_form_type(call: Call, request: Request) -> Answer:
    """A form type, in its latest or a given revision."""
    access.caller(call, request["domainIdentifier"])
    found = form_type(call.tx, request["domainIdentifier"], request["formTypeIdentifier"], request.get("revision"))
    return store.pick(found, FORM_MEMBERS)


def delete_form_type(call: Call, request: Request) -> Answer:
    """Removes a form type that no asset type, asset or data product has."""
    domain_id, name = request["domainIdentifier"], request["formTypeIdentifier"]
    _check_name(name)
    found = form_type(call.tx, domain_id, name)
    access.require_project_role(call, domain_id, found["owningProjectId"])
    if who := _user_of_form_type(call.tx, domain_id, name):
        raise rules.conflict(f"Form type {name} is in use: {who}.")
    _remove_all(call.tx, FORM_TYPES, domain_id, name)
    return {}


def create_asset_type(call: Call, request: Request) -> Answer:
    """Makes an asset type, or the next revision of it."""
    domain_id, name = request["domainIdentifier"], request["name"]
    who = access.require_project_role(call, domain_id, request["owningProjectIdentifier"])
    _check_name(name)
    forms = {}
    for form_name, entry in request["formsInput"].items():
        with documented_errors.named():
            form = form_type(call.tx, domain_id, entry["typeIdentifier"], entry["typeRevision"])
        _check_enabled(call.tx, form)
        forms[form_name] = {
            "typeName": form["name"],
            "typeRevision": form["revision"],
            "required": bool(entry.get("required")),
        }
    document = _next_revision(call, request, ASSET_TYPES)
    if document["number"] == 1:
        quotas.check_domain(call.tx, quotas.ASSET_TYPES, domain_id)
    document |= {
        "formsOutput": forms,
        "createdBy": who.id,
        "updatedBy": who.id,
        "updatedAt": call.now,
    }
    call.tx.add(ASSET_TYPES, document)
    index(call.tx, ASSET_TYPES, document)
    return store.pick(document, ASSET_MEMBERS)


def get_asset_type(call: Call, request: Request) -> Answer:
    """An asset type, in its latest or a given revision."""
    access.caller(call, request["domainIdentifier"])
    found = asset_type(call.tx, request["domainIdentifier"], request["identifier"], request.get("revision"))
    return store.pick(found, ASSET_MEMBERS)


def delete_asset_type(call: Call, request: Request) -> Answer:
    """Removes an asset type that no asset is of."""
    domain_id, name = request["domainIdentifier"], request["identifier"]
    _check_name(name)
    found = asset_type(call.tx, domain_id, name)
    access.require_project_role(call, domain_id, found["owningProjectId"])
    if _user_of_asset_type(call.tx, domain_id, name):
        raise rules.conflict(f"There are assets of asset type {name}.")
    _remove_all(call.tx, ASSET_TYPES, domain_id, name)
    return {}


def remove_of_project(tx: Transaction, domain_id: str, project_id: str) -> None:
    """Removes the types of a project that is removed; those that others still use stay."""
    for kind, user in ((ASSET_TYPES, _user_of_asset_type), (FORM_TYPES, _user_of_form_type)):
        owned = tx.select(kind, {"domainId": domain_id, "owningProjectId": project_id})
        for name in {document["name"] for document in owned}:
            if user(tx, domain_id, name) is None:
                _remove_all(tx, kind, domain_id, name)


def _user_of_asset_type(tx: Transaction, domain_id: str, name: str) -> str | None:
    return "assets" if search_index.holds(tx, domain_id, "ASSET", "typeIdentifier", name) else None


def _user_of_form_type(tx: Transaction, domain_id: str, name: str) -> str | None:
    """What needs the form type, in words."""
    users = {"ASSET_TYPE": "asset types", "ASSET": "assets", "DATA_PRODUCT": "data products", "LISTING": "listings"}
    for scope, who in users.items():
        if search_index.holds(tx, domain_id, scope, FORMS_ATTRIBUTE, name):
            return f"{who} have forms of it"
    rule = store.requiring_rule(tx, domain_id, form_type=name)
    return None if rule is None else f"rule '{rule}' requires it"


def form_type(tx: Transaction, domain_id: str, identifier: str, revision: str | None = None) -> Document:
    """The form type with this name. Raises ResourceNotFoundException."""
    managed = managed_types.FORMS.get(identifier.removeprefix(managed_types.PREFIX))
    if managed is not None and identifier.startswith(managed_types.PREFIX):
        _check_managed_revision(identifier, revision, managed.revision)
        return _managed(domain_id, identifier, revision or managed.revision) | {
            "model": {"smithy": managed.smithy},
            "status": "ENABLED",
        }
    return _revision(tx, FORM_TYPES, "Form type", domain_id, identifier, revision)


def asset_type(tx: Transaction, domain_id: str, identifier: str, revision: str | None = None) -> Document:
    """The asset type with this name. Raises ResourceNotFoundException."""
    managed = managed_types.ASSETS.get(identifier.removeprefix(managed_types.PREFIX))
    if managed is None or not identifier.startswith(managed_types.PREFIX):
        return _revision(tx, ASSET_TYPES, "Asset type", domain_id, identifier, revision)
    _check_managed_revision(identifier, revision, managed.revision)
    forms = {
        name: {
            "typeName": f"{managed_types.PREFIX}{name}Type",
            "typeRevision": managed_types.FORMS[f"{name}Type"].revision,
            "required": required,
        }
        for name, required in managed.forms.items()
    }
    return _managed(domain_id, identifier, revision or managed.revision) | {"formsOutput": forms}


def check_forms(
    tx: Transaction, domain_id: str, asset_type_document: Document, forms: list[dict[str, Any]]
) -> list[Document]:
    """The forms of an asset of this type as they are stored. Raises ValidationException on what does not fit.

    Forms that the type does not name may be attached too, by their own type.
    """
    expected = asset_type_document["formsOutput"]
    output = [check_form(tx, domain_id, form, expected.get(form["formName"])) for form in forms]
    names = [form["formName"] for form in output]
    if len(set(names)) < len(names):
        raise rules.invalid("Every form may be given once.")
    missing = [name for name, entry in expected.items() if entry["required"] and name not in names]
    if missing:
        raise rules.invalid(f"Assets of type {asset_type_document['name']} need the form {', '.join(missing)}.")
    return output


def check_form(
    tx: Transaction, domain_id: str, form: dict[str, Any], expected: dict[str, Any] | None = None
) -> Document:
    """One form as it is stored (AWS's FormOutput). Raises ValidationException when it does not fit its type."""
    name = form["formName"]
    identifier = form.get("typeIdentifier") or (expected or {}).get("typeName")
    if identifier is None:
        raise rules.invalid(f"Form {name} needs a typeIdentifier: the asset's type does not have it.")
    if expected is not None and identifier != expected["typeName"]:
        raise rules.invalid(f"Form {name} is of type {expected['typeName']}, not {identifier}.")
    kind = form_type(tx, domain_id, identifier, form.get("typeRevision") or (expected or {}).get("typeRevision"))
    _check_enabled(tx, kind)
    content = form.get("content") or "{}"
    model, value = smithy.parse(kind["model"]["smithy"]), content_of(name, content)
    wrong = smithy.problems(model, structure_of(identifier), value) or _unknown_terms(tx, domain_id, kind, value)
    if wrong:
        raise rules.invalid(f"Form {name} does not fit its type {identifier}: {'; '.join(wrong[:10])}.")
    return {"formName": name, "typeName": identifier, "typeRevision": kind["revision"], "content": content}


def _unknown_terms(tx: Transaction, domain_id: str, kind: Document, content: dict[str, Any]) -> list[str]:
    found = []
    model = smithy.parse(kind["model"]["smithy"])
    for path, term_id, traits in smithy.scalars(model, structure_of(kind["name"]), content):
        if TERM_TRAIT not in traits:
            continue
        glossary = traits[TERM_TRAIT]
        term = tx.find(glossaries.TERMS, domain_id, term_id)
        if term is None or (isinstance(glossary, str) and term["glossaryId"] != glossary):
            found.append(f"{path}: {term_id} is not a term of the glossary")
    return found


def index(tx: Transaction, kind: Kind, document: Document) -> None:
    """Has SearchTypes find a form type or asset type as it is in this revision, its latest."""
    domain_id, name = document["domainId"], document["name"]
    attributes = [("name", name), ("status", document.get("status", "ENABLED")), ("revision", document["revision"])]
    if kind is ASSET_TYPES:  # what any revision uses stays in use
        revisions = tx.select(kind, {"domainId": domain_id, "name": name})
        forms = [form["typeName"] for revision in revisions for form in revision["formsOutput"].values()]
        attributes += [(FORMS_ATTRIBUTE, form) for form in forms]
    first = tx.find(kind, domain_id, name, 1) or document
    search_index.put(
        tx,
        search_index.Entry(
            domain_id,
            _SCOPES[kind.name],
            name,
            document["owningProjectId"],
            name,
            first["createdAt"],
            document["createdAt"],
            {"description": document.get("description") or ""},
            tuple(attributes),
        ),
    )


def _check_enabled(tx: Transaction, form: Document) -> None:
    """A type is disabled when its latest revision is: no new form is made of any revision."""
    latest = None if "number" not in form else _latest(tx, FORM_TYPES, form["domainId"], form["name"])
    if (latest or form)["status"] == "DISABLED":
        raise rules.invalid(f"Form type {form['name']} is disabled.")


def content_of(name: str, content: str) -> dict[str, Any]:
    """The JSON object a form's content is. Raises ValidationException."""
    try:
        found = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise rules.invalid(f"The content of form {name} must be a JSON object.")
    return found


def structure_of(type_name: str) -> str:
    """The name of a form type's structure in its model."""
    return type_name.removeprefix(managed_types.PREFIX)


def _check_name(name: str) -> None:
    if name.startswith(managed_types.PREFIX):
        raise rules.invalid(f"Names that begin with {managed_types.PREFIX} are managed by the service.")


def _next_revision(call: Call, request: Request, kind: Kind) -> Document:
    domain_id, name, project_id = request["domainIdentifier"], request["name"], request["owningProjectIdentifier"]
    latest = _latest(call.tx, kind, domain_id, name)
    if latest is not None and latest["owningProjectId"] != project_id:
        raise rules.conflict(f"{name} exists already and belongs to another project.")
    number = 1 if latest is None else latest["number"] + 1
    return {
        "domainId": domain_id, "name": name, "number": number, "revision": str(number),
        "owningProjectId": project_id, "originDomainId": domain_id, "originProjectId": project_id,
        "description": request.get("description"), "createdAt": call.now,
    }  # fmt: skip


def _latest(tx: Transaction, kind: Kind, domain_id: str, name: str) -> Document | None:
    found = tx.select(kind, {"domainId": domain_id, "name": name}, descending=True, limit=1)
    return found[0] if found else None


def _revision(tx: Transaction, kind: Kind, what: str, domain_id: str, name: str, revision: str | None) -> Document:
    if revision is None:
        found = _latest(tx, kind, domain_id, name)
    else:
        found = tx.find(kind, domain_id, name, store.revision_number(revision))
    if found is None:
        raise store.not_found(what, name if revision is None else f"{name} in revision {revision}")
    return found


def _check_managed_revision(name: str, revision: str | None, current: str) -> None:
    if revision is not None and not 0 < store.revision_number(revision) <= int(current):
        raise store.not_found("Type", f"{name} in revision {revision}")


def _managed(domain_id: str, name: str, revision: str) -> Document:
    return {
        "domainId": domain_id, "name": name, "revision": revision, "owningProjectId": managed_types.OWNER_PROJECT,
        "originDomainId": managed_types.OWNER_DOMAIN, "originProjectId": managed_types.OWNER_PROJECT,
        "createdBy": "SYSTEM",
    }  # fmt: skip


def _remove_all(tx: Transaction, kind: Kind, domain_id: str, name: str) -> None:
    for document in tx.select(kind, {"domainId": domain_id, "name": name}):
        tx.remove(kind, domain_id, name, document["number"])
    search_index.remove(tx, domain_id, _SCOPES[kind.name], name)


OPERATIONS: dict[str, Operation] = {
    "CreateFormType": writes(create_form_type, access.allowed("CreateFormType")),
    "GetFormType": reads(get_form_type, access.allowed("GetFormType")),
    "DeleteFormType": writes(delete_form_type, access.allowed("DeleteFormType")),
    "CreateAssetType": writes(create_asset_type, access.allowed("CreateAssetType")),
    "GetAssetType": reads(get_asset_type, access.allowed("GetAssetType")),
    "DeleteAssetType": writes(delete_asset_type, access.allowed("DeleteAssetType")),
}

NOTES = {
    "CreateFormType": "A @pattern with look-around or back-references is refused: it could not be checked in time "
    "that is proportional to the text.",
}
ASSUMED = {
    "CreateFormType": "Made again under its name by the same project, a type gets its next revision; a revision that "
    "is DISABLED disables the type.",
    "DeleteFormType": "Managed types are refused with ValidationException; a type that a metadata rule requires stays.",
    "DeleteAssetType": "Managed types are refused with ValidationException.",
}
