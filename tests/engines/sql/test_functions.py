"""Functions that no document shows an example of: each is run, and each function there is, is run by some test."""

import re
from pathlib import Path

import pytest

from tests.engines.sql.conftest import Engine
from twinplane.engines.sql import calls

SCALARS = [
    ("acos(1)", "0.0"), ("asin(0)", "0.0"), ("atan(0)", "0.0"), ("atan2(0, 1)", "0.0"), ("sin(0)", "0.0"),
    ("cosh(0)", "1.0"), ("sinh(0)", "0.0"), ("tan(0)", "0.0"), ("tanh(0)", "0.0"), ("acos(2) > 0", "false"),
    ("is_nan(asin(2))", "true"), ("degrees(pi())", "180.0"), ("radians(180) = pi()", "true"), ("exp(0)", "1.0"),
    ("e() = exp(1)", "true"), ("ln(1)", "0.0"), ("ln(0)", "-Infinity"), ("is_nan(ln(-1))", "true"),
    ("log2(8)", "3.0"), ("log10(100)", "2.0"), ("pow(2, 3)", "8.0"), ("sqrt(4)", "2.0"), ("is_nan(sqrt(-1))", "true"),
    ("ceiling(1.2)", "2"), ("infinity()", "Infinity"), ("is_infinite(infinity())", "true"), ("is_finite(1)", "true"),
    ("rand() < 1", "true"), ("random(3) < 3", "true"), ("random(5, 6)", "5"), ("cardinality(repeat(1, 2))", "2"),
    ("day_of_month(date '2020-02-03')", "3"), ("dow(date '2020-02-03')", "1"), ("doy(date '2020-02-03')", "34"),
    ("month(date '2020-02-03')", "2"), ("quarter(date '2020-05-03')", "2"), ("year(date '2020-02-03')", "2020"),
    ("yow(date '2021-01-01')", "2020"), ("week_of_year(date '2021-01-01')", "53"),
    ("hour(timestamp '2020-01-01 10:20:30.4')", "10"), ("minute(timestamp '2020-01-01 10:20:30.4')", "20"),
    ("second(timestamp '2020-01-01 10:20:30.4')", "30"), ("millisecond(timestamp '2020-01-01 10:20:30.4')", "400"),
    ("hour(interval '26' hour)", "2"), ("day(interval '26' hour)", "1"), ("month(interval '14' month)", "2"),
    ("year(interval '14' month)", "1"), ("timezone_minute(timestamp '2020-01-01 00:00:00 +05:00')", "0"),
    ("hour(timestamp '2020-01-01 22:00:00 UTC' at time zone 'Asia/Tokyo')", "7"),
    ("current_date = date(now())", "true"), ("current_timestamp = now()", "true"), ("localtime is not null", "true"),
    ("localtimestamp(0) <= localtimestamp(6)", "true"),
    ("typeof(current_timestamp(6))", "timestamp(6) with time zone"),
    ("ltrim('  a')", "a"), ("rtrim('a  ')", "a"),
    ("trim(chr(9) || 'a' || chr(10))", "a"), ("rpad('a', 3, 'xy')", "axy"),
    ("substring('abc', 2)", "bc"), ("starts_with('abc', 'ab')", "true"), ("to_hex(sha1(to_utf8('a')))",
     "86F7E437FAA5A7FCE15D1DDCB9EAEAEA377667B8"), ("from_utf8(from_base64('YQ=='))", "a"),
    ("to_hex(from_base64url('-_8='))", "FBFF"), ("length(cast(uuid() as varchar))", "36"),
    ("cast(' 1' as double)", "1.0"), ("try_cast(' 1' as integer)", None), ("try_cast('1.5' as bigint)", None),
    ("try_cast('2020-01-01T00:00:00' as timestamp)", None), ("try_cast('2020-1-1' as date)", "2020-01-01"),
    ("cast('t' as boolean)", "true"), ("try_cast('yes' as boolean)", None), ("try_cast(12 as varchar(1))", None),
    ("cast('12345' as varchar(2))", "12"),
    ("cast(cast(0.1 as real) as varchar)", "1.0E-1"), ("cast(0.1 as real)", "0.1"),
    ("cast(array[1, 2] as array(varchar))", "[1, 2]"),
    ("cast(map(array[1], array['2']) as map(varchar, bigint))", "{1=2}"),
    ("(1, 'a') = (1, 'a')", "true"), ("array[1, 2] = array[1, 2]", "true"), ("row(1, 2) < row(1, 3)", "true"),
    ("bigint '9223372036854775807'", "9223372036854775807"), ("- 9223372036854775808", "-9223372036854775808"),
    ("interval '1' second * 2.5", "0 00:00:02.500"), ("timestamp '2020-01-02 00:00:00' - date '2020-01-01'",
     "1 00:00:00.000"), ("cast('a' as char(2)) || 'b'", "a b"), ("length(cast('a' as char(3)))", "3"),
    ("1.10 + 2", "3.10"), ("1.0 / 3", "0.3"), ("10.0 / 4", "2.5"), ("-1.5 / 1.0", "-1.5"), ("2.00 / 3.0", "0.67"),
    ("1e0 / 0", "Infinity"), ("0e0 / 0", "NaN"), ("nan() = nan()", "false"), ("nan() > 1e0", "false"),
    ("1e0 < nan()", "false"), ("nan() <> nan()", "true"), ("nan() is distinct from nan()", "false"),
]  # fmt: skip
SCALARS += [
    ("(SELECT 'abc' || y FROM (VALUES NULL) t(y))", None),
    ("to_unixtime(NULL)", None),
    ("coalesce(cast(1.25 as decimal(10,2)), cast(3 as decimal(38,0)))", "1.25"),
    ("cast(1.25 as decimal(10,2)) * cast(2 as decimal(10,2))", "2.5000"),
    ("element_at(array[cast(1.25 as decimal(10,2)), cast(3 as decimal(38,0))], 1)", "1.25"),
    ("array_union(array[1.5], array[cast(2 as decimal(38,0))])", "[1.5, 2.0]"),
    ("if(true, cast(1.25 as decimal(10,2)), cast(3 as decimal(38,0)))", "1.25"),
]
AGGREGATES = [
    ("count_if(x > 2)", "2"), ("bool_and(x > 0)", "true"), ("every(x > 1)", "false"), ("bool_or(x > 3)", "true"),
    ("arbitrary(7)", "7"), ("any_value(7)", "7"), ("bitwise_and_agg(x)", "0"), ("bitwise_or_agg(x)", "7"),
    ("bitwise_xor_agg(x)", "4"), ("round(corr(x, x), 6)", "1.0"), ("covar_pop(x, x)", "1.25"), ("covar_samp(x, 2 * x)",
     "3.3333333333333335"), ("var_pop(x)", "1.25"), ("var_samp(x)", "1.6666666666666667"), ("variance(x)",
     "1.6666666666666667"), ("stddev_pop(x)", "1.118033988749895"), ("stddev(x) = stddev_samp(x)", "true"),
    ("regr_slope(2 * x + 1, x)", "2.0"), ("regr_intercept(2 * x + 1, x)", "1.0"), ("skewness(x)", "0.0"),
    ("round(kurtosis(x), 6)", "-1.2"),
    ("round(geometric_mean(x), 6)", "2.213364"), ("approx_percentile(x, 0.5) in (2, 3)",
     "true"), ("cardinality(approx_percentile(x, array[0.1, 0.9]))", "2"), ("approx_distinct(x)", "4"),
    ("element_at(approx_most_frequent(3, x % 2, 10), 1)", "2"), ("element_at(histogram(x % 2), 0)", "2"),
    ("map_agg(x, 2 * x)[3]", "6"), ("array_sort(multimap_agg(x % 2, x)[1])", "[1, 3]"),
    ("map_union(map(array[x], array[1]))[4]", "1"), ("min_by(x, -x)", "4"), ("max_by(x, -x, 2)", "[1, 2]"),
    ("max(x, 2)", "[4, 3]"), ("avg(x)", "2.5"), ("avg(x + 0.5)", "3.0"), ("avg(cast(x as real))", "2.5"),
    ("sum(cast(x as real))", "10.0"), ("sum(x * 1.5)", "15.0"),
    ("sum(DISTINCT x % 2)", "1"), ("count(DISTINCT x % 2)", "2"),
    ("array_agg(x ORDER BY x DESC)", "[4, 3, 2, 1]"), ("array_agg(DISTINCT x % 2 ORDER BY x % 2)", "[0, 1]"),
    ("count(*) FILTER (WHERE x > 1)", "3"), ("sum(x) FILTER (WHERE x > 9)", None), ("listagg(cast(x as varchar), ',') "
     "WITHIN GROUP (ORDER BY x DESC)", "4,3,2,1"),
]  # fmt: skip
WINDOWS = [
    ("first_value(x) OVER (ORDER BY x)", "[1, 1, 1, 1]"), ("last_value(x) OVER (ORDER BY x)", "[1, 2, 3, 4]"),
    ("nth_value(x, 2) OVER (ORDER BY x)", "[null, 2, 2, 2]"), ("lead(x) OVER (ORDER BY x)", "[2, 3, 4, null]"),
    ("lead(x, 2, 0) OVER (ORDER BY x)", "[3, 4, 0, 0]"), ("ntile(2) OVER (ORDER BY x)", "[1, 1, 2, 2]"),
    ("dense_rank() OVER (ORDER BY x / 2)", "[1, 2, 2, 3]"), ("rank() OVER (ORDER BY x / 2)", "[1, 2, 2, 4]"),
    ("percent_rank() OVER (ORDER BY x)", "[0.0, 0.3333333333333333, 0.6666666666666666, 1.0]"),
    ("cume_dist() OVER (ORDER BY x)", "[0.25, 0.5, 0.75, 1.0]"),
    ("sum(x) OVER (ORDER BY x ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING)", "[3, 6, 9, 7]"),
    ("sum(x) OVER (ORDER BY x RANGE BETWEEN 1 PRECEDING AND CURRENT ROW)", "[1, 3, 5, 7]"),
    ("avg(x * 1.0) OVER (PARTITION BY x % 2 ORDER BY x)", "[1.0, 2.0, 2.0, 3.0]"),
    ("first_value(if(x > 1, x)) IGNORE NULLS OVER (ORDER BY x DESC)", "[4, 4, 4, 4]"),
]  # fmt: skip


