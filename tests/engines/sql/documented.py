"""Expressions and what the documentation says they are. `document` names the page: of Trino's or of Athena's manual."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Documented:
    """`value` as a result shows it; None is NULL."""

    document: str
    expression: str
    value: str | None


def _page(document: str, table: str) -> list[Documented]:
    """A line is `expression ==> value`; a line that begins with blanks goes on with the one before."""
    found = []
    for line in table.strip().replace("\n    ", " ").splitlines():
        expression, _, value = line.rpartition(" ==> ")
        found.append(Documented(document, expression.strip(), None if value == "NULL" else value))
    return found


DOCUMENTED = [
    *_page(
        "trino: functions/array",
        r"""
ARRAY[1, 2, 4] ==> [1, 2, 4]
ARRAY['foo', 'bar', 'bazz'] ==> [foo, bar, bazz]
ARRAY[1, 1.2, 4] ==> [1.0, 1.2, 4.0]
ARRAY[1, 2, NULL, -4, NULL] ==> [1, 2, null, -4, null]
ARRAY[1, 1.2, 4][2] ==> 1.2
ARRAY[1] || ARRAY[2] ==> [1, 2]
ARRAY[1] || 2 ==> [1, 2]
2 || ARRAY[1] ==> [2, 1]
all_match(ARRAY[1, 2], x -> x > 0) ==> true
all_match(ARRAY[], x -> x > 0) ==> true
all_match(ARRAY[1, NULL], x -> x > 0) ==> NULL
all_match(ARRAY[-1, NULL], x -> x > 0) ==> false
any_match(ARRAY[-1, NULL], x -> x > 0) ==> NULL
any_match(ARRAY[1, NULL], x -> x > 0) ==> true
none_match(ARRAY[-1, -2], x -> x > 0) ==> true
none_match(ARRAY[-1, NULL], x -> x > 0) ==> NULL
array_distinct(ARRAY[1, 2, 1]) ==> [1, 2]
array_intersect(ARRAY[1, 2, 2], ARRAY[2, 3]) ==> [2]
array_union(ARRAY[1, 2], ARRAY[2, 3]) ==> [1, 2, 3]
array_except(ARRAY[1, 2, 1], ARRAY[2]) ==> [1]
element_at(array_histogram(ARRAY[42, 7, 42, NULL]), 42) ==> 2
array_histogram(ARRAY[NULL, NULL]) ==> {}
array_join(ARRAY['a', NULL, 'b'], ',') ==> a,b
array_join(ARRAY['a', NULL, 'b'], ',', '-') ==> a,-,b
array_max(ARRAY[1, 3, 2]) ==> 3
array_min(ARRAY[1, 3, 2]) ==> 1
array_position(ARRAY['a', 'b'], 'b') ==> 2
array_position(ARRAY['a', 'b'], 'c') ==> 0
array_remove(ARRAY[1, 2, 1], 1) ==> [2]
array_sort(ARRAY[3, NULL, 1]) ==> [1, 3, null]
array_sort(ARRAY[3, 2, 5, 1, 2], (x, y) -> IF(x < y, 1, IF(x = y, 0, -1))) ==> [5, 3, 2, 2, 1]
array_sort(ARRAY['bc', 'ab', 'dc'], (x, y) -> IF(x < y, 1, IF(x = y, 0, -1))) ==> [dc, bc, ab]
array_sort(ARRAY['a', 'abcd', 'abc'], (x, y) -> IF(length(x) < length(y), -1, IF(length(x) = length(y), 0, 1)))
    ==> [a, abc, abcd]
