"""The steps from one state version to the next, in order; `schema.prepare` runs those that a state needs.

A new column, index or kind needs no step: it is made and filled when the store opens. A step is needed when documents
change their shape or a kind its key; it says with `schema.rebuild` what becomes of each document that is there:

    def _objects_have_versions(tx: Transaction) -> None:
        rebuild(tx, OBJECTS, lambda document: document | {"version_id": "null"})

A step is never changed once it is released.
"""

from twinplane.data_plane.schema import Upgrade
from twinplane.data_plane.services.cloudtrail.store import make_log
from twinplane.data_plane.store import Transaction


def _objects_have_versions_and_small_bodies(_tx: Transaction) -> None:
    """Documents stay as they are; an earlier program would see neither versions nor bodies that are rows."""


UPGRADES: tuple[Upgrade, ...] = (Upgrade(2, make_log), Upgrade(3, _objects_have_versions_and_small_bodies))