@pytest.mark.parametrize("start", range(0, len(SCALARS), 25))
def test_scalar_functions_have_athenas_values(engine: Engine, start: int) -> None:
    some = SCALARS[start : start + 25]
    (row,) = engine.rows("SELECT " + ", ".join(e for e, _ in some), {})
    assert [(e, v) for (e, _), v in zip(some, row, strict=True)] == some


def test_aggregates_have_athenas_values(engine: Engine) -> None:
    text = "SELECT " + ", ".join(e for e, _ in AGGREGATES) + " FROM (VALUES 1, 2, 3, 4) t(x)"
    (row,) = engine.rows(text, {})
    assert [(e, v) for (e, _), v in zip(AGGREGATES, row, strict=True)] == AGGREGATES


def test_window_functions_have_athenas_values(engine: Engine) -> None:
    text = (
        "SELECT x, " + ", ".join(f"{e} AS w{n}" for n, (e, _) in enumerate(WINDOWS)) + " FROM (VALUES 1, 2, 3, 4) t(x)"
    )
    arrays = ", ".join(f"array_agg(w{n} ORDER BY x)" for n in range(len(WINDOWS)))
    (row,) = engine.rows(f"SELECT {arrays} FROM ({text})", {})
    assert [(e, v) for (e, _), v in zip(WINDOWS, row, strict=True)] == WINDOWS


def test_every_function_is_run_by_a_test() -> None:
    folder = Path(__file__).parent
    texts = " ".join(path.read_text(encoding="utf-8").lower() for path in sorted(folder.glob("*.py")))
    page = folder.parents[2] / "docs" / "athena-differences.md"
    texts += page.read_text(encoding="utf-8").lower()
    words = {"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"}
    unused = [n for n in calls.NAMES if not re.search(rf"\b{n}\s*\(", texts) and not (n in words and n in texts)]
    assert unused == []
