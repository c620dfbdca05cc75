"""A project that is being deleted takes nothing more in; what is in it can still be read and taken away."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pysqlite3 import dbapi2 as sqlite

from tests.data_plane.datazone.catalog_for_tests import Producer, producer, unique
from tests.data_plane.datazone.domains_for_tests import Mesh
from tests.data_plane.datazone.test_data_products import product, publish
from tests.data_plane.datazone.test_grants import ask_for_project
from tests.data_plane.datazone.test_subscriptions import table_name


class Going:
    """A producer whose project is being deleted, and what was in it."""

    def __init__(self, mesh: Mesh) -> None:
        self.here = {"domainIdentifier": mesh.domain_id}
        self.owner, self.other = producer(mesh, "leaver"), producer(mesh, "stayer")
        self.asset = self.owner.asset()["id"]
        self.listing = self.owner.published(table_name())[1]
        self.request = ask_for_project(self.other, self.listing)
        self.own_request = ask_for_project(self.owner, self.other.published(table_name())[1])
        self.source = self.owner.source()
        self.notebook = self.owner.datazone.create_notebook(**self.owned, name="left")["id"]
        environments = self.owner.datazone.list_environments(**self.here, projectIdentifier=self.owner.project_id)
        self.environment = environments["items"][0]["id"]
        self.product = product(self.owner, {"id": self.asset})["id"]

    @property
    def owned(self) -> dict[str, Any]:
        return self.here | {"owningProjectIdentifier": self.owner.project_id}


@pytest.fixture(scope="module")
def going(mesh: Mesh) -> Going:
    found = Going(mesh)
    connection = sqlite.connect(str(mesh.plane.state / "plane.db"), timeout=20)
    with connection:  # as it is while its removal goes on
        sql = (
            "UPDATE datazone_project SET projectStatus = 'DELETING', "
            "body = CAST(json_set(body, '$.projectStatus', 'DELETING') AS BLOB) WHERE id = ?"
        )
        assert connection.execute(sql, (found.owner.project_id,)).rowcount == 1
    connection.close()
    mesh.person("nobody")  # the plane reads anew after a change of its own
    return found


Act = Callable[[Producer, Going], Any]
ADDITIONS: dict[str, Act] = {
    "asset": lambda owner, _: owner.asset(),
    "asset revision": lambda owner, g: owner.datazone.create_asset_revision(**g.here, identifier=g.asset, name="new"),
    "publication": lambda owner, g: owner.publish(g.asset),
    "product": lambda owner, g: publish(owner, g.product),
    "notebook": lambda owner, g: owner.datazone.create_notebook(**g.owned, name="late"),
    "data source": lambda owner, _: owner.source(),
    "run": lambda owner, g: owner.datazone.start_data_source_run(**g.here, dataSourceIdentifier=g.source),
    "project": lambda owner, g: owner.datazone.update_project(**g.here, identifier=owner.project_id, name="late"),
    "member": lambda owner, g: owner.datazone.create_project_membership(
        **g.here, projectIdentifier=owner.project_id, designation="PROJECT_OWNER",
        member={"userIdentifier": owner.mesh.person("late")},
    ),
    "connection": lambda owner, g: owner.datazone.create_connection(
        **g.here, environmentIdentifier=g.environment, name=unique("late"),
        props={"s3Properties": {"s3Uri": "s3://bucket/late/"}},
    ),
    "request": lambda owner, g: ask_for_project(owner, g.listing),
    "request of others": lambda _, g: ask_for_project(producer(g.owner.mesh, "third"), g.listing),
    "acceptance": lambda owner, g: owner.datazone.accept_subscription_request(**g.here, identifier=g.request),
    "acceptance by others": lambda _, g: g.other.datazone.accept_subscription_request(
        **g.here, identifier=g.own_request
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", ADDITIONS)
def test_nothing_is_added_to_a_project_that_is_going(going: Going, what: str) -> None:
    with pytest.raises(ClientError, match=r"(Conflict|Validation)Exception.*(being deleted|DELETING)"):
        ADDITIONS[what](going.owner, going)


def test_what_is_in_it_can_be_read_and_taken_away(going: Going) -> None:
    datazone, here = going.owner.datazone, going.here
    project = datazone.get_project(**here, identifier=going.owner.project_id)
    assert project["projectStatus"] == "DELETING"
    assert datazone.get_asset(**here, identifier=going.asset)["id"] == going.asset
    datazone.delete_notebook(**here, identifier=going.notebook)
    datazone.delete_data_product(**here, identifier=going.product)
    datazone.delete_asset(**here, identifier=going.asset)
    datazone.reject_subscription_request(**here, identifier=going.request)
    datazone.delete_project(**here, identifier=going.owner.project_id)
