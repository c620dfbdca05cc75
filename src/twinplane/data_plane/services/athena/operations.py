"""The operations of Athena that are served."""

from twinplane.data_plane.call import Access, Call, Operation, Request, reads, streams, writes
from twinplane.data_plane.services.athena import (
    executions,
    metadata,
    named_queries,
    prepared_statements,
    queries,
    store,
    work_groups,
)
from twinplane.data_plane.services.athena.rules import owner_of
from twinplane.data_plane.services.athena.work_groups import work_group_arn
from twinplane.data_plane.services.iam.rules import iam
from twinplane.data_plane.store import Kind
from twinplane.data_plane.tasks import TaskKind


def _group(action: str, member: str = "WorkGroup") -> Access:
    return iam(f"athena:{action}", lambda call, request: work_group_arn(call, request.get(member) or "primary"))


def _query(action: str) -> Access:
    """On the work group that the caller's own query ran in; another's query is as if it were not there."""
    return iam(
        f"athena:{action}",
        lambda call, request: work_group_arn(call, executions.get(call, request["QueryExecutionId"])["work_group"]),
    )


def _queries(call: Call, request: Request) -> list[str]:
    found = call.tx.select(store.EXECUTIONS, {"QueryExecutionId": request["QueryExecutionIds"]})
    own = {work_group_arn(call, e["work_group"]) for e in found if e["owner"] == owner_of(call.principal)}
    return sorted(own) or [work_group_arn(call, "*")]


def _catalog(action: str) -> Access:
    return iam(f"athena:{action}", lambda call, _r: f"arn:aws:athena:{call.region}:{call.account_id}:datacatalog/*")


OPERATIONS: dict[str, Operation] = {
    "CreateWorkGroup": writes(work_groups.create_work_group, _group("CreateWorkGroup", "Name")),
    "GetWorkGroup": reads(work_groups.get_work_group, _group("GetWorkGroup")),
    "UpdateWorkGroup": writes(work_groups.update_work_group, _group("UpdateWorkGroup")),
    "DeleteWorkGroup": writes(work_groups.delete_work_group, _group("DeleteWorkGroup")),
    "ListWorkGroups": reads(work_groups.list_work_groups, iam("athena:ListWorkGroups")),
    "StartQueryExecution": streams(queries.start_query_execution, _group("StartQueryExecution")),
    "GetQueryExecution": reads(executions.get_query_execution, _query("GetQueryExecution")),
    "BatchGetQueryExecution": reads(
        executions.batch_get_query_execution, iam("athena:BatchGetQueryExecution", _queries)
    ),
    "ListQueryExecutions": reads(executions.list_query_executions, _group("ListQueryExecutions")),
    "StopQueryExecution": writes(executions.stop_query_execution, _query("StopQueryExecution")),
    "GetQueryResults": reads(executions.get_query_results, _query("GetQueryResults")),
    "GetQueryRuntimeStatistics": reads(executions.get_query_runtime_statistics, _query("GetQueryRuntimeStatistics")),
    "CreateNamedQuery": writes(named_queries.create_named_query, _group("CreateNamedQuery")),
    "GetNamedQuery": reads(named_queries.get_named_query, named_queries.one("GetNamedQuery")),
    "BatchGetNamedQuery": reads(named_queries.batch_get_named_query, named_queries.several("BatchGetNamedQuery")),
    "ListNamedQueries": reads(named_queries.list_named_queries, _group("ListNamedQueries")),
    "UpdateNamedQuery": writes(named_queries.update_named_query, named_queries.one("UpdateNamedQuery")),
    "DeleteNamedQuery": writes(named_queries.delete_named_query, named_queries.one("DeleteNamedQuery")),
    "CreatePreparedStatement": writes(prepared_statements.create_prepared_statement, _group("CreatePreparedStatement")),
    "GetPreparedStatement": reads(prepared_statements.get_prepared_statement, _group("GetPreparedStatement")),
    "BatchGetPreparedStatement": reads(
        prepared_statements.batch_get_prepared_statement, _group("BatchGetPreparedStatement")
    ),
    "ListPreparedStatements": reads(prepared_statements.list_prepared_statements, _group("ListPreparedStatements")),
    "UpdatePreparedStatement": writes(prepared_statements.update_prepared_statement, _group("UpdatePreparedStatement")),
    "DeletePreparedStatement": writes(prepared_statements.delete_prepared_statement, _group("DeletePreparedStatement")),
    "ListDataCatalogs": reads(metadata.list_data_catalogs, iam("athena:ListDataCatalogs")),
    "GetDataCatalog": reads(metadata.get_data_catalog, _catalog("GetDataCatalog")),
    "ListDatabases": reads(metadata.list_databases, _catalog("ListDatabases")),
    "GetDatabase": reads(metadata.get_database, _catalog("GetDatabase")),
    "ListTableMetadata": reads(metadata.list_table_metadata, _catalog("ListTableMetadata")),
    "GetTableMetadata": reads(metadata.get_table_metadata, _catalog("GetTableMetadata")),
}

KINDS: list[Kind] = store.KINDS
TASKS: dict[str, TaskKind] = {"athena.run": queries.RUN}
