"""LF-tags over a real socket: who sees what because of them, and who may do what with them."""

from typing import Any

import pytest

from .catalog import COLUMNS, Catalog, Someone, columns, conditions, database, policy, refused, table, tag, who


@pytest.fixture(scope="module")
def tagged(catalog: Catalog) -> Catalog:
    """`sales` is public but for the cards of its orders; `hr` is secret but for its orders."""
    catalog.lake.create_lf_tag(TagKey="level", TagValues=["public", "secret"])
    catalog.lake.create_lf_tag(TagKey="team", TagValues=["sales", "hr"])
    catalog.tag(database("sales"), level="public", team="sales")
    catalog.tag(columns("card"), level="secret")
    catalog.tag(database("hr"), level="secret", team="hr")
    catalog.tag(table("orders", "hr"), level="public")
    return catalog


def pairs(found: list[dict[str, Any]]) -> dict[str, str]:
    return {t["TagKey"]: t["TagValues"][0] for t in found}


def test_who_is_granted_a_tag_sees_what_has_it_and_what_inherits_it(tagged: Catalog) -> None:
    ann = tagged.someone("ann")
    assert (ann.databases(), ann.columns()) == ([], None)
    tagged.grant(ann, policy(level="public"), "SELECT")
    assert ann.columns("orders") == ["id", "region"]
    assert ann.columns("people") == list(COLUMNS)
    assert ann.tables("hr") == ["orders"]
    assert ann.columns("people", "hr") is None
    assert ann.databases() == ["hr", "sales"]
    tagged.revoke(ann, policy(level="public"), "SELECT")
    assert (ann.databases(), ann.columns()) == ([], None)


def test_all_keys_must_match_and_one_of_the_values(tagged: Catalog) -> None:
    ben = tagged.someone("ben")
    tagged.grant(ben, policy(level="public secret", team="sales"), "SELECT")
    assert ben.columns("orders") == list(COLUMNS)
    assert ben.columns("orders", "hr") is None
    tagged.grant(ben, policy(level="*", team="hr"), "SELECT")
    assert ben.columns("people", "hr") == list(COLUMNS)


def test_a_change_of_tags_holds_at_once(tagged: Catalog) -> None:
    cleo = tagged.someone("cleo")
    tagged.grant(cleo, policy(level="public", team="sales"), "SELECT")
    assert cleo.columns("people") == list(COLUMNS)
    tagged.tag(table("people"), level="secret")
    assert cleo.columns("people") is None
    tagged.tag(columns("id", table_name="people"), level="public")
    assert cleo.columns("people") == ["id"]
    removed = tagged.lake.remove_lf_tags_from_resource(
        Resource=table("people"), LFTags=[{"TagKey": "level", "TagValues": ["secret"]}]
    )
    assert removed["Failures"] == []
    tagged.lake.remove_lf_tags_from_resource(
        Resource=columns("id", table_name="people"), LFTags=[{"TagKey": "level", "TagValues": ["public"]}]
    )
    assert cleo.columns("people") == list(COLUMNS)


def test_other_permissions_need_the_tags_of_the_table_or_database_itself(tagged: Catalog) -> None:
    dora = tagged.someone("dora")
    tagged.grant(dora, policy(level="secret"), "SELECT", "ALTER", "DROP")
    tagged.grant(dora, policy("DATABASE", level="secret"), "CREATE_TABLE", "DESCRIBE")
    assert dora.columns("orders") == ["card"]  # of a table that is not secret itself
    refused("AccessDeniedException", dora.client("glue").delete_table, DatabaseName="sales", Name="orders")
    given = {"Name": "made", "StorageDescriptor": {"Columns": []}}
    refused("AccessDeniedException", dora.client("glue").create_table, DatabaseName="sales", TableInput=given)
    dora.client("glue").create_table(DatabaseName="hr", TableInput=given)
    tagged.table("hr", "passing")
    dora.client("glue").delete_table(DatabaseName="hr", Name="passing")
    dora.client("glue").delete_table(DatabaseName="hr", Name="made")


