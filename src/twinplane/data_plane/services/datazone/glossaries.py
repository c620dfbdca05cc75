"""Business glossaries and their terms."""

from collections.abc import Iterable

from twinplane.data_plane.call import Answer, Call, Operation, Request, new_id, reads, writes
from twinplane.data_plane.services.datazone import access, quotas, rules, search_index, store
from twinplane.data_plane.store import AlreadyExists, Document, Kind, Transaction

GLOSSARIES = Kind(
    "datazone_glossary",
    key=("domainId", "id"),
    unique=(("domainId", "owningProjectId", "name"),),
    indexes=(("domainId", "name"),),
)
TERMS = Kind("datazone_glossary_term", key=("domainId", "id"), unique=(("domainId", "glossaryId", "name"),))
KINDS = [GLOSSARIES, TERMS]

TERMS_ATTRIBUTE = "__DataZoneGlossaryTerms"
TERMS_IN_FORMS = "forms.glossaryTerms"
_RELATIONS = ("isA", "classifies")

GLOSSARY_MEMBERS = (
    "domainId", "id", "owningProjectId", "name", "description", "status", "createdAt", "createdBy", "updatedAt",
    "updatedBy", "usageRestrictions",
)  # fmt: skip
TERM_MEMBERS = (
    "domainId", "glossaryId", "id", "name", "shortDescription", "longDescription", "termRelations", "status",
    "createdAt", "createdBy", "updatedAt", "updatedBy", "usageRestrictions",
)  # fmt: skip


def create_glossary(call: Call, request: Request) -> Answer:
    """Makes a glossary in a project whose domain unit lets it."""
    domain_id, project_id = request["domainIdentifier"], request["owningProjectIdentifier"]
    who = access.require_project_role(call, domain_id, project_id)
    document: Document = {
        "domainId": domain_id, "id": new_id(), "name": request["name"], "owningProjectId": project_id,
        "description": request.get("description"), "status": request.get("status") or "ENABLED",
        "usageRestrictions": request.get("usageRestrictions"), "createdAt": call.now, "createdBy": who.id,
        "updatedAt": call.now, "updatedBy": who.id,
    }  # fmt: skip
    quotas.check_domain(call.tx, quotas.GLOSSARIES, domain_id)
    _check_free(call.tx, document)
    call.tx.add(GLOSSARIES, document)
    index_glossary(call.tx, document)
    return _written(document, GLOSSARY_MEMBERS)


def get_glossary(call: Call, request: Request) -> Answer:
    """A glossary; every user of the domain may read it."""
    access.caller(call, request["domainIdentifier"])
    return store.pick(glossary(call.tx, request["domainIdentifier"], request["identifier"]), GLOSSARY_MEMBERS)


def update_glossary(call: Call, request: Request) -> Answer:
    """Changes what is given of a glossary."""
    domain_id = request["domainIdentifier"]
    known = glossary(call.tx, domain_id, request["identifier"])
    who = access.require_project_role(call, domain_id, known["owningProjectId"])
    document = known | store.pick(request, ("name", "description", "status"))
    document |= {"updatedAt": call.now, "updatedBy": who.id}
    _check_free(call.tx, document)
    call.tx.put(GLOSSARIES, document)
    index_glossary(call.tx, document)
    return _written(document, GLOSSARY_MEMBERS)


def delete_glossary(call: Call, request: Request) -> Answer:
    """Removes a glossary that is disabled and has no terms."""
    domain_id, glossary_id = request["domainIdentifier"], request["identifier"]
    known = glossary(call.tx, domain_id, glossary_id)
    access.require_project_role(call, domain_id, known["owningProjectId"])
    if known["status"] != "DISABLED":
        raise rules.conflict(f"Glossary {known['name']} is enabled; disable it before it is deleted.")
    if call.tx.count(TERMS, {"domainId": domain_id, "glossaryId": glossary_id}):
        raise rules.conflict(f"Glossary {known['name']} has terms.")
    call.tx.remove(GLOSSARIES, domain_id, glossary_id)
    search_index.remove(call.tx, domain_id, "GLOSSARY", glossary_id)
    return {}


