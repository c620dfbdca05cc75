"""The operations of EventBridge."""

from twinplane.data_plane.call import Operation
from twinplane.data_plane.services.events import bus_rules, buses, destinations, invocation, putting, schedule, store
from twinplane.data_plane.tasks import TaskKind

OPERATIONS: dict[str, Operation] = {
    **buses.OPERATIONS,
    **bus_rules.OPERATIONS,
    **putting.OPERATIONS,
    **destinations.OPERATIONS,
}
KINDS = store.KINDS
TASKS: dict[str, TaskKind] = {**invocation.TASKS, **schedule.TASKS}