arrays_overlap(ARRAY[1, 2], ARRAY[2, 3]) ==> true
arrays_overlap(ARRAY[1, NULL], ARRAY[2]) ==> NULL
arrays_overlap(ARRAY[1], ARRAY[2]) ==> false
cardinality(ARRAY[1, 2]) ==> 2
concat(ARRAY[1], ARRAY[2], ARRAY[3]) ==> [1, 2, 3]
contains(ARRAY[1, 2], 2) ==> true
contains_sequence(ARRAY[1, 2, 3, 4, 5, 6], ARRAY[1, 2]) ==> true
element_at(ARRAY[1, 2], 3) ==> NULL
element_at(ARRAY[1, 2], -1) ==> 2
filter(ARRAY[], x -> true) ==> []
filter(ARRAY[5, -6, NULL, 7], x -> x > 0) ==> [5, 7]
filter(ARRAY[5, NULL, 7, NULL], x -> x IS NOT NULL) ==> [5, 7]
flatten(ARRAY[ARRAY[1], ARRAY[2, 3]]) ==> [1, 2, 3]
ngrams(ARRAY['foo', 'bar', 'baz', 'foo'], 3) ==> [[foo, bar, baz], [bar, baz, foo]]
ngrams(ARRAY['foo', 'bar', 'baz', 'foo'], 5) ==> [[foo, bar, baz, foo]]
ngrams(ARRAY[1, 2, 3, 4], 2) ==> [[1, 2], [2, 3], [3, 4]]
reduce(ARRAY[], 0, (s, x) -> s + x, s -> s) ==> 0
reduce(ARRAY[5, 20, 50], 0, (s, x) -> s + x, s -> s) ==> 75
reduce(ARRAY[5, 20, NULL, 50], 0, (s, x) -> s + x, s -> s) ==> NULL
reduce(ARRAY[5, 20, NULL, 50], 0, (s, x) -> s + coalesce(x, 0), s -> s) ==> 75
reduce(ARRAY[5, 20, NULL, 50], 0, (s, x) -> IF(x IS NULL, s, s + x), s -> s) ==> 75
reduce(ARRAY[2147483647, 1], BIGINT '0', (s, x) -> s + x, s -> s) ==> 2147483648
reduce(ARRAY[5, 6, 10, 20], CAST(ROW(0.0, 0) AS ROW(sum DOUBLE, count INTEGER)), (s, x) -> CAST(ROW(x + s.sum,
    s.count + 1) AS ROW(sum DOUBLE, count INTEGER)), s -> IF(s.count = 0, NULL, s.sum / s.count)) ==> 10.25
repeat('a', 3) ==> [a, a, a]
reverse(ARRAY[1, 2]) ==> [2, 1]
sequence(1, 4) ==> [1, 2, 3, 4]
sequence(3, 1) ==> [3, 2, 1]
sequence(1, 9, 4) ==> [1, 5, 9]
sequence(DATE '2020-01-01', DATE '2020-01-03') ==> [2020-01-01, 2020-01-02, 2020-01-03]
sequence(DATE '2020-01-01', DATE '2020-03-01', INTERVAL '1' MONTH) ==> [2020-01-01, 2020-02-01, 2020-03-01]
slice(ARRAY[1, 2, 3, 4], 2, 2) ==> [2, 3]
slice(ARRAY[1, 2, 3, 4], -2, 2) ==> [3, 4]
trim_array(ARRAY[1, 2, 3, 4], 1) ==> [1, 2, 3]
trim_array(ARRAY[1, 2, 3, 4], 2) ==> [1, 2]
transform(ARRAY[], x -> x + 1) ==> []
transform(ARRAY[5, NULL, 6], x -> coalesce(x, 0) + 1) ==> [6, 1, 7]
transform(ARRAY['x', 'abc', 'z'], x -> x || '0') ==> [x0, abc0, z0]
transform(ARRAY[ARRAY[1, NULL, 2], ARRAY[3, NULL]], a -> filter(a, x -> x IS NOT NULL)) ==> [[1, 2], [3]]
zip(ARRAY[1, 2], ARRAY['1b', null, '3b']) ==> [{field0=1, field1=1b}, {field0=2, field1=null}, {field0=null,
    field1=3b}]
zip_with(ARRAY[1, 3, 5], ARRAY['a', 'b', 'c'], (x, y) -> (y, x)) ==> [{field0=a, field1=1}, {field0=b,
    field1=3}, {field0=c, field1=5}]
