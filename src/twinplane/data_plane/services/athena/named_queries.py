"""Named queries: texts that are kept in a work group, for whoever has rights of the work group."""

import uuid
from typing import Any

from twinplane.data_plane.call import Access, Answer, Call, Request, ServiceError
from twinplane.data_plane.services.athena import store
from twinplane.data_plane.services.athena.work_groups import get as get_work_group
from twinplane.data_plane.services.athena.work_groups import invalid, listing, work_group_arn
from twinplane.data_plane.services.iam.rules import decision, iam
from twinplane.data_plane.store import Document


def _missing(query_id: str) -> ServiceError:
    return invalid(f"NamedQuery {query_id} does not exist")


def _find(call: Call, action: str, query_id: str) -> Document | None:
    """The named query, if the caller may do this to it: one in a work group of others is as if it were not there."""
    found = call.tx.find(store.NAMED_QUERIES, query_id)
    if found is None:
        return None
    arn = work_group_arn(call, found["WorkGroup"])
    return found if decision(call, f"athena:{action}", arn).decision == "allowed" else None


def _get(call: Call, action: str, query_id: str) -> Document:
    found = _find(call, action, query_id)
    if found is None:
        raise _missing(query_id)
    return found


def one(action: str) -> Access:
    """Access to a named query by the rights on its work group. Raises `InvalidRequestException`."""
    return iam(
        f"athena:{action}",
        lambda call, request: work_group_arn(call, _get(call, action, request["NamedQueryId"])["WorkGroup"]),
    )


def several(action: str) -> Access:
    """Access to those of `NamedQueryIds` that are in work groups of the caller's; who has none: on all."""

    def groups(call: Call, request: Request) -> list[str]:
        found = (_find(call, action, query_id) for query_id in request["NamedQueryIds"])
        return sorted({work_group_arn(call, q["WorkGroup"]) for q in found if q}) or [work_group_arn(call, "*")]

    return iam(f"athena:{action}", groups)


def create_named_query(call: Call, request: Request) -> Answer:
    """Keeps a text in a work group; as on AWS nobody checks that it is SQL."""
    group = get_work_group(call, request.get("WorkGroup") or store.PRIMARY)
    query = {
        "NamedQueryId": str(uuid.uuid4()), "WorkGroup": group["Name"], "Name": request["Name"],
        "Database": request["Database"], "QueryString": request["QueryString"],
    }  # fmt: skip
    if request.get("Description"):
        query["Description"] = request["Description"]
    call.tx.add(store.NAMED_QUERIES, query)
    return {"NamedQueryId": query["NamedQueryId"]}


def get_named_query(call: Call, request: Request) -> Answer:
    """One named query."""
    return {"NamedQuery": _get(call, "GetNamedQuery", request["NamedQueryId"])}


def batch_get_named_query(call: Call, request: Request) -> Answer:
    """Several named queries, and the ids of which there is none for the caller."""
    found, missing = [], []
    for query_id in dict.fromkeys(request["NamedQueryIds"]):
        query = _find(call, "BatchGetNamedQuery", query_id)
        if query is not None:
            found.append(query)
        else:
            error = _missing(query_id)
            code = error.members["AthenaErrorCode"]
            missing.append({"NamedQueryId": query_id, "ErrorCode": code, "ErrorMessage": error.message})
    return {"NamedQueries": found, "UnprocessedNamedQueryIds": missing}


def list_named_queries(call: Call, request: Request) -> Answer:
    """The ids of a work group's named queries."""
    where = {"WorkGroup": get_work_group(call, request.get("WorkGroup") or store.PRIMARY)["Name"]}

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        return call.tx.select(store.NAMED_QUERIES, where, after=after, limit=limit)

    rows, token = listing(call, request, fetch, lambda q: [q["NamedQueryId"]])
    return {"NamedQueryIds": [q["NamedQueryId"] for q in rows], "NextToken": token}


def update_named_query(call: Call, request: Request) -> Answer:
    """Changes a named query's name and text, and its description if one is given (an empty one: to none)."""
    query = _get(call, "UpdateNamedQuery", request["NamedQueryId"])
    query |= {"Name": request["Name"], "QueryString": request["QueryString"]}
    if request.get("Description") is not None:
        query["Description"] = request["Description"]
    call.tx.put(store.NAMED_QUERIES, {k: v for k, v in query.items() if v != ""})
    return {}


def delete_named_query(call: Call, request: Request) -> Answer:
    """Removes a named query."""
    call.tx.remove(store.NAMED_QUERIES, _get(call, "DeleteNamedQuery", request["NamedQueryId"])["NamedQueryId"])
    return {}
