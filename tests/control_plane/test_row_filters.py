from datetime import date

import pytest

from twinplane.control_plane.subscriptions.rules import (
    EndDateNotPossible,
    FilterNotPossible,
    end_date,
    end_of,
    row_filter,
    shown_columns,
)

TYPES = {"region": "string", "Year": "int", "price": "decimal(10,2)", "sold_on": "date"}
COLUMNS = list(TYPES)


def leaf(operator: str, column: str, *values: str) -> dict[str, object]:
    members: dict[str, object] = {"columnName": column}
    if operator in ("in", "notIn"):
        members["values"] = list(values)
    elif values:
        members["value"] = values[0]
    return {"expression": {operator: members}}


@pytest.mark.parametrize(
    ("condition", "tree"),
    [
        ("region = 'North'", leaf("equalTo", "region", "North")),
        ("region <> 'O''Hare'", leaf("notEqualTo", "region", "O'Hare")),
        ("year >= 2024", leaf("greaterThanOrEqualTo", "Year", "2024")),
        ("2024 < year", leaf("greaterThan", "Year", "2024")),
        ("price > -1.5", leaf("greaterThan", "price", "-1.5")),
        ("region IN ('a', 'b')", leaf("in", "region", "a", "b")),
        ("region NOT IN ('a')", leaf("notIn", "region", "a")),
        ("region LIKE 'N%'", leaf("like", "region", "N%")),
        ("NOT region LIKE 'N%'", leaf("notLike", "region", "N%")),
        ("region IS NULL", leaf("isNull", "region")),
        ("region IS NOT NULL", leaf("isNotNull", "region")),
        ("sold_on >= DATE '2024-01-01'", leaf("greaterThanOrEqualTo", "sold_on", "2024-01-01")),
        ("\"region\" = 'x'", leaf("equalTo", "region", "x")),
        ("NOT year = 1", leaf("notEqualTo", "Year", "1")),
        ("NOT year < 1", leaf("greaterThanOrEqualTo", "Year", "1")),
        (
            "year BETWEEN 1 AND 2",
            {"and": [leaf("greaterThanOrEqualTo", "Year", "1"), leaf("lessThanOrEqualTo", "Year", "2")]},
        ),
        (
            "NOT (year = 1 AND region = 'a')",
            {"or": [leaf("notEqualTo", "Year", "1"), leaf("notEqualTo", "region", "a")]},
        ),
        (
            "year = 1 AND region = 'a' AND price = 2",
            {"and": [leaf("equalTo", "Year", "1"), leaf("equalTo", "region", "a"), leaf("equalTo", "price", "2")]},
        ),
        (
            "year = 1 OR region = 'a' AND price = 2",
            {
                "or": [
                    leaf("equalTo", "Year", "1"),
                    {"and": [leaf("equalTo", "region", "a"), leaf("equalTo", "price", "2")]},
                ]
            },
        ),
    ],
)
def test_a_condition_becomes_the_tree_that_means_the_same(condition: str, tree: object) -> None:
    assert row_filter(condition, TYPES) == tree


@pytest.mark.parametrize(
    "condition",
    [
        "", "region", "1 = 1", "year = 1 OR 1 = 1", "TRUE", "lower(region) = 'x'", "region = price", "region = NULL",
        "region = (SELECT 1)", "region IN (SELECT 1)", "EXISTS (SELECT 1)", "year = 1; DROP TABLE x", "year = 1 AND",
        "other.region = 'x'", "region ILIKE 'x'", "region LIKE 'x' ESCAPE '!'", "year + 1 = 2", "year = 1 + 1",
        "CASE WHEN year = 1 THEN TRUE END", "region = 'a", "year = CAST('1' AS INT)",
        "(" * 5000 + "year = 1" + ")" * 5000,
        "year = 1 OR " * 500 + "year = 1",
    ],
)  # fmt: skip
def test_what_the_tree_cannot_say_is_refused(condition: str) -> None:
    with pytest.raises(FilterNotPossible):
        row_filter(condition, TYPES)


@pytest.mark.parametrize(
    ("condition", "hint"),
    [
        ("region > 3", "region is text .*'3', quoted"),
        ("region IN ('a', 4)", "region is text"),
        ("region BETWEEN -1 AND 2", "region is text"),
        ("year = '2024'", "Year is a number .*2024, unquoted"),
        ("price < 'x'", "price is a number"),
    ],
)
def test_a_value_of_another_kind_than_its_column_is_refused(condition: str, hint: str) -> None:
    with pytest.raises(FilterNotPossible, match=hint):
        row_filter(condition, TYPES)


def test_an_unreadable_filter_is_told_without_the_parsers_own_words() -> None:
    with pytest.raises(FilterNotPossible, match=r"cannot be read: year = 1; DROP TABLE x\. A row filter compares"):
        row_filter("year = 1; DROP TABLE x", TYPES)


def test_an_unknown_column_is_named_with_those_there_are() -> None:
    with pytest.raises(FilterNotPossible, match=r"no column colour.*region, Year"):
        row_filter("colour = 'red'", TYPES)


def test_hidden_columns_leave_the_others() -> None:
    assert shown_columns(["YEAR"], COLUMNS) == ["region", "price", "sold_on"]


@pytest.mark.parametrize("hidden", [["colour"], COLUMNS])
def test_hiding_what_is_not_there_or_everything_is_refused(hidden: list[str]) -> None:
    with pytest.raises(FilterNotPossible):
        shown_columns(hidden, COLUMNS)


def test_the_longest_time_is_taken_when_none_is_asked_for() -> None:
    assert end_date(None, date(2026, 1, 1), 90) == date(2026, 4, 1)


def test_access_lasts_until_the_end_of_its_last_day() -> None:
    assert end_of(date(2026, 4, 1)).isoformat() == "2026-04-02T00:00:00+00:00"


@pytest.mark.parametrize("day", [date(2025, 12, 31), date(2026, 1, 1)])
def test_an_end_date_that_is_not_in_the_future_is_refused(day: date) -> None:
    with pytest.raises(EndDateNotPossible):
        end_date(day, date(2026, 1, 1), 90)