zip_with(ARRAY[1, 2], ARRAY[3, 4], (x, y) -> x + y) ==> [4, 6]
zip_with(ARRAY['a', 'b', 'c'], ARRAY['d', 'e', 'f'], (x, y) -> concat(x, y)) ==> [ad, be, cf]
zip_with(ARRAY['a'], ARRAY['d', null, 'f'], (x, y) -> coalesce(x, y)) ==> [a, null, f]
""",
    ),
    *_page(
        "trino: functions/map",
        r"""
MAP(ARRAY['key1', 'key2', 'key3'], ARRAY[23, 34.63, 45.837]) ==> {key1=23.000, key2=34.630, key3=45.837}
MAP(ARRAY['key1', 'key2', 'key3'], ARRAY['v1', 'v2', 'v3'])['key2'] ==> v2
cardinality(MAP(ARRAY[1, 3], ARRAY[2, 4])) ==> 2
element_at(MAP(ARRAY[1], ARRAY['x']), 2) ==> NULL
map() ==> {}
map_from_entries(ARRAY[(1, 'x'), (2, 'y')]) ==> {1=x, 2=y}
element_at(multimap_from_entries(ARRAY[(1, 'x'), (2, 'y'), (1, 'z')]), 1) ==> [x, z]
map_entries(MAP(ARRAY[1, 2], ARRAY['x', 'y'])) ==> [{field0=1, field1=x}, {field0=2, field1=y}]
element_at(map_concat(MAP(ARRAY[1, 2], ARRAY['x', 'y']), MAP(ARRAY[2], ARRAY['z'])), 2) ==> z
map_filter(MAP(ARRAY[], ARRAY[]), (k, v) -> true) ==> {}
map_filter(MAP(ARRAY[10, 20, 30], ARRAY['a', NULL, 'c']), (k, v) -> v IS NOT NULL) ==> {10=a, 30=c}
map_filter(MAP(ARRAY['k1', 'k2', 'k3'], ARRAY[20, 3, 15]), (k, v) -> v > 10) ==> {k1=20, k3=15}
map_keys(MAP(ARRAY[1, 2], ARRAY['x', 'y'])) ==> [1, 2]
map_values(MAP(ARRAY[1, 2], ARRAY['x', 'y'])) ==> [x, y]
element_at(map_zip_with(MAP(ARRAY['k1', 'k2'], ARRAY[1, 2]), MAP(ARRAY['k2', 'k3'], ARRAY[4, 9]), (k, v1, v2) ->
    (v1, v2)), 'k3') ==> {field0=null, field1=9}
element_at(map_zip_with(MAP(ARRAY['a', 'b', 'c'], ARRAY[1, 8, 27]), MAP(ARRAY['a', 'b', 'c'], ARRAY[1, 2, 3]),
    (k, v1, v2) -> k || CAST(v1 / v2 AS VARCHAR)), 'b') ==> b4
transform_keys(MAP(ARRAY[1, 2, 3], ARRAY['a', 'b', 'c']), (k, v) -> k + 1) ==> {2=a, 3=b, 4=c}
transform_keys(MAP(ARRAY['a', 'b'], ARRAY[1, 2]), (k, v) -> k || CAST(v as VARCHAR)) ==> {a1=1, b2=2}
transform_keys(MAP(ARRAY[1, 2], ARRAY[1.0, 1.4]), (k, v) -> MAP(ARRAY[1, 2], ARRAY['one', 'two'])[k]) ==>
    {one=1.0, two=1.4}
transform_values(MAP(ARRAY[1, 2, 3], ARRAY[10, 20, 30]), (k, v) -> v + k) ==> {1=11, 2=22, 3=33}
transform_values(MAP(ARRAY['a', 'b'], ARRAY[1, 2]), (k, v) -> k || CAST(v as VARCHAR)) ==> {a=a1, b=b2}
transform_values(MAP(ARRAY[1, 2], ARRAY[1.0, 1.4]), (k, v) -> MAP(ARRAY[1, 2], ARRAY['one', 'two'])[k] || '_' ||
    CAST(v AS VARCHAR)) ==> {1=one_1.0, 2=two_1.4}
""",
    ),
    *_page(
        "trino: functions/datetime",
        r"""
