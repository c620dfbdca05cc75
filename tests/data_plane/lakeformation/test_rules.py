"""What do these grants give? The whole table of cases, and what must hold for any grants at all."""

import itertools
import random
from typing import Any

import pytest

from twinplane.data_plane.services.lakeformation import names
from twinplane.data_plane.services.lakeformation.names import Named, ResourceNotUnderstood, expanded, named, resource_of
from twinplane.data_plane.services.lakeformation.rules import Grant, Rights, TableAccess, Target, decide, matches

COLUMNS = ("a", "b", "c")
T = Named("table", "d", "t")
WILD = Named("table", "d", "*")
SOME = Named("columns", "d", "t", columns=("a", "b"))
NOT_C = Named("columns", "d", "t", excluded=("c",))
FILTERS = {
    "x": {"RowFilter": {"FilterExpression": "a = 1"}, "ColumnWildcard": {}},
    "y": {"RowFilter": {"FilterExpression": "b = 2"}, "ColumnNames": ["a", "B"]},
    "z": {"RowFilter": {"AllRowsWildcard": {}}, "ColumnWildcard": {"ExcludedColumnNames": ["c"]}},
    "none": {"ColumnWildcard": {}},
}
# The table is public, its column c is not, and b is of another team.
TAGS = {"level": "public", "team": "sales"}
COLUMN_TAGS = {"c": {"level": "secret", "team": "sales"}, "b": {"level": "public", "team": "hr"}}
TABLE = Target(T, COLUMNS, FILTERS, TAGS, COLUMN_TAGS)
DATABASE = Target(names.database("d"), tags=TAGS)


def f(name: str) -> Named:
    return Named("filter", "d", "t", name)


def tagged(kind: str = "table_policy", **tags: str) -> Named:
    return Named(kind, expression=tuple(sorted((key, tuple(value.split())) for key, value in tags.items())))


PUBLIC, SECRET, SALES = tagged(level="public"), tagged(level="secret"), tagged(team="sales")


def given(on: Named, *permissions: str, grantable: tuple[str, ...] = (), everyone: bool = False) -> Grant:
    return Grant(on, frozenset(permissions or ["SELECT"]), frozenset(grantable), everyone, on.expression)


def access(*on: Named, permission: str = "SELECT") -> TableAccess | None:
    return decide([given(n, permission) for n in on], TABLE).access


CASES = [
    ((), None),
    ((T,), [("abc", None)]),
    ((WILD,), [("abc", None)]),
    ((SOME,), [("ab", None)]),
    ((NOT_C,), [("ab", None)]),
    ((f("x"),), [("abc", "a = 1")]),
    ((f("y"),), [("ab", "b = 2")]),
    ((f("z"),), [("ab", None)]),
    ((f("none"),), None),
    ((f("gone"),), None),
    ((f("x"), f("y")), [("abc", "a = 1"), ("ab", "b = 2")]),
    ((f("x"), f("z")), [("abc", "a = 1"), ("ab", None)]),
    ((f("y"), f("z")), [("ab", None)]),
    ((f("x"), SOME), [("abc", "a = 1"), ("ab", None)]),
    ((f("x"), T), [("abc", None)]),
    ((f("x"), f("y"), f("z"), T), [("abc", None)]),
    ((SOME, NOT_C), [("ab", None)]),
    ((Named("columns", "d", "t", columns=("c",)), SOME), [("abc", None)]),
    # other resources
    ((Named("table", "d", "other"),), None),
    ((Named("table", "other", "t"),), None),
    ((Named("table", "other", "*"),), None),
    ((Named("columns", "d", "other", columns=("a",)),), None),
    ((Named("filter", "d", "other", "x"),), None),
    ((Named("database", "d"),), None),
    ((Named("location", name="arn:aws:s3:::d"),), None),
    # tags: of the table, but for columns with another value
    ((PUBLIC,), [("ab", None)]),
    ((SECRET,), [("c", None)]),
    ((SALES,), [("ac", None)]),
    ((tagged(level="public secret"),), [("abc", None)]),
    ((tagged(level="*"),), [("abc", None)]),
    ((tagged(level="public", team="sales"),), [("a", None)]),
    ((tagged(level="secret", team="hr"),), None),
    ((tagged(level="public", gone="x"),), None),
    ((tagged(other="*"),), None),
    ((tagged(),), None),
    ((tagged("database_policy", level="public"),), None),
    ((PUBLIC, SECRET), [("abc", None)]),
    ((SECRET, f("x")), [("abc", "a = 1"), ("c", None)]),
    ((PUBLIC, f("y")), [("ab", None)]),
]  # fmt: skip


