"""Form types and asset types: what a form may say, revisions, what is in use, and how types are found."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.data_plane.datazone.catalog_for_tests import COLUMNS, Producer, form, glue_form, producer, unique
from tests.data_plane.datazone.domains_for_tests import Mesh
from twinplane.data_plane.services.datazone import assets, search_rebuild, types
from twinplane.data_plane.services.datazone.operations import KINDS
from twinplane.data_plane.services.datazone.search_query import Search
from twinplane.data_plane.store import Store, Transaction

STRICT = """
structure %s {
    @required @pattern("^[A-Z]{2}-\\\\d+$") code: String
    @length(min: 2, max: 4) short: String
    @range(min: 1, max: 10) rank: Integer
    level: Level
    tags: Tags
    details: Details
    anything: Document
    @amazon.datazone#glossaryterm("%s") term: String
}
enum Level { LOW = "low" HIGH = "high" }
@length(max: 2) list Tags { member: Tag }
@pattern("^[a-z]+$") string Tag
structure Details { @required owner: Owner }
structure Owner { @required name: String since: Timestamp }
"""


@pytest.fixture(scope="module")
def owner(mesh: Mesh) -> Producer:
    return producer(mesh, "typist")


@pytest.fixture(scope="module")
def project(mesh: Mesh) -> str:
    """A project of the administrator, who owns the root domain unit and so may make types there."""
    return str(mesh.project(unique("Types"))["id"])


def refused(code: str, text: str = "") -> Any:
    return pytest.raises(ClientError, match=f"(?s){code}.*{text}")


def name_of(word: str) -> str:
    return unique(word).replace(" ", "")


def make_form(mesh: Mesh, project: str, name: str, smithy: str, **members: Any) -> dict[str, Any]:
    given = {"name": name, "model": {"smithy": smithy}, "owningProjectIdentifier": project} | members
    answer: dict[str, Any] = mesh.admin.create_form_type(domainIdentifier=mesh.domain_id, **given)
    return answer


def make_type(mesh: Mesh, project: str, name: str, form_name: str, **members: Any) -> dict[str, Any]:
    forms = {form_name: {"typeIdentifier": form_name, "typeRevision": "1", "required": True}}
    answer: dict[str, Any] = mesh.admin.create_asset_type(
        domainIdentifier=mesh.domain_id, name=name, formsInput=forms, owningProjectIdentifier=project, **members
    )
    return answer


@pytest.fixture(scope="module")
def strict(mesh: Mesh, project: str) -> tuple[str, str]:
    """A form type with constraints of every kind, and the term that its forms may hold."""
    domain = {"domainIdentifier": mesh.domain_id}
    glossary = mesh.admin.create_glossary(**domain, name=unique("Strict"), owningProjectIdentifier=project)["id"]
    term = mesh.admin.create_glossary_term(**domain, glossaryIdentifier=glossary, name="Allowed")["id"]
    name = name_of("Strict")
    make_form(mesh, project, name, STRICT % (name, glossary))
    return name, str(term)


def test_a_form_that_fits_its_type_is_taken(owner: Producer, strict: tuple[str, str]) -> None:
    name, term = strict
    content = {
        "code": "AB-12", "short": "abc", "rank": 10, "level": "high", "tags": ["a", "b"],
        "details": {"owner": {"name": "someone", "since": 1700000000}}, "anything": {"x": [1, None]}, "term": term,
    }  # fmt: skip
    made = owner.asset(formsInput=[glue_form("t", COLUMNS), form(name, content, name)])
    shown = next(f for f in made["formsOutput"] if f["formName"] == name)
    assert (shown["typeName"], shown["typeRevision"], json.loads(shown["content"])) == (name, "1", content)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"code": "ab-12"}, "code: must match"),
        ({"short": "a"}, "short: its length must be at least 2"),
        ({"rank": 11}, "rank must be at most 10"),
        ({"rank": "1"}, "rank: must be a whole number"),
        ({"level": "medium"}, "level: must be one of low, high"),
        ({"tags": ["a", "b", "c"]}, "tags: its length must be at most 2"),
        ({"tags": ["A"]}, r"tags\[0\]: must match"),
        ({"tags": "a"}, "tags: must be a list"),
        ({"details": {}}, "details.owner: required member is missing"),
        ({"details": {"owner": {"name": "x", "age": 3}}}, "details.owner.age: unknown member"),
        ({"unheard": 1}, "unheard: unknown member"),
        ({"term": "nosuchterm"}, "term: nosuchterm is not a term"),
        ({"code": None}, "code: required member is missing"),
    ],
)
def test_a_form_that_does_not_fit_is_refused_with_the_reason(
    owner: Producer, strict: tuple[str, str], wrong: dict[str, Any], why: str
) -> None:
    name, _ = strict
    with refused("ValidationException", why):
        owner.asset(formsInput=[glue_form("t", COLUMNS), form(name, {"code": "AB-1"} | wrong, name)])


def test_a_pattern_takes_time_in_proportion_to_the_text(mesh: Mesh, project: str, owner: Producer) -> None:
    name = name_of("Slow")
    make_form(mesh, project, name, f'structure {name} {{ @pattern("^(a+)+$") code: String }}')
    with refused("ValidationException", "must match"):
        owner.asset(formsInput=[glue_form("t", COLUMNS), form(name, {"code": "a" * 5000 + "!"}, name)])
    for pattern in ("(", "(?=a)b", "(a)\\\\1"):
        with refused("ValidationException", "pattern of"):
            other = name_of("Wrong")
            make_form(mesh, project, other, f'structure {other} {{ @pattern("{pattern}") code: String }}')


def test_what_is_in_use_is_not_deleted(mesh: Mesh, project: str, owner: Producer) -> None:
    domain = {"domainIdentifier": mesh.domain_id}
    form_name, loose, kind = name_of("UsedForm"), name_of("LooseForm"), name_of("UsedType")
    for name in (form_name, loose):
        make_form(mesh, project, name, f"structure {name} {{ note: String }}")
    make_type(mesh, project, kind, form_name)
    with refused("ConflictException", "asset types have"):
        mesh.admin.delete_form_type(**domain, formTypeIdentifier=form_name)
    made = owner.asset(typeIdentifier=kind, formsInput=[form(form_name, {"note": "x"}), form(loose, {}, loose)])
    with refused("ConflictException", "assets"):
        mesh.admin.delete_asset_type(**domain, identifier=kind)
    with refused("ConflictException", "assets have"):
        mesh.admin.delete_form_type(**domain, formTypeIdentifier=loose)
    owner.datazone.delete_asset(**domain, identifier=made["id"])
    mesh.admin.delete_asset_type(**domain, identifier=kind)
    for name in (form_name, loose):
        mesh.admin.delete_form_type(**domain, formTypeIdentifier=name)
    with refused("ResourceNotFoundException"):
        mesh.admin.get_form_type(**domain, formTypeIdentifier=loose)
    with refused("ValidationException", "managed"):
        mesh.admin.delete_asset_type(**domain, identifier="amazon.datazone.GlueTableAssetType")


def test_of_an_enormous_form_only_the_beginning_is_found(mesh: Mesh, project: str, owner: Producer) -> None:
    """So that nobody waits long while it is written, or while what matched in it is looked for."""
    name, domain = name_of("Huge"), {"domainIdentifier": mesh.domain_id}
    searchable = "@amazon.datazone#searchable"
    make_form(
        mesh, project, name,
        f"structure {name} {{ ranks: Ranks {searchable} text: String }} list Ranks {{ member: Integer }}",
    )  # fmt: skip
    words = " ".join([f"begin{name}", *["filler"] * 20_000, f"end{name}"])
    contents: list[dict[str, Any]] = [{"text": words}, {"ranks": list(range(6_000))}]
    huge = owner.asset(
        formsInput=[
            glue_form("huge", COLUMNS),
            *({"formName": f"F{i}", "typeIdentifier": name, "content": json.dumps(c)} for i, c in enumerate(contents)),
            {
                "formName": "Last",
                "typeIdentifier": name,
                "content": json.dumps({"text": "filler " * 12_000 + f"latest{name}"}),
            },
        ]
    )
    asked = {"searchScope": "ASSET", "additionalAttributes": ["TEXT_MATCH_RATIONALE"], **domain}

    def found(**asked_for: Any) -> list[Any]:
        return [item["assetItem"] for item in owner.datazone.search(**asked, **asked_for)["items"]]

    def ranked(rank: int) -> dict[str, Any]:
        return {"filter": {"attribute": "F1.ranks", "intValue": rank}}

    assert [item["identifier"] for item in found(filters=ranked(17))] == [huge["id"]]
    assert found(filters=ranked(5_999)) == []
    [item] = found(searchText=f"begin{name}")
    assert item["additionalAttributes"]["matchRationale"][0]["textMatches"][0]["text"].startswith("begin")
    [item] = found(searchText=f"end{name}")
    assert item["additionalAttributes"]["matchRationale"] == []
    assert found(searchText=f"latest{name}") == []
    with refused("ConflictException", "assets have forms of it"):
        mesh.admin.delete_form_type(**domain, formTypeIdentifier=name)


def test_what_a_rule_requires_is_not_deleted(mesh: Mesh, project: str) -> None:
    name, domain = name_of("Needed"), {"domainIdentifier": mesh.domain_id}
    make_form(mesh, project, name, f"structure {name} {{ a: String }}")
    glossary = mesh.admin.create_glossary(**domain, name=name, owningProjectIdentifier=project, status="ENABLED")["id"]
    term = mesh.admin.create_glossary_term(**domain, name="t", glossaryIdentifier=glossary, status="ENABLED")["id"]
    unit = mesh.admin.create_domain_unit(**domain, name=name, parentDomainUnitIdentifier=mesh.root_unit)["id"]
    form = {"typeIdentifier": name, "typeRevision": "1"}
    for detail, delete in (
        (
            {"metadataFormEnforcementDetail": {"requiredMetadataForms": [form]}},
            lambda: mesh.admin.delete_form_type(**domain, formTypeIdentifier=name),
        ),
        (
            {"glossaryTermEnforcementDetail": {"requiredGlossaryTermIds": [term]}},
            lambda: mesh.admin.delete_glossary_term(**domain, identifier=term),
        ),
    ):
        rule = mesh.admin.create_rule(
            **domain, name=unique("rule"), action="CREATE_LISTING_CHANGE_SET", scope={}, detail=detail,
            target={"domainUnitTarget": {"domainUnitId": unit}},
        )["identifier"]  # fmt: skip
        with refused("ConflictException", "requires"):
            delete()
        mesh.admin.delete_rule(**domain, identifier=rule)
        delete()


def test_an_asset_type_is_made_of_form_types_that_exist(mesh: Mesh, project: str) -> None:
    with refused("ValidationException", "Form type Nowhere in revision 1 does not exist"):
        make_type(mesh, project, name_of("Kind"), "Nowhere")


def test_a_disabled_form_type_makes_no_more_forms(mesh: Mesh, project: str, owner: Producer) -> None:
    name = name_of("Disabled")
    make_form(mesh, project, name, f"structure {name} {{ note: String }}")
    owner.asset(formsInput=[glue_form("t", COLUMNS), form(name, {}, name)])
    make_form(mesh, project, name, f"structure {name} {{ note: String }}", status="DISABLED")
    with refused("ValidationException", "disabled"):
        owner.asset(formsInput=[glue_form("t", COLUMNS), form(name, {}, name) | {"typeRevision": "1"}])
    with refused("ValidationException", "disabled"):
        make_type(mesh, project, name_of("Kind"), name)


def test_a_term_in_a_form_stays(mesh: Mesh, owner: Producer, strict: tuple[str, str]) -> None:
    name, term = strict
    made = owner.asset(formsInput=[glue_form("t", COLUMNS), form(name, {"code": "AB-1", "term": term}, name)])
    domain = {"domainIdentifier": mesh.domain_id}
    with refused("ConflictException", "attached"):
        mesh.admin.delete_glossary_term(**domain, identifier=term)
    by_term = {"filter": {"attribute": f"{name}.term", "value": term}}
    found = owner.datazone.search(**domain, searchScope="ASSET", filters=by_term)["items"]
    assert made["id"] in [i["assetItem"]["identifier"] for i in found]


def test_types_are_found_by_text_filters_and_pages(mesh: Mesh, project: str) -> None:
    word = name_of("Findable")
    names = [f"{word}_{n}" for n in range(5)]
    for name in names:
        described = f"about {word}" if name == names[0] else ""
        make_form(mesh, project, name, f"structure {name} {{ note: String }}", description=described)
    make_form(mesh, project, names[4], f"structure {names[4]} {{ note: String }}", status="DISABLED")
    given = {"domainIdentifier": mesh.domain_id, "searchScope": "FORM_TYPE", "managed": False}

    def found(**more: Any) -> list[str]:
        pages = mesh.admin.get_paginator("search_types").paginate(**given, **more, PaginationConfig={"PageSize": 2})
        return [i["formTypeItem"]["name"] for answer in pages for i in answer["items"]]

    by_name = {"attribute": "name", "order": "DESCENDING"}
    mine = {"filter": {"attribute": "owningProjectId", "value": project}}
    assert found(searchText=word, sort=by_name) == names[::-1]
    assert found(searchText=word, searchIn=[{"attribute": "description"}]) == names[:1]
    disabled = {"and": [mine, {"filter": {"attribute": "status", "value": "DISABLED"}}]}
    assert [n for n in found(filters=disabled) if n in names] == names[4:]
    managed = mesh.admin.search_types(
        **given | {"managed": True, "searchScope": "ASSET_TYPE"},
        filters={"filter": {"attribute": "name", "operator": "TEXT_SEARCH", "value": "redshift"}},
    )
    assert [i["assetTypeItem"]["name"] for i in managed["items"]] == [
        "amazon.datazone.RedshiftTableAssetType",
        "amazon.datazone.RedshiftViewAssetType",
    ]


@pytest.mark.parametrize(
    ("kind", "form_name", "content"),
    [
        ("RedshiftTable", "RedshiftTableForm", {"tableName": "t", "databaseName": "d", "schemaName": "s"}),
        ("RedshiftView", "RedshiftViewForm", {"viewName": "v", "databaseName": "d", "schemaName": "s"}),
        ("S3ObjectCollection", "S3ObjectCollectionForm", {"bucketArn": "arn:aws:s3:::b"}),
        ("SageMakerFeatureGroup", "SageMakerFeatureGroupForm", {"featureGroupName": "f", "featureGroupArn": "a"}),
        (
            "SageMakerModelPackageGroup",
            "SageMakerModelPackageGroupForm",
            {"modelPackageGroupName": "m", "modelPackageGroupArn": "a"},
        ),
    ],
)
def test_assets_of_every_managed_type_are_made(
    owner: Producer, kind: str, form_name: str, content: dict[str, Any]
) -> None:
    made = owner.asset(typeIdentifier=f"amazon.datazone.{kind}AssetType", formsInput=[form(form_name, content)])
    assert made["formsOutput"][0]["typeName"] == f"amazon.datazone.{form_name}Type"
    with refused("ValidationException", "unknown member"):
        owner.asset(
            typeIdentifier=f"amazon.datazone.{kind}AssetType", formsInput=[form(form_name, content | {"unheard": 1})]
        )


def test_an_index_is_made_again_from_what_is_there(tmp_path: Path) -> None:
    store = Store(tmp_path / "plane.db", KINDS)
    kind = {"name": "amazon.datazone.GlueTableAssetType", "revision": "24"}
    content = json.dumps({"tableName": "orders"})
    given = {"formName": "GlueTableForm", "typeName": "amazon.datazone.GlueTableFormType", "content": content}

    def fill(tx: Transaction) -> None:
        draft = assets.Draft("orders", None, [], [given | {"typeRevision": "13"}], "someone")
        assets.add(tx, "dzd-1", "p1", kind, draft, 1.0, None)
        made = {"domainId": "dzd-1", "name": "F", "number": 1, "revision": "1", "owningProjectId": "p1", "createdAt": 1}
        tx.add(types.FORM_TYPES, made | {"model": {"smithy": "structure F {}"}})
        tx.run("DELETE FROM datazone_search_entry")
        for table in ("value", "count", "text"):
            tx.run(f"DELETE FROM datazone_search_{table}")
        search_rebuild.reindex(tx)

    asyncio.run(store.write(fill))
    for scope, attribute in (("ASSET", "typeName"), ("FORM_TYPE", "status")):
        found = store.read(lambda tx, scope=scope: Search(tx, "dzd-1", scope, {}, None))
        assert (found.total(), len(found.page(None, 5).ids), len(found.values(attribute))) == (1, 1, 1)
    store.close()