date '2012-08-08' + interval '2' day ==> 2012-08-10
time '01:00' + interval '3' hour ==> 04:00:00.000
timestamp '2012-08-08 01:00' + interval '29' hour ==> 2012-08-09 06:00:00.000
timestamp '2012-10-31 01:00' + interval '1' month ==> 2012-11-30 01:00:00.000
interval '2' day + interval '3' hour ==> 2 03:00:00.000
interval '3' year + interval '5' month ==> 3-5
date '2012-08-08' - interval '2' day ==> 2012-08-06
time '01:00' - interval '3' hour ==> 22:00:00.000
timestamp '2012-10-31 01:00' - interval '1' month ==> 2012-09-30 01:00:00.000
interval '2' day - interval '3' hour ==> 1 21:00:00.000
interval '3' year - interval '5' month ==> 2-7
timestamp '2012-10-31 01:00 UTC' ==> 2012-10-31 01:00:00.000 UTC
timestamp '2012-10-31 01:00 UTC' AT TIME ZONE 'America/Los_Angeles' ==> 2012-10-30 18:00:00.000 America/Los_Angeles
current_timezone() ==> UTC
date('2020-02-03') ==> 2020-02-03
last_day_of_month(date '2020-02-03') ==> 2020-02-29
from_iso8601_timestamp('2020-05-11') ==> 2020-05-11 00:00:00.000 UTC
from_iso8601_timestamp('2020-05-11T11:15:05') ==> 2020-05-11 11:15:05.000 UTC
from_iso8601_timestamp('2020-05-11T11:15:05.055+01:00') ==> 2020-05-11 11:15:05.055 +01:00
from_iso8601_date('2020-05-11') ==> 2020-05-11
at_timezone(TIMESTAMP '2022-11-01 09:08:07.321', 'America/Los_Angeles') ==> 2022-11-01 02:08:07.321
    America/Los_Angeles
with_timezone(TIMESTAMP '2022-11-01 09:08:07.321', 'America/Los_Angeles') ==> 2022-11-01 09:08:07.321
    America/Los_Angeles
from_unixtime(0.5) ==> 1970-01-01 00:00:00.500 UTC
from_unixtime(0, 'America/Los_Angeles') ==> 1969-12-31 16:00:00.000 America/Los_Angeles
from_unixtime(0, 2, 0) ==> 1970-01-01 02:00:00.000 +02:00
to_iso8601(timestamp '2020-05-11 11:15:05.055') ==> 2020-05-11T11:15:05.055
to_milliseconds(interval '1' day) ==> 86400000
to_unixtime(timestamp '1970-01-02 00:00:00') ==> 86400.0
date_trunc('second', TIMESTAMP '2001-08-22 03:04:05.321') ==> 2001-08-22 03:04:05.000
date_trunc('week', TIMESTAMP '2001-08-22 03:04:05.321') ==> 2001-08-20 00:00:00.000
date_trunc('quarter', TIMESTAMP '2001-08-22 03:04:05.321') ==> 2001-07-01 00:00:00.000
date_trunc('month', TIMESTAMP '2022-10-20 05:10:00') ==> 2022-10-01 00:00:00.000
date_add('second', 86, TIMESTAMP '2020-03-01 00:00:00') ==> 2020-03-01 00:01:26.000
date_add('hour', 9, TIMESTAMP '2020-03-01 00:00:00') ==> 2020-03-01 09:00:00.000
date_add('day', -1, TIMESTAMP '2020-03-01 00:00:00 UTC') ==> 2020-02-29 00:00:00.000 UTC
date_diff('second', TIMESTAMP '2020-03-01 00:00:00', TIMESTAMP '2020-03-02 00:00:00') ==> 86400
date_diff('hour', TIMESTAMP '2020-03-01 00:00:00 UTC', TIMESTAMP '2020-03-02 00:00:00 UTC') ==> 24
date_diff('day', DATE '2020-03-01', DATE '2020-03-02') ==> 1
date_diff('millisecond', TIMESTAMP '2020-06-01 12:30:45.000000', TIMESTAMP '2020-06-02 12:30:45.123456') ==> 86400123
human_readable_seconds(96) ==> 1 minute, 36 seconds
human_readable_seconds(3762) ==> 1 hour, 2 minutes, 42 seconds
human_readable_seconds(56363463) ==> 93 weeks, 1 day, 8 hours, 31 minutes, 3 seconds
date_format(timestamp '2022-10-20 05:10:00', '%m-%d-%Y %H') ==> 10-20-2022 05
date_parse('2022/10/20/05', '%Y/%m/%d/%H') ==> 2022-10-20 05:00:00.000
extract(YEAR FROM TIMESTAMP '2022-10-20 05:10:00') ==> 2022
extract(DOW FROM DATE '2022-10-20') ==> 4
day_of_year(DATE '2022-10-20') ==> 293
year_of_week(DATE '2021-01-01') ==> 2020
week(DATE '2021-01-01') ==> 53
timezone_hour(TIMESTAMP '2020-05-10 12:34:56 +08:00') ==> 8
format_datetime(timestamp '2022-10-20 05:10:00.123', 'yyyy-MM-dd HH:mm:ss.SSS') ==> 2022-10-20 05:10:00.123
parse_datetime('2022-10-20 05:10', 'yyyy-MM-dd HH:mm') ==> 2022-10-20 05:10:00.000 UTC
""",
    ),
    *_page(
        "trino: functions/conversion",
        r"""
