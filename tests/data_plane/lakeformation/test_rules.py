"""Which cells do these grants show? The whole table of cases."""

import itertools

import pytest

from twinplane.data_plane.services.lakeformation.rules import (
    Named,
    ResourceNotUnderstood,
    TableAccess,
    expanded,
    named,
    resource_of,
    table_access,
)

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


def f(name: str) -> Named:
    return Named("filter", "d", "t", name)


def access(*names: Named, permission: str = "SELECT") -> TableAccess | None:
    return table_access([(n, [permission]) for n in names], FILTERS, COLUMNS)


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
]


@pytest.mark.parametrize(("names", "slices"), CASES)
def test_what_grants_show(names: tuple[Named, ...], slices: list[tuple[str, str | None]] | None) -> None:
    for order in itertools.permutations(names):
        found = access(*order)
        if slices is None:
            assert found is None
        else:
            assert found is not None
            assert {("".join(s.columns), s.row_filter) for s in found.slices} == set(slices)


@pytest.mark.parametrize("permission", ["DESCRIBE", "ALTER", "DROP", "INSERT", "DELETE"])
def test_only_select_reads(permission: str) -> None:
    assert access(T, f("x"), SOME, permission=permission) is None


def test_row_filters_are_none_as_soon_as_some_grant_shows_all_rows() -> None:
    filtered, whole = access(f("x"), f("y")), access(f("x"), SOME)
    assert filtered is not None
    assert filtered.row_filters == ("a = 1", "b = 2")
    assert whole is not None
    assert whole.row_filters == ()
    assert not whole.is_whole(COLUMNS)


@pytest.mark.parametrize(
    "name", [T, WILD, SOME, NOT_C, f("x"), Named("database", "d"), Named("location", name="arn:x")]
)
def test_a_resource_is_the_same_after_a_round_through_awss_shape(name: Named) -> None:
    assert named(resource_of(name, "111122223333")) == name


def test_all_columns_of_a_table_are_the_table() -> None:
    shape = {"TableWithColumns": {"DatabaseName": "D", "Name": "T", "ColumnWildcard": {}}}
    assert named(shape) == T


@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"Table": {"DatabaseName": "d"}},
        {"Table": {"DatabaseName": "d", "Name": "t", "TableWildcard": {}}},
        {"Table": {"DatabaseName": "d", "Name": "t"}, "Database": {"Name": "d"}},
        {"TableWithColumns": {"DatabaseName": "d", "Name": "t"}},
        {"LFTag": {"TagKey": "k", "TagValues": ["v"]}},
    ],
)
def test_a_resource_that_says_too_little_or_too_much_is_refused(shape: dict[str, object]) -> None:
    with pytest.raises(ResourceNotUnderstood):
        named(shape)


def test_a_permission_the_resource_does_not_have_is_refused() -> None:
    with pytest.raises(ResourceNotUnderstood):
        expanded("database", ["SELECT"])
    assert expanded("database", ["ALL"]) == ("ALL", "ALTER", "CREATE_TABLE", "DESCRIBE", "DROP")