def create_glossary_term(call: Call, request: Request) -> Answer:
    """Makes a term in a glossary."""
    domain_id = request["domainIdentifier"]
    parent = glossary(call.tx, domain_id, request["glossaryIdentifier"])
    who = access.require_project_role(call, domain_id, parent["owningProjectId"])
    _check_relations(call.tx, domain_id, request.get("termRelations"))
    document: Document = {
        "domainId": domain_id, "glossaryId": parent["id"], "id": new_id(), "name": request["name"],
        "shortDescription": request.get("shortDescription"), "longDescription": request.get("longDescription"),
        "termRelations": request.get("termRelations"), "status": request.get("status") or "ENABLED",
        "usageRestrictions": parent.get("usageRestrictions"), "createdAt": call.now, "createdBy": who.id,
        "updatedAt": call.now, "updatedBy": who.id,
    }  # fmt: skip
    quotas.check_domain(call.tx, quotas.TERMS, domain_id)
    access.add_unique(call.tx, TERMS, document, f"Term {request['name']} exists already in the glossary.")
    index_term(call.tx, document, parent["owningProjectId"])
    return _written(document, TERM_MEMBERS)


def get_glossary_term(call: Call, request: Request) -> Answer:
    """A term; every user of the domain may read it."""
    access.caller(call, request["domainIdentifier"])
    return store.pick(term(call.tx, request["domainIdentifier"], request["identifier"]), TERM_MEMBERS)


def update_glossary_term(call: Call, request: Request) -> Answer:
    """Changes what is given of a term."""
    domain_id = request["domainIdentifier"]
    known = term(call.tx, domain_id, request["identifier"])
    parent = glossary(call.tx, domain_id, request.get("glossaryIdentifier") or known["glossaryId"])
    who = access.require_project_role(call, domain_id, parent["owningProjectId"])
    _check_relations(call.tx, domain_id, request.get("termRelations"))
    changes = store.pick(request, ("name", "shortDescription", "longDescription", "termRelations", "status"))
    document = known | changes | {"glossaryId": parent["id"], "updatedAt": call.now, "updatedBy": who.id}
    _put_named(call.tx, TERMS, document)
    index_term(call.tx, document, parent["owningProjectId"])
    return _written(document, TERM_MEMBERS)


def delete_glossary_term(call: Call, request: Request) -> Answer:
    """Removes a term that nothing refers to."""
    domain_id, term_id = request["domainIdentifier"], request["identifier"]
    known = term(call.tx, domain_id, term_id)
    parent = glossary(call.tx, domain_id, known["glossaryId"])
    access.require_project_role(call, domain_id, parent["owningProjectId"])
    for scope in ("ASSET", "DATA_PRODUCT", "LISTING"):
        for attribute in (TERMS_ATTRIBUTE, TERMS_IN_FORMS):
            if search_index.holds(call.tx, domain_id, scope, attribute, term_id):
                raise rules.conflict(f"Term {known['name']} is attached to assets.")
    for relation in _RELATIONS:
        if search_index.holds(call.tx, domain_id, "GLOSSARY_TERM", f"termRelations.{relation}", term_id):
            raise rules.conflict(f"Another term is related to term {known['name']}.")
    if rule := store.requiring_rule(call.tx, domain_id, term_id=term_id):
        raise rules.conflict(f"Rule '{rule}' requires term {known['name']}.")
    call.tx.remove(TERMS, domain_id, term_id)
    search_index.remove(call.tx, domain_id, "GLOSSARY_TERM", term_id)
    return {}


def glossary(tx: Transaction, domain_id: str, identifier: str) -> Document:
    """The glossary. Raises ResourceNotFoundException."""
    return store.found(tx, GLOSSARIES, "Glossary", domain_id, identifier)


def term(tx: Transaction, domain_id: str, identifier: str) -> Document:
    """The glossary term. Raises ResourceNotFoundException."""
    return store.found(tx, TERMS, "Glossary term", domain_id, identifier)