@pytest.mark.parametrize(("on", "slices"), CASES)
def test_what_grants_show(on: tuple[Named, ...], slices: list[tuple[str, str | None]] | None) -> None:
    for order in itertools.permutations(on):
        found = access(*order)
        if slices is None:
            assert found is None
        else:
            assert found is not None
            assert {("".join(s.columns), s.row_filter) for s in found.slices} == set(slices)


@pytest.mark.parametrize("permission", ["DESCRIBE", "ALTER", "DROP", "INSERT", "DELETE"])
def test_only_select_reads(permission: str) -> None:
    assert access(T, f("x"), SOME, PUBLIC, permission=permission) is None


# What a grant of permissions on a resource gives on a target, as whom.
PERMISSIONS: list[tuple[Any, Target, str | None, str]] = [
    ([], TABLE, None, ""),
    ([given(T, "INSERT", "DROP")], TABLE, None, "DROP INSERT"),
    ([given(WILD, "ALTER")], TABLE, None, "ALTER"),
    ([given(T, "ALTER"), given(WILD, "DELETE")], TABLE, None, "ALTER DELETE"),
    ([given(T, "SELECT")], TABLE, None, "SELECT"),
    ([given(SOME)], TABLE, None, ""),
    ([given(f("x"), "SELECT", "DESCRIBE", "DROP")], TABLE, None, ""),
    ([given(SOME), given(Named("columns", "d", "t", columns=("c",)))], TABLE, None, "SELECT"),
    ([given(PUBLIC, "SELECT", "INSERT", "DESCRIBE")], TABLE, None, "DESCRIBE INSERT"),
    ([given(SECRET, "SELECT", "INSERT")], TABLE, None, ""),
    ([given(tagged(level="*"), "SELECT", "INSERT")], TABLE, None, "INSERT SELECT"),
    ([given(names.database("d"), "ALTER")], TABLE, None, ""),
    ([given(T, "ALTER")], DATABASE, None, ""),
    ([given(names.database("d"), "CREATE_TABLE")], DATABASE, None, "CREATE_TABLE"),
    ([given(names.database("e"), "CREATE_TABLE")], DATABASE, None, ""),
    ([given(tagged("database_policy", level="public"), "DROP")], DATABASE, None, "DROP"),
    ([given(tagged("database_policy", level="secret"), "DROP")], DATABASE, None, ""),
    ([given(PUBLIC, "DESCRIBE")], DATABASE, None, ""),
    ([], TABLE, "administrator", "DESCRIBE"),
    ([], TABLE, "reader", "DESCRIBE"),
    ([], DATABASE, "administrator", "DESCRIBE"),
    ([given(T, "INSERT")], TABLE, "administrator", "DESCRIBE INSERT"),
    ([], Target(names.location("arn:aws:s3:::b/p")), "administrator", "DATA_LOCATION_ACCESS"),
    ([], Target(names.location("arn:aws:s3:::b/p")), None, ""),
    ([given(names.location("arn:aws:s3:::b"), "L")], Target(names.location("arn:aws:s3:::b/p")), None, "L"),
    ([given(names.location("arn:aws:s3:::b/p"), "L")], Target(names.location("arn:aws:s3:::b")), None, ""),
    ([given(names.location("arn:aws:s3:::b/p"), "L")], Target(names.location("arn:aws:s3:::b/pq")), None, ""),
    ([given(names.CATALOG, "CREATE_DATABASE")], Target(names.CATALOG), None, "CREATE_DATABASE"),
    ([given(names.tag("k", "v", "w"), "ASSOCIATE")], Target(names.tag("k", "v")), None, "ASSOCIATE"),
    ([given(names.tag("k"), "ASSOCIATE")], Target(names.tag("k", "v")), None, "ASSOCIATE"),
    ([given(names.tag("k", "v"), "ASSOCIATE")], Target(names.tag("k", "v", "w")), None, ""),
    ([given(names.tag("k", "v"), "ASSOCIATE")], Target(names.tag("k")), None, ""),
    ([given(names.tag("k"), "ASSOCIATE")], Target(names.tag("l", "v")), None, ""),
    ([given(names.saved_expression("e"), "DROP")], Target(names.saved_expression("e")), None, "DROP"),
    ([given(names.saved_expression("e"), "DROP")], Target(names.saved_expression("f")), None, ""),
]