def test_a_saved_expression_changes_every_grant_that_goes_by_it(tagged: Catalog) -> None:
    emil = tagged.someone("emil")
    lake = tagged.lake
    lake.create_lf_tag_expression(Name="open", Description="d", Expression=conditions(level="public", team="sales"))
    refused("InvalidInputException", lake.create_lf_tag_expression, Name="open", Expression=conditions(team="hr"))
    named = {"LFTagPolicy": {"ResourceType": "TABLE", "ExpressionName": "open"}}
    tagged.grant(emil, named, "SELECT")
    assert emil.tables("sales") == ["orders", "people"]
    lake.update_lf_tag_expression(Name="open", Expression=conditions(level="public", team="hr"))
    assert emil.databases() == ["hr"]
    shown = lake.get_lf_tag_expression(Name="open")
    assert (shown["Name"], shown["Expression"]) == ("open", conditions(level="public", team="hr"))
    refused("AccessDeniedException", emil.lake.get_lf_tag_expression, Name="open")
    assert emil.lake.list_lf_tag_expressions()["LFTagExpressions"] == []
    tagged.grant(emil, {"LFTagExpression": {"Name": "open"}}, "DESCRIBE")
    assert [e["Name"] for e in emil.lake.list_lf_tag_expressions()["LFTagExpressions"]] == ["open"]
    refused("AccessDeniedException", emil.lake.delete_lf_tag_expression, Name="open")
    lake.delete_lf_tag_expression(Name="open")
    assert emil.databases() == []
    assert lake.list_permissions(Principal=who(emil.arn))["PrincipalResourcePermissions"] == []


def test_an_expression_is_saved_by_who_may_grant_with_each_of_its_tags(tagged: Catalog) -> None:
    quy = tagged.someone("quy")
    request = {"Name": "of_quy", "Expression": conditions(level="public", team="hr")}
    refused("AccessDeniedException", quy.lake.create_lf_tag_expression, **request)
    tagged.grant(quy, {"Catalog": {}}, "CREATE_LF_TAG_EXPRESSION")
    tagged.grant(quy, tag("level", "public"), "GRANT_WITH_LF_TAG_EXPRESSION")
    refused("AccessDeniedException", quy.lake.create_lf_tag_expression, **request)
    tagged.grant(quy, tag("team"), "GRANT_WITH_LF_TAG_EXPRESSION")
    quy.lake.create_lf_tag_expression(**request)
    wider = {"Name": "of_quy", "Expression": conditions(level="secret")}
    refused("AccessDeniedException", quy.lake.update_lf_tag_expression, **wider)
    quy.lake.delete_lf_tag_expression(Name="of_quy")


def test_tags_of_a_resource_are_shown_with_what_is_inherited_or_without(tagged: Catalog) -> None:
    shown = tagged.lake.get_resource_lf_tags(Resource=table("orders"))
    assert pairs(shown["LFTagOnDatabase"]) == {"level": "public", "team": "sales"}
    assert pairs(shown["LFTagsOnTable"]) == {"level": "public", "team": "sales"}
    by_column = {c["Name"]: pairs(c["LFTags"])["level"] for c in shown["LFTagsOnColumns"]}
    assert by_column == {"id": "public", "region": "public", "card": "secret"}
    own = tagged.lake.get_resource_lf_tags(Resource=table("orders"), ShowAssignedLFTags=True)
    assert "LFTagsOnTable" not in own
    assert [(c["Name"], pairs(c["LFTags"])) for c in own["LFTagsOnColumns"]] == [("card", {"level": "secret"})]
    one = tagged.lake.get_resource_lf_tags(Resource=columns("id"))["LFTagsOnColumns"]
    assert [c["Name"] for c in one] == ["id"]


def test_resources_are_found_by_their_tags_page_by_page(tagged: Catalog) -> None:
    def tables(lake: Any, **tags: str) -> list[str]:
        pages = lake.get_paginator("search_tables_by_lf_tags").paginate(
            Expression=conditions(**tags), PaginationConfig={"PageSize": 1}
        )
        found = pages.build_full_result()["TableList"]
        return [f"{t['Table']['DatabaseName']}.{t['Table']['Name']}" for t in found]

    assert tables(tagged.lake, level="public") == ["hr.orders", "sales.orders", "sales.people"]
    assert tables(tagged.lake, level="secret") == ["hr.people", "sales.orders"]
    found = tagged.lake.search_databases_by_lf_tags(Expression=conditions(level="secret"))["DatabaseList"]
    assert [d["Database"]["Name"] for d in found] == ["hr"]
    fay = tagged.someone("fay")
    refused("AccessDeniedException", fay.lake.search_tables_by_lf_tags, Expression=conditions(level="public"))
    tagged.grant(fay, tag("level", "public"), "DESCRIBE")
    assert tables(fay.lake, level="public") == []
    tagged.grant(fay, table("orders"), "DESCRIBE")
    assert tables(fay.lake, level="public") == ["sales.orders"]
    shown = fay.lake.search_tables_by_lf_tags(Expression=conditions(level="public"))["TableList"][0]
    assert pairs(shown["LFTagsOnTable"]) == {"level": "public"}  # the other tag is not hers to see
    assert [c["Name"] for c in shown["LFTagsOnColumns"]] == ["id", "region"]


