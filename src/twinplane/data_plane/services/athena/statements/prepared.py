"""PREPARE and DEALLOCATE PREPARE; EXECUTE has become the statement it runs by then."""

from twinplane.data_plane.call import Call
from twinplane.data_plane.services.athena import prepared_statements, store
from twinplane.data_plane.services.athena.work import Work
from twinplane.data_plane.services.athena.work_groups import work_group_arn
from twinplane.data_plane.services.iam.rules import require
from twinplane.data_plane.store import Document
from twinplane.engines.sql.statements import Deallocate, Prepare


async def prepare(work: Work, statement: Prepare) -> None:
    """Keeps the text in the execution's work group, in place of one of the same name."""
    group = work.execution["work_group"]

    def keep(call: Call) -> Document:
        is_new = prepared_statements.find(call, group, statement.name) is None
        action = "CreatePreparedStatement" if is_new else "UpdatePreparedStatement"
        require(call, f"athena:{action}", work_group_arn(call, group))
        prepared_statements.keep(call, group, statement.name, statement.text, None)
        return {}

    await work.answer((), change=keep)


async def deallocate(work: Work, statement: Deallocate) -> None:
    """Removes a prepared statement of the execution's work group."""
    group = work.execution["work_group"]

    def remove(call: Call) -> Document:
        require(call, "athena:DeletePreparedStatement", work_group_arn(call, group))
        if not call.tx.remove(store.PREPARED_STATEMENTS, group, statement.name):
            raise prepared_statements.unknown(statement.name)
        return {}

    await work.answer((), change=remove)