@pytest.mark.parametrize(("grants", "target", "role", "permissions"), PERMISSIONS)
def test_what_grants_permit(grants: list[Grant], target: Target, role: Any, permissions: str) -> None:
    found = decide(grants, target, role)
    assert " ".join(sorted(found.permissions)) == permissions
    assert found.any == bool(permissions or found.access)
    assert found.grantable == frozenset()


def test_what_may_be_passed_on_is_what_was_given_so() -> None:
    held = decide([given(T, "SELECT", "ALTER", grantable=("ALTER",)), given(SOME, grantable=("SELECT",))], TABLE)
    assert (held.may_pass_on("ALTER"), held.may_pass_on("SELECT"), held.may_pass_on("DROP")) == (True, False, False)
    assert held.passable == {"a", "b"}
    of_rows = decide([given(f("x"), grantable=("SELECT",))], TABLE)
    assert (of_rows.passable, of_rows.may_pass_on("SELECT")) == (frozenset(), False)
    assert decide([], TABLE, "administrator").may_pass_on("DROP")
    assert not decide([], TABLE, "reader").may_pass_on("DROP")


def test_where_everyone_has_access_iam_decides_but_for_who_opted_in() -> None:
    everyone = given(T, "SELECT", "ALTER", everyone=True)
    found = decide([everyone, given(f("x"))], TABLE)
    assert found.access is not None
    assert (found.access.by_iam, found.access.is_whole(COLUMNS)) == (True, True)
    opted_in = decide([everyone, given(f("x"))], TABLE, opted_in=True)
    assert opted_in.access is not None
    assert (opted_in.access.by_iam, opted_in.access.row_filters) == (False, ("a = 1",))
    assert opted_in.permissions == frozenset()
    assert decide([everyone], TABLE, opted_in=True) == Rights()
    assert (
        decide([given(SOME, everyone=True), given(f("x"), everyone=True)], TABLE) == Rights()
    )  # it has all or nothing


def test_only_columns_of_grants_on_the_table_are_described() -> None:
    assert decide([given(T, "DESCRIBE")], TABLE).described == {"a", "b", "c"}
    assert decide([given(PUBLIC, "DESCRIBE")], TABLE).described == {"a", "b"}
    assert decide([given(f("x"), "DESCRIBE")], TABLE).described == frozenset()
    assert decide([given(SOME)], TABLE).described == frozenset()


def test_row_filters_are_none_as_soon_as_some_grant_shows_all_rows() -> None:
    filtered, whole = access(f("x"), f("y")), access(f("x"), SOME)
    assert filtered is not None
    assert filtered.row_filters == ("a = 1", "b = 2")
    assert whole is not None
    assert whole.row_filters == ()
    assert not whole.is_whole(COLUMNS)


# Properties


def cells(found: TableAccess | None) -> set[tuple[str, str]]:
    """The cells of four kinds of rows: that meet neither filter, one, the other, or both."""
    admitted = {"": set[str](), "a = 1": {"x", "xy"}, "b = 2": {"y", "xy"}}
    shown = set()
    for each in () if found is None else found.slices:
        rows = {"-", "x", "y", "xy"} if each.row_filter is None else admitted[each.row_filter]
        shown |= {(row, column) for row in rows for column in each.columns}
    return shown


ALL = (T, WILD, SOME, NOT_C, PUBLIC, SECRET, SALES, f("x"), f("y"), f("z"), f("none"), Named("table", "d", "other"))


