"""The operations of SQS."""

from twinplane.data_plane.call import Operation
from twinplane.data_plane.services.sqs import messages, moves, queues, store
from twinplane.data_plane.tasks import TaskKind

OPERATIONS: dict[str, Operation] = {**queues.OPERATIONS, **messages.OPERATIONS, **moves.OPERATIONS}
KINDS = store.KINDS
TASKS: dict[str, TaskKind] = {store.SWEEP: store.SWEEPING, **moves.TASKS}