def test_tags_are_made_changed_and_deleted_by_who_may(tagged: Catalog) -> None:
    gus = tagged.someone("gus")
    made = {"TagKey": "stage", "TagValues": ["dev", "prod"]}
    refused("AccessDeniedException", gus.lake.create_lf_tag, **made)
    tagged.grant(gus, {"Catalog": {}}, "CREATE_LF_TAG")
    gus.lake.create_lf_tag(**made)
    refused("InvalidInputException", gus.lake.create_lf_tag, **made)
    assert [t["TagKey"] for t in gus.lake.list_lf_tags()["LFTags"]] == ["stage"]
    gus.lake.update_lf_tag(TagKey="stage", TagValuesToAdd=["test"], TagValuesToDelete=["dev"])
    assert gus.lake.get_lf_tag(TagKey="stage")["TagValues"] == ["prod", "test"]
    refused("AccessDeniedException", gus.lake.get_lf_tag, TagKey="level")
    refused("AccessDeniedException", gus.lake.get_lf_tag, TagKey="not there")
    refused("EntityNotFoundException", tagged.lake.get_lf_tag, TagKey="not there")
    refused("AccessDeniedException", gus.lake.update_lf_tag, TagKey="level", TagValuesToAdd=["x"])
    refused("AccessDeniedException", gus.lake.delete_lf_tag, TagKey="level")
    tagged.tag(table("people", "hr"), stage="prod")
    message = refused("InvalidInputException", gus.lake.update_lf_tag, TagKey="stage", TagValuesToDelete=["prod"])
    assert message.startswith("Update not allowed")
    hal = tagged.someone("hal")
    tagged.grant(hal, policy(stage="prod"), "SELECT")
    assert hal.tables("hr") == ["people"]
    gus.lake.delete_lf_tag(TagKey="stage")
    assert hal.databases() == []
    gus.lake.create_lf_tag(TagKey="stage", TagValues=["prod"])  # made anew, it gives nobody what the old one did
    assert "LFTagsOnTable" not in tagged.lake.get_resource_lf_tags(
        Resource=table("people", "hr"), ShowAssignedLFTags=True
    )
    tagged.tag(table("people", "hr"), stage="prod")
    assert hal.databases() == []


def test_only_who_may_assign_a_value_and_owns_the_resource_tags_it(tagged: Catalog) -> None:
    ivy = tagged.someone("ivy")
    request = {"Resource": table("people"), "LFTags": [{"TagKey": "level", "TagValues": ["secret"]}]}
    refused("AccessDeniedException", ivy.lake.add_lf_tags_to_resource, **request)
    every = ("SELECT", "INSERT", "DELETE", "DESCRIBE", "ALTER", "DROP")
    tagged.grant(ivy, table("people"), *every, grantable=every)
    failures = ivy.lake.add_lf_tags_to_resource(**request)["Failures"]
    assert [f["Error"]["ErrorCode"] for f in failures] == ["AccessDeniedException"]
    tagged.grant(ivy, tag("level", "public"), "ASSOCIATE")
    assert len(ivy.lake.add_lf_tags_to_resource(**request)["Failures"]) == 1  # another value than hers
    tagged.grant(ivy, tag("level", "secret"), "ASSOCIATE")
    assert ivy.lake.add_lf_tags_to_resource(**request)["Failures"] == []
    assert ivy.lake.remove_lf_tags_from_resource(**request)["Failures"] == []
    refused("AccessDeniedException", ivy.lake.add_lf_tags_to_resource, **(request | {"Resource": table("orders")}))


def test_a_batch_of_tags_says_which_were_not_given(tagged: Catalog) -> None:
    wanted = [{"TagKey": "level", "TagValues": [value]} for value in ("public", "other")]
    answer = tagged.lake.add_lf_tags_to_resource(Resource=table("people"), LFTags=wanted)
    assert [(f["LFTag"]["TagValues"], f["Error"]["ErrorCode"]) for f in answer["Failures"]] == [
        (["other"], "EntityNotFoundException"),
    ]  # fmt: skip
    tagged.lake.remove_lf_tags_from_resource(Resource=table("people"), LFTags=wanted[:1])
    for resource in (table("gone"), columns("gone")):
        refused(
            "EntityNotFoundException", tagged.lake.add_lf_tags_to_resource, Resource=resource, LFTags=wanted[:1]
        )  # fmt: skip