@pytest.mark.parametrize("seed", range(200))
def test_a_person_sees_the_cells_that_each_of_her_grants_shows_and_no_other(seed: int) -> None:
    chance = random.Random(seed)
    grants = [
        given(on, *chance.sample(["SELECT", "INSERT", "DROP"], chance.randint(1, 3)))
        for on in chance.sample(ALL, chance.randint(0, 5))
    ]
    together = decide(grants, TABLE)
    alone = [decide([each], TABLE) for each in grants]
    assert cells(together.access) == {cell for each in alone for cell in cells(each.access)}
    apart = frozenset[str]().union(*(each.permissions for each in alone))
    assert together.permissions - {"SELECT"} == apart - {"SELECT"}
    everything = {(row, column) for row in ("-", "x", "y", "xy") for column in COLUMNS}
    assert ("SELECT" in together.permissions) == (cells(together.access) == everything)
    fewer = decide(grants[1:], TABLE)  # taking a grant away never gives anything
    assert cells(fewer.access) <= cells(together.access)
    assert fewer.permissions <= together.permissions
    assert together.grantable == frozenset()


# Names

EXOTIC = [
    Named("database", "d"), Named("location", name="arn:x/y"), names.CATALOG, names.tag("k"), names.tag("k", "b", "a"),
    names.saved_expression("e/f"), Named("table_policy", name="e"), Named("database_policy", name="e"), PUBLIC,
    tagged("database_policy", level="a b", team="*"),
]  # fmt: skip


@pytest.mark.parametrize("name", [T, WILD, SOME, NOT_C, f("x"), *EXOTIC])
def test_a_resource_is_the_same_after_a_round_through_awss_shape(name: Named) -> None:
    assert named(resource_of(name, "111122223333")) == name


def test_no_two_resources_have_the_same_text() -> None:
    parts = ("a", "a/b", "b", "a,b", "*", "a=b", "%2F", "")
    found = [Named("table", one, other) for one in parts for other in parts]
    found += [Named("filter", one, other, third) for one in parts for other in parts for third in parts]
    chosen = [("a",), ("a", "b"), ("a,b",), ("b",), ("a=b",)]
    found += [Named("columns", "d", "t", columns=each) for each in chosen]
    found += [Named("columns", "d", "t", excluded=each) for each in chosen]
    found += [Named("tag", name="k", values=each) for each in chosen]
    found += [Named("table_policy", expression=((key, each),)) for key in ("a", "a=b", "a/b") for each in chosen]
    assert len({name.text for name in found}) == len(found)


def test_all_columns_of_a_table_are_the_table() -> None:
    shape = {"TableWithColumns": {"DatabaseName": "D", "Name": "T", "ColumnWildcard": {}}}
    assert named(shape) == T


CONDITION = [{"TagKey": "k", "TagValues": ["v"]}]


@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"Table": {"DatabaseName": "d"}},
        {"Table": {"DatabaseName": "d", "Name": "t", "TableWildcard": {}}},
        {"Table": {"DatabaseName": "d", "Name": "t"}, "Database": {"Name": "d"}},
        {"TableWithColumns": {"DatabaseName": "d", "Name": "t"}},
        {"LFTagPolicy": {"ResourceType": "TABLE"}},
        {"LFTagPolicy": {"ResourceType": "TABLE", "Expression": []}},
        {"LFTagPolicy": {"ResourceType": "TABLE", "ExpressionName": "e", "Expression": CONDITION}},
        {"LFTagPolicy": {"ResourceType": "TABLE", "Expression": CONDITION * 2}},
        {"UserDefinedFunction": {"DatabaseName": "d", "Name": "f"}},
    ],
)  # fmt: skip
def test_a_resource_that_says_too_little_or_too_much_is_refused(shape: dict[str, object]) -> None:
    with pytest.raises(ResourceNotUnderstood):
        named(shape)


def test_a_permission_the_resource_does_not_have_is_refused() -> None:
    for kind, permission in (
        ("database", "SELECT"),
        ("table", "CREATE_TABLE"),
        ("tag", "SELECT"),
        ("table", "SUPER_USER"),
    ):
        with pytest.raises(ResourceNotUnderstood):
            expanded(kind, [permission])
    assert expanded("database", ["ALL"]) == ("ALL", "ALTER", "CREATE_TABLE", "DESCRIBE", "DROP")


def test_tags_match_when_each_key_has_one_of_the_values() -> None:
    assert matches((("a", ("1", "2")), ("b", ("*",))), {"a": "2", "b": "x", "c": "y"})
    assert not matches((("a", ("1",)), ("b", ("2",))), {"a": "1"})
    assert not matches((), {"a": "1"})
