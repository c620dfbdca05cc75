"""Roles of projects from before AWS Glue had connections: they read their project's own, as those made since."""

import asyncio
import json
from pathlib import Path

from twinplane.data_plane.app import kinds_and_tasks
from twinplane.data_plane.services.datazone import glue_connections
from twinplane.data_plane.services.iam import store as iam
from twinplane.data_plane.store import Store, Transaction
from twinplane.data_plane.upgrades import UPGRADES

READS_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "glue:Get*", "Resource": "*"}]}
NAMES = ("datazone_usr_role_proj1_env1", "Own")


def test_roles_of_projects_lose_the_connections_of_others_with_an_upgrade(tmp_path: Path) -> None:
    kinds, _ = kinds_and_tasks()

    def before(tx: Transaction) -> None:
        for name in NAMES:
            made = {"account_id": "111122223333", "name": name, "trust_policy": READS_ALL, "now": 1.0}
            iam.put_role(tx, **made, policies={"project": READS_ALL})

    store = Store(tmp_path / "plane.db", kinds, UPGRADES[: [u.version for u in UPGRADES].index(10)])
    asyncio.run(store.write(before))
    store.close()
    store = Store(tmp_path / "plane.db", kinds, UPGRADES)
    policies = [json.loads(store.read(lambda tx, n=n: tx.get(iam.ROLES, n))["policies"]["project"]) for n in NAMES]
    assert policies[0]["Statement"] == [*READS_ALL["Statement"], glue_connections.closed("111122223333", "proj1")]
    assert policies[1] == READS_ALL
    store.close()
