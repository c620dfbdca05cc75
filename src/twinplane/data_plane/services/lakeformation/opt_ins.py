"""Hybrid access mode: for whom Lake Formation decides where IAMAllowedPrincipals has access."""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Request, ServiceError
from twinplane.data_plane.services.lakeformation import access, grants, names, records, store
from twinplane.data_plane.services.lakeformation.access import invalid, understood
from twinplane.data_plane.services.lakeformation.names import Named
from twinplane.data_plane.services.lakeformation.paging import listing
from twinplane.data_plane.store import Document


def create_lake_formation_opt_in(call: Call, request: Request) -> Answer:
    """From now on only Lake Formation's own permissions count for a principal on a resource."""
    principal, name = _asked(call, request)
    grants.check_exists(call, name)
    row = {"principal": principal, **records.document_of(name)}
    call.tx.put(store.OPT_INS, row | {"LastModified": call.now, "LastUpdatedBy": call.principal.arn})
    return {}


def delete_lake_formation_opt_in(call: Call, request: Request) -> Answer:
    """IAMAllowedPrincipals counts again for a principal on a resource."""
    principal, name = _asked(call, request)
    if not call.tx.remove(store.OPT_INS, principal, name.text):
        raise ServiceError("EntityNotFoundException", "There is no such opt-in")
    return {}


def _asked(call: Call, request: Request) -> tuple[str, Named]:
    access.check_admin(call, "catalog")
    if request.get("Condition"):
        raise invalid("Opt-ins with a condition are not served")
    name = understood(call, request["Resource"])
    if name.kind not in ("catalog", "database", "table"):
        raise invalid("Principals opt in to databases and tables")
    return grants.principal_of(request), name


def list_lake_formation_opt_ins(call: Call, request: Request) -> Answer:
    """The opt-ins, by principal and resource, for administrators."""
    if not access.is_admin(call, read_only=True):
        raise access.insufficient("Data lake administrator", "catalog")
    where: dict[str, Any] = {}
    if request.get("Principal"):
        where["principal"] = grants.principal_of(request)
    if request.get("Resource"):
        where["resource"] = understood(call, request["Resource"]).text

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        return call.tx.select(store.OPT_INS, where, after=after, limit=limit)

    rows, token = listing(call, request, fetch, lambda row: [row["principal"], row["resource"]])
    return {"LakeFormationOptInsInfoList": [_shown(call, row) for row in rows], "NextToken": token}


def _shown(call: Call, row: Document) -> Document:
    return {
        "Resource": names.resource_of(store.name_of(row), call.account_id),
        "Principal": {"DataLakePrincipalIdentifier": row["principal"]},
        "LastModified": row["LastModified"],
        "LastUpdatedBy": row["LastUpdatedBy"],
    }