def usable_terms(tx: Transaction, domain_id: str, identifiers: list[str], *, governed: bool = False) -> list[Document]:
    """The terms that an asset, project or environment is given. Raises ValidationException on one that is unknown,
    disabled or of a glossary with the other usage: governed terms are attached by AssociateGovernedTerms only."""
    found = []
    for identifier in dict.fromkeys(identifiers):
        known = tx.find(TERMS, domain_id, identifier)
        if known is None:
            raise rules.invalid(f"Glossary term {identifier} does not exist.")
        if known["status"] != "ENABLED" or glossary(tx, domain_id, known["glossaryId"])["status"] != "ENABLED":
            raise rules.invalid(f"Glossary term {known['name']} is disabled.")
        if bool(known.get("usageRestrictions")) != governed:
            use = "is governed: attach it with AssociateGovernedTerms" if not governed else "is not a governed term"
            raise rules.invalid(f"Glossary term {known['name']} {use}.")
        found.append(known)
    return found


def _check_free(tx: Transaction, document: Document) -> None:
    """The name of a glossary is taken once in a domain; earlier states may have it once for each project."""
    for other in tx.select(GLOSSARIES, {"domainId": document["domainId"], "name": document["name"]}):
        if other["id"] != document["id"]:
            raise rules.conflict(f"The domain has a glossary {document['name']} already.")


def _put_named(tx: Transaction, kind: Kind, document: Document) -> None:
    try:
        tx.put(kind, document)
    except AlreadyExists:
        raise rules.conflict(f"The name {document['name']} is taken.") from None


def _check_relations(tx: Transaction, domain_id: str, relations: dict[str, list[str]] | None) -> None:
    for identifiers in (relations or {}).values():
        for identifier in identifiers:
            if tx.find(TERMS, domain_id, identifier) is None:
                raise rules.invalid(f"Glossary term {identifier} does not exist.")


def index_glossary(tx: Transaction, document: Document) -> None:
    """Has Search find a glossary as it is."""
    search_index.put(
        tx,
        search_index.Entry(
            document["domainId"],
            "GLOSSARY",
            document["id"],
            document["owningProjectId"],
            document["name"],
            document["createdAt"],
            document["updatedAt"],
            {"description": document.get("description") or ""},
            (("status", document["status"]),),
        ),
    )


def index_term(tx: Transaction, document: Document, project_id: str) -> None:
    """Has Search find a term as it is; its glossary belongs to the project."""
    described = f"{document.get('shortDescription') or ''} {document.get('longDescription') or ''}"
    relations = document.get("termRelations") or {}
    attributes = (
        ("status", document["status"]),
        ("glossaryId", document["glossaryId"]),
        *((f"termRelations.{name}", related) for name in _RELATIONS for related in relations.get(name) or ()),
    )
    search_index.put(
        tx,
        search_index.Entry(
            document["domainId"],
            "GLOSSARY_TERM",
            document["id"],
            project_id,
            document["name"],
            document["createdAt"],
            document["updatedAt"],
            {"description": described},
            attributes,
        ),
    )


OPERATIONS: dict[str, Operation] = {
    "CreateGlossary": writes(create_glossary, access.allowed("CreateGlossary")),
    "GetGlossary": reads(get_glossary, access.allowed("GetGlossary")),
    "UpdateGlossary": writes(update_glossary, access.allowed("UpdateGlossary")),
    "DeleteGlossary": writes(delete_glossary, access.allowed("DeleteGlossary")),
    "CreateGlossaryTerm": writes(create_glossary_term, access.allowed("CreateGlossaryTerm")),
    "GetGlossaryTerm": reads(get_glossary_term, access.allowed("GetGlossaryTerm")),
    "UpdateGlossaryTerm": writes(update_glossary_term, access.allowed("UpdateGlossaryTerm")),
    "DeleteGlossaryTerm": writes(delete_glossary_term, access.allowed("DeleteGlossaryTerm")),
}


def _written(document: Document, members: Iterable[str]) -> Answer:
    """What a write answers: AWS leaves out who did it when."""
    return store.pick(document, tuple(m for m in members if not m.startswith(("created", "updated"))))


ASSUMED = {
    "DeleteGlossary": "Only a glossary that is disabled and has no terms is deleted.",
    "DeleteGlossaryTerm": "A term stays while an asset, data product, form, listing or other term refers to it.",
    "CreateGlossaryTerm": "Relations are kept as they are given: the other term does not get the opposite one.",
}