format('%s%%', 123) ==> 123%
format('%.5f', pi()) ==> 3.14159
format('%03d', 8) ==> 008
format('%,.2f', 1234567.89) ==> 1,234,567.89
format('%-7s,%7s', 'hello', 'world') ==> hello  ,  world
format_number(123456) ==> 123K
format_number(1000000) ==> 1M
typeof(123) ==> integer
typeof('cat') ==> varchar(3)
typeof(cos(2) + 1.5) ==> double
try_cast('x' AS integer) ==> NULL
""",
    ),
    *_page(
        "trino: functions/decimal",
        r"""
typeof(DECIMAL '0') ==> decimal(1,0)
typeof(DECIMAL '12345') ==> decimal(5,0)
typeof(DECIMAL '0000012345.1234500000') ==> decimal(20,10)
typeof(DECIMAL '1.50' + DECIMAL '20.1') ==> decimal(5,2)
typeof(DECIMAL '1.50' * DECIMAL '20.1') ==> decimal(6,3)
typeof(DECIMAL '5.50' % DECIMAL '2.1') ==> decimal(3,2)
DECIMAL '5.50' % DECIMAL '2.1' ==> 1.30
""",
    ),
    *_page(
        "trino: functions/regexp",
        r"""
regexp_count('1a 2b 14m', '\s*[a-z]+\s*') ==> 3
regexp_extract_all('1a 2b 14m', '\d+') ==> [1, 2, 14]
regexp_extract_all('1a 2b 14m', '(\d+)([a-z]+)', 2) ==> [a, b, m]
regexp_extract('1a 2b 14m', '\d+') ==> 1
regexp_extract('1a 2b 14m', '(\d+)([a-z]+)', 2) ==> a
regexp_like('1a 2b 14m', '\d+b') ==> true
regexp_position('I have 23 apples, 5 pears and 13 oranges', '\b\d+\b') ==> 8
regexp_replace('1a 2b 14m', '\d+[ab] ') ==> 14m
regexp_replace('1a 2b 14m', '(\d+)([ab]) ', '3c$2 ') ==> 3ca 3cb 14m
regexp_split('1a 2b 14m', '\s*[a-z]+\s*') ==> [1, 2, 14, ]
""",
    ),
    *_page(
        "trino: functions/string",
        r"""
