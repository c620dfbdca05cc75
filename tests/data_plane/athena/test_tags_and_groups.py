"""What people are granted by tags, through groups and by opting in, as their queries and results show it."""

import pytest
from botocore.exceptions import ClientError

from .lake import Lake, Person, table

EVERYONE = "IAM_ALLOWED_PRINCIPALS"
PUBLIC = {
    "LFTagPolicy": {"ResourceType": "TABLE", "Expression": [{"TagKey": "level", "TagValues": ["public"]}]},
}  # fmt: skip


@pytest.fixture(scope="module")
def tagged(lake: Lake) -> Lake:
    """`orders` is public but for its cards."""
    client = lake.lake
    client.create_lf_tag(TagKey="level", TagValues=["public", "secret"])
    cards = {"TableWithColumns": {"DatabaseName": "sales", "Name": "orders", "ColumnNames": ["card"]}}
    for resource, value in ((table(), "public"), (cards, "secret")):
        pair = [{"TagKey": "level", "TagValues": [value]}]
        assert client.add_lf_tags_to_resource(Resource=resource, LFTags=pair).get("Failures", []) == []
    return lake


def refused(person: Person, text: str) -> bool:
    try:
        person.start(text)
    except ClientError as error:
        return str(error.response["Error"]["Code"]) == "AccessDeniedException"
    return False


def test_a_query_reads_the_columns_that_have_a_tag(tagged: Lake) -> None:
    ann = tagged.person("ann")
    tagged.grant(ann.principal, PUBLIC)
    assert ann.rows("SELECT * FROM orders WHERE id = 4") == [["4", "EU", "6.0"]]
    assert ann.finished(ann.start("SELECT card FROM orders"))["Status"]["State"] == "FAILED"
    tagged.revoke(ann.principal, PUBLIC)
    assert refused(ann, "SELECT id FROM orders")


def test_tags_filters_and_groups_add_up_for_one_person_alone(tagged: Lake) -> None:
    ben, cleo = tagged.person("ben"), tagged.person("cleo")
    group = tagged.group("analysts", ben, cleo)
    tagged.grant(group, PUBLIC)
    tagged.grant(ben.principal, tagged.filter("eu_cards", "region = 'EU'", {"ColumnNames": ["card"]}))
    text = "SELECT id, card FROM orders WHERE id IN (4, 5) ORDER BY id"
    assert ben.rows(text) == [["4", "card-4"], ["5", None]]
    assert cleo.rows("SELECT * FROM orders WHERE id = 5") == [["5", "US", "7.5"]]
    assert cleo.finished(cleo.start(text))["Status"]["State"] == "FAILED"


def test_who_opted_in_is_not_let_in_by_iam(tagged: Lake) -> None:
    dora = tagged.person("dora")
    tagged.grant(EVERYONE, table())
    assert not refused(dora, "SELECT count(*) FROM orders")
    principal = {"DataLakePrincipalIdentifier": dora.principal}
    tagged.lake.create_lake_formation_opt_in(Principal=principal, Resource=table())
    assert refused(dora, "SELECT count(*) FROM orders")
    tagged.grant(dora.principal, tagged.filter("ten", "id < 10", {"ColumnWildcard": {}}))
    assert dora.rows("SELECT count(*) FROM orders") == [["10"]]
    tagged.revoke(EVERYONE, table())


def test_people_have_nothing_while_lake_formation_is_not_enabled_in_identity_center(tagged: Lake) -> None:
    emil = tagged.person("emil")
    tagged.grant(emil.principal, PUBLIC)
    instance = tagged.plane.client("sso-admin").list_instances()["Instances"][0]["InstanceArn"]
    tagged.lake.create_lake_formation_identity_center_configuration(InstanceArn=instance)
    update = tagged.lake.update_lake_formation_identity_center_configuration
    assert emil.rows("SELECT count(*) FROM orders") == [["1000"]]
    update(ApplicationStatus="DISABLED")
    assert refused(emil, "SELECT count(*) FROM orders")
    update(ApplicationStatus="ENABLED")
    assert emil.rows("SELECT count(*) FROM orders") == [["1000"]]