def test_grants_by_tags_are_given_by_who_may_grant_with_them(tagged: Catalog) -> None:
    joe, kim = tagged.someone("joe"), tagged.someone("kim")
    request = {"Principal": who(kim.arn), "Resource": policy(level="secret"), "Permissions": ["SELECT"]}
    tagged.grant(joe, policy(level="secret"), "SELECT")
    refused("AccessDeniedException", joe.lake.grant_permissions, **request)
    tagged.grant(joe, tag("level", "public"), "GRANT_WITH_LF_TAG_EXPRESSION")
    refused("AccessDeniedException", joe.lake.grant_permissions, **request)
    wider = request | {"Resource": policy(level="*")}
    tagged.grant(joe, tag("level", "secret"), "GRANT_WITH_LF_TAG_EXPRESSION")
    refused("AccessDeniedException", joe.lake.grant_permissions, **wider)  # values there may yet be
    joe.lake.grant_permissions(**request)
    assert kim.columns("orders") == ["card"]
    joe.lake.revoke_permissions(**request)
    assert kim.columns("orders") is None
    refused(
        "AccessDeniedException", joe.lake.grant_permissions,
        **(request | {"Resource": tag("level", "secret"), "Permissions": ["ASSOCIATE"]}),
    )  # fmt: skip


def test_values_of_a_tag_are_taken_out_of_a_wider_grant(tagged: Catalog) -> None:
    lea = tagged.someone("lea")
    tagged.grant(lea, tag("level", "public", "secret"), "DESCRIBE")
    assert lea.lake.get_lf_tag(TagKey="level")["TagValues"] == ["public", "secret"]
    tagged.revoke(lea, tag("level", "secret"), "DESCRIBE")
    assert lea.lake.get_lf_tag(TagKey="level")["TagValues"] == ["public"]
    refused(
        "InvalidInputException", tagged.lake.revoke_permissions, Principal=who(lea.arn),
        Resource=tag("level", "secret"), Permissions=["DESCRIBE"],
    )  # fmt: skip


def test_grants_on_tags_that_there_are_not_are_refused(tagged: Catalog) -> None:
    max_ = tagged.someone("max")
    for resource in (policy(level="gone"), policy(gone="x"), tag("gone"), tag("level", "gone")):
        refused(
            "EntityNotFoundException", tagged.lake.grant_permissions, Principal=who(max_.arn), Resource=resource,
            Permissions=["DESCRIBE"],
        )  # fmt: skip


def test_what_is_made_anew_under_a_name_has_no_tags(tagged: Catalog) -> None:
    nia = tagged.someone("nia")
    tagged.table("hr", "brief")
    tagged.tag(table("brief", "hr"), level="public")
    tagged.grant(nia, policy(level="public", team="hr"), "SELECT")
    assert "brief" in nia.tables("hr")
    tagged.glue.delete_table(DatabaseName="hr", Name="brief")
    tagged.table("hr", "brief")
    assert "brief" not in nia.tables("hr")
    tagged.glue.delete_table(DatabaseName="hr", Name="brief")


def test_permissions_are_listed_by_type_and_as_they_take_effect(tagged: Catalog) -> None:
    oda = tagged.someone("oda")
    tagged.grant(oda, policy(level="public"), "SELECT")
    tagged.grant(oda, policy("DATABASE", level="public"), "DESCRIBE")
    tagged.grant(oda, tag("level", "public"), "DESCRIBE")
    tagged.grant(oda, table("orders"), "DESCRIBE")

    def kinds(someone: Someone | None = None, **request: Any) -> list[str]:
        lake = tagged.lake if someone is None else someone.lake
        found = lake.list_permissions(Principal=who(oda.arn), **request)["PrincipalResourcePermissions"]
        return sorted(next(iter(p["Resource"])) for p in found)

    assert kinds(ResourceType="LF_TAG") == ["LFTag"]
    assert kinds(ResourceType="LF_TAG_POLICY") == ["LFTagPolicy", "LFTagPolicy"]
    assert kinds(ResourceType="LF_TAG_POLICY_DATABASE") == ["LFTagPolicy"]
    assert kinds(ResourceType="DATABASE") == []
    assert kinds(Resource=table("orders")) == ["LFTagPolicy", "Table"]
    assert kinds(Resource=table("people", "hr")) == []
    assert kinds(Resource=database("sales")) == ["LFTagPolicy"]
    assert kinds(Resource=database("hr")) == []
    assert kinds(oda) == ["LFTag", "LFTagPolicy", "LFTagPolicy", "Table"]
    pia = tagged.someone("pia")
    assert kinds(pia) == []