chr(8364) ==> €
codepoint('€') ==> 8364
concat_ws(',', 'a', NULL, 'b') ==> a,b
concat_ws(',', ARRAY['a', NULL, 'b']) ==> a,b
concat_ws(NULL, 'a', 'b') ==> NULL
hamming_distance('abc', 'abd') ==> 1
levenshtein_distance('kitten', 'sitting') ==> 3
lpad('abc', 5, 'xy') ==> xyabc
lpad('abc', 2, 'x') ==> ab
luhn_check('79927398713') ==> true
luhn_check('79927398714') ==> false
position('b' IN 'abc') ==> 2
replace('abca', 'a') ==> bc
replace('abca', 'a', 'x') ==> xbcx
split('a,b,c', ',') ==> [a, b, c]
split('a,b,c', ',', 2) ==> [a, b,c]
split_part('a,b,c', ',', 4) ==> NULL
split_to_map('a=1,b=2', ',', '=') ==> {a=1, b=2}
strpos('abcabc', 'c', 2) ==> 6
strpos('abcabc', 'c', -1) ==> 6
strpos('abc', 'x') ==> 0
substr('abc', -2) ==> bc
translate('abcd', '', '') ==> abcd
translate('abcda', 'a', 'z') ==> zbcdz
translate('Palhoça', 'ç', 'c') ==> Palhoca
translate('abcd', 'a', '') ==> bcd
translate('abcd', 'ac', 'z') ==> zbd
translate('abcd', 'aac', 'zq') ==> zbd
trim('!' FROM '!foo!') ==> foo
trim(BOTH '$' FROM '$var$') ==> var
trim(TRAILING 'ER' FROM upper('worker')) ==> WORK
from_utf8(to_utf8('ü')) ==> ü
""",
    ),
    *_page(
        "trino: functions/json",
        r"""
json_array_contains('[1, 2, 3]', 2) ==> true
json_array_length('[1, 2, 3]') ==> 3
json_array_get('["a", [3, 9], "c"]', 1) ==> [3,9]
json_extract_scalar('{"book": [{"title": "x"}]}', '$.book[0].title') ==> x
json_extract_scalar('[1, 2, 3]', '$[2]') ==> 3
json_extract('{"a": {"b": 1}}', '$.a') ==> {"b":1}
json_format(JSON '[1, 2, 3]') ==> [1,2,3]
json_format(JSON '"a"') ==> "a"
json_size('{"x": {"a": 1, "b": 2}}', '$.x') ==> 2
json_size('{"x": [1, 2, 3]}', '$.x') ==> 3
json_size('{"x": {"a": 1, "b": 2}}', '$.x.a') ==> 0
is_json_scalar('1') ==> true
is_json_scalar('[1, 2, 3]') ==> false
CAST(NULL AS JSON) ==> NULL
CAST(1 AS JSON) ==> 1
CAST('abc' AS JSON) ==> "abc"
CAST(true AS JSON) ==> true
CAST(1.234 AS JSON) ==> 1.234
CAST(ARRAY[1, 23, 456] AS JSON) ==> [1,23,456]
CAST(ARRAY[1, NULL, 456] AS JSON) ==> [1,null,456]
CAST(MAP(ARRAY['k1', 'k2'], ARRAY[1, 23]) AS JSON) ==> {"k1":1,"k2":23}
CAST(JSON '1' AS INTEGER) ==> 1
CAST(JSON '"abc"' AS VARCHAR) ==> abc
CAST(JSON 'true' AS BOOLEAN) ==> true
CAST(JSON '1.234' AS DOUBLE) ==> 1.234
CAST(JSON '[1,23,456]' AS ARRAY(INTEGER)) ==> [1, 23, 456]
CAST(JSON '{"k1":1,"k2":23}' AS MAP(VARCHAR, INTEGER)) ==> {k1=1, k2=23}
CAST(JSON '{"v1":123,"v2":"abc"}' AS ROW(v1 BIGINT, v2 VARCHAR)) ==> {v1=123, v2=abc}
""",
    ),
    *_page(
        "trino: functions/math, bitwise, binary, url",
        r"""
