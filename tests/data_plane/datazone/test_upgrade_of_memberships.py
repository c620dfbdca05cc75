"""Memberships of a state from before they knew their project's name."""

import asyncio
from pathlib import Path

from twinplane.data_plane.app import kinds_and_tasks
from twinplane.data_plane.services.datazone.store import MEMBERSHIPS, PROJECTS
from twinplane.data_plane.store import Store, Transaction
from twinplane.data_plane.upgrades import UPGRADES


def test_memberships_are_listed_by_their_projects_name_after_an_upgrade(tmp_path: Path) -> None:
    kinds, _ = kinds_and_tasks()
    membership = {"domainId": "d", "projectId": "p", "memberType": "user", "memberId": "m", "designation": "OWNER"}

    def before(tx: Transaction) -> None:
        tx.add(PROJECTS, {"domainId": "d", "id": "p", "name": "Sales"})
        tx.add(MEMBERSHIPS, membership)

    store = Store(tmp_path / "plane.db", kinds, UPGRADES[: [u.version for u in UPGRADES].index(6)])
    asyncio.run(store.write(before))
    store.close()
    store = Store(tmp_path / "plane.db", kinds, UPGRADES)
    listed = store.read(lambda tx: tx.select(MEMBERSHIPS, {"memberId": "m", "projectName": "Sales"}))
    assert listed == [membership | {"projectName": "Sales"}]
    store.close()