cbrt(27) ==> 3.0
ceil(1.2) ==> 2
floor(-1.2) ==> -2
log(2, 8) ==> 3.0
mod(-7, 3) ==> -1
power(2, 10) ==> 1024.0
round(2.5) ==> 3
round(-2.5e0) ==> -3.0
round(1234.567e0, 2) ==> 1234.57
sign(-2) ==> -1
truncate(-1.9e0) ==> -1.0
width_bucket(5e0, 0e0, 10e0, 5) ==> 3
width_bucket(5e0, ARRAY[1e0, 3e0, 7e0]) ==> 2
is_nan(nan()) ==> true
from_base('ff', 16) ==> 255
to_base(255, 16) ==> ff
to_base(0, 2) ==> 0
bit_count(9, 64) ==> 2
bit_count(9, 8) ==> 2
bit_count(-7, 64) ==> 62
bit_count(-7, 8) ==> 6
bitwise_and(19, 25) ==> 17
bitwise_not(19) ==> -20
bitwise_or(19, 25) ==> 27
bitwise_xor(19, 25) ==> 10
bitwise_left_shift(1, 2) ==> 4
bitwise_left_shift(5, 2) ==> 20
bitwise_left_shift(0, 1) ==> 0
bitwise_left_shift(20, 0) ==> 20
bitwise_right_shift(8, 3) ==> 1
bitwise_right_shift(9, 1) ==> 4
bitwise_right_shift(20, 0) ==> 20
bitwise_right_shift(12, 64) ==> 0
bitwise_right_shift(-45, 64) ==> 0
bitwise_right_shift_arithmetic(12, 64) ==> 0
bitwise_right_shift_arithmetic(-45, 64) ==> -1
to_hex(sha256(to_utf8('a'))) ==> CA978112CA1BBDCAFAC231B39A23DC4DA786EFF8147C4E72B9807785AFEE48BB
to_hex(from_hex('ab')) ==> AB
to_base64(to_utf8('a?>')) ==> YT8+
to_base64url(to_utf8('a?>')) ==> YT8-
url_extract_host('http://example.com:8080/a/b?x=1&y=2#z') ==> example.com
url_extract_port('http://example.com:8080/a/b?x=1&y=2#z') ==> 8080
url_extract_path('http://example.com:8080/a/b?x=1&y=2#z') ==> /a/b
url_extract_query('http://example.com:8080/a/b?x=1&y=2#z') ==> x=1&y=2
url_extract_fragment('http://example.com:8080/a/b?x=1&y=2#z') ==> z
url_extract_parameter('http://example.com/a?x=1&y=2', 'y') ==> 2
url_extract_protocol('http://example.com/a') ==> http
url_encode('a b') ==> a+b
url_decode('a+b%26') ==> a b&
""",
    ),
    *_page(
        "trino: language/types, functions/comparison, conditional, logical",
        r"""
CAST('a' AS char(3)) = 'a  ' ==> true
CAST('abc' AS char(2)) ==> ab
'a' = 'a ' ==> false
greatest(1, 3, 2) ==> 3
least(1, NULL) ==> NULL
3 BETWEEN 2 AND 6 ==> true
NULL IS DISTINCT FROM NULL ==> false
1 IS NOT DISTINCT FROM 1 ==> true
'hello' = ANY (VALUES 'hello', 'world') ==> true
21 < ALL (VALUES 19, 20, 21) ==> false
42 >= SOME (SELECT 41 UNION ALL SELECT 42 UNION ALL SELECT 43) ==> true
nullif('a', 'b') ==> a
try(1 / 0) ==> NULL
coalesce(try(1 / 0), 5) ==> 5
try(coalesce(1 / 0, 5)) ==> NULL
if(false, 1) ==> NULL
CASE 1 WHEN 2 THEN 'b' ELSE 'c' END ==> c
true AND NULL ==> NULL
false AND NULL ==> false
X'65683F' ==> 65 68 3f
CAST(1.5e0 AS varchar) ==> 1.5E0
CAST(1e10 AS varchar) ==> 1.0E10
CAST(DECIMAL '1.50' AS varchar) ==> 1.50
CAST(timestamp '2020-06-10 15:55:23.383' AS varchar) ==> 2020-06-10 15:55:23.383
CAST(timestamp '2020-06-10 15:55:23.383345' AS timestamp(3)) ==> 2020-06-10 15:55:23.383
CAST(-2.5e0 AS integer) ==> -3
CAST(2.5 AS integer) ==> 3
CAST(ROW(1, 2e0) AS ROW(x bigint, y double)).y ==> 2.0
ROW(1, 2.0)[1] ==> 1
""",
    ),
]
