"""The functions of Athena engine version 3 that are one DuckDB expression. `signatures` tells how to read them.

A line is added here, and its DuckDB functions to the gate's own list (`allowed`), only with a test that runs it.
Macros (`athena_…`) are in `macros`.
"""

SCALARS = """
coalesce(T, ...) T = coalesce({rest})
nullif(T, U) T = nullif({0}, {1})
greatest(O, ...) O = athena_all([{rest}], greatest({rest}))
least(O, ...) O = athena_all([{rest}], least({rest}))
uuid() uuid = uuid()

abs(N) N = abs({0})
acos(double) double = athena_acos({0})
asin(double) double = athena_asin({0})
atan(double) double = atan({0})
atan2(double, double) double = atan2({0}, {1})
cbrt(double) double = athena_cbrt({0})
cos(double) double = cos({0})
cosh(double) double = cosh({0})
degrees(double) double = degrees({0})
e() double = CAST('2.718281828459045' AS DOUBLE)
exp(double) double = exp({0})
infinity() double = CAST('infinity' AS DOUBLE)
nan() double = CAST('nan' AS DOUBLE)
is_finite(double) boolean = isfinite({0})
is_infinite(double) boolean = isinf({0})
is_nan(double) boolean = isnan({0})
is_nan(real) boolean = isnan({0})
ln(double) double = athena_ln({0})
log(double, double) double = (athena_ln({1}) / athena_ln({0}))
log2(double) double = (athena_ln({0}) / ln(2))
log10(double) double = athena_log10({0})
pi() double = pi()
pow(double, double) double = pow({0}, {1})
power(double, double) double = pow({0}, {1})
radians(double) double = radians({0})
rand() double = random()
random() double = random()
random(I) I = CAST(floor(random() * {0}) AS {I})
rand(I) I = CAST(floor(random() * {0}) AS {I})
random(I, I) I = CAST({0} + floor(random() * ({1} - {0})) AS {I})
rand(I, I) I = CAST({0} + floor(random() * ({1} - {0})) AS {I})
round(I) I = {0}
round(I, integer) I = CAST(round({0}, {1}) AS {I})
round(double) double = round({0})
round(real) real = CAST(round({0}) AS FLOAT)
round(double, integer) double = round({0}, {1})
round(real, integer) real = CAST(round({0}, {1}) AS FLOAT)
ceil(I) I = {0}
ceiling(I) I = {0}
floor(I) I = {0}
ceil(double) double = ceil({0})
ceiling(double) double = ceil({0})
floor(double) double = floor({0})
sign(I) I = CAST(sign({0}) AS {I})
sign(double) double = CASE WHEN isnan({0}) THEN {0} ELSE CAST(sign({0}) AS DOUBLE) END
sin(double) double = sin({0})
sinh(double) double = sinh({0})
sqrt(double) double = athena_sqrt({0})
tan(double) double = tan({0})
tanh(double) double = tanh({0})
truncate(double) double = trunc({0})
truncate(real) real = CAST(trunc({0}) AS FLOAT)
width_bucket(double, double, double, bigint) bigint = athena_width_bucket({0}, {1}, {2}, {3})
width_bucket(double, array(double)) bigint = CAST(len(list_filter({1}, lambda b: b <= {0})) AS BIGINT)
bitwise_and(bigint, bigint) bigint = ({0} & {1})
bitwise_or(bigint, bigint) bigint = ({0} | {1})
bitwise_xor(bigint, bigint) bigint = xor({0}, {1})
bitwise_not(bigint) bigint = (-{0} - 1)
bitwise_right_shift_arithmetic(bigint, bigint) bigint = ({0} >> least({1}, 63))
bit_count(bigint, bigint) bigint = athena_bit_count({0}, {1})
from_base(varchar, bigint) bigint = athena_from_base({0}, {1})

chr(bigint) varchar = athena_chr({0})
codepoint(varchar) integer = athena_codepoint({0})
concat(varchar, varchar, ...) varchar = athena_concat([{rest}])
concat(varbinary, varbinary) varbinary = ({0} || {1})
concat_ws(varchar, array(varchar)) varchar = athena_concat_ws({0}, {1})
concat_ws(varchar, varchar, ...) varchar = concat_ws({rest})
hamming_distance(varchar, varchar) bigint = CAST(hamming({0}, {1}) AS BIGINT)
length(varchar) bigint = length({0})
length(varbinary) bigint = octet_length({0})
levenshtein_distance(varchar, varchar) bigint = levenshtein({0}, {1})
lower(varchar) varchar = lower({0})
upper(varchar) varchar = upper({0})
lpad(varchar, bigint, varchar) varchar = athena_lpad({0}, {1}, {2})
rpad(varchar, bigint, varchar) varchar = athena_rpad({0}, {1}, {2})
ltrim(varchar) varchar = athena_ltrim({0})
rtrim(varchar) varchar = athena_rtrim({0})
trim(varchar) varchar = athena_trim({0})
ltrim(varchar, varchar) varchar = ltrim({0}, {1})
rtrim(varchar, varchar) varchar = rtrim({0}, {1})
trim(varchar, varchar) varchar = trim({0}, {1})
replace(varchar, varchar) varchar = replace({0}, {1}, '')
replace(varchar, varchar, varchar) varchar = replace({0}, {1}, {2})
reverse(varchar) varchar = reverse({0})
reverse(array(T)) array(T) = list_reverse({0})
split(varchar, varchar) array(varchar) = string_split({0}, athena_not_empty({1}))
split(varchar, varchar, bigint) array(varchar) = athena_split_limit({0}, athena_not_empty({1}), {2})
split_part(varchar, varchar, bigint) varchar = athena_split_part({0}, {1}, {2})
starts_with(varchar, varchar) boolean = starts_with({0}, {1})
strpos(varchar, varchar) bigint = CAST(strpos({0}, {1}) AS BIGINT)
strpos(varchar, varchar, bigint) bigint = athena_strpos({0}, {1}, {2})
substr(varchar, bigint) varchar = athena_substring({0}, {1})
substr(varchar, bigint, bigint) varchar = athena_substring_to({0}, {1}, {2})
substring(varchar, bigint) varchar = athena_substring({0}, {1})
substring(varchar, bigint, bigint) varchar = athena_substring_to({0}, {1}, {2})
translate(varchar, varchar, varchar) varchar = translate({0}, {1}, {2})
to_utf8(varchar) varbinary = encode({0})
from_utf8(varbinary) varchar = decode({0})
to_hex(varbinary) varchar = hex({0})
from_hex(varchar) varbinary = unhex({0})
to_base64(varbinary) varchar = to_base64({0})
from_base64(varchar) varbinary = from_base64({0})
to_base64url(varbinary) varchar = translate(to_base64({0}), '+/', '-_')
from_base64url(varchar) varbinary = from_base64(translate({0}, '-_', '+/'))
md5(varbinary) varbinary = unhex(md5({0}))
sha1(varbinary) varbinary = unhex(sha1({0}))
sha256(varbinary) varbinary = unhex(sha256({0}))
url_encode(varchar) varchar = athena_url_encode({0})
url_decode(varchar) varchar = url_decode(replace({0}, '+', ' '))
url_extract_protocol(varchar) varchar = athena_url_part({0}, 1)
url_extract_host(varchar) varchar = athena_url_part({0}, 2)
url_extract_port(varchar) bigint = CAST(athena_url_part({0}, 3) AS BIGINT)
url_extract_path(varchar) varchar = athena_url_text({0}, 4)
url_extract_query(varchar) varchar = athena_url_text({0}, 5)
url_extract_fragment(varchar) varchar = athena_url_text({0}, 6)
url_extract_parameter(varchar, varchar) varchar = athena_url_parameter({0}, {1})

regexp_like(varchar, varchar) boolean = regexp_matches({0}, {1})
regexp_extract(varchar, varchar) varchar = athena_regexp_extract({0}, {1}, 0)
regexp_extract_all(varchar, varchar) array(varchar) = regexp_extract_all({0}, {1})
regexp_split(varchar, varchar) array(varchar) = string_split_regex({0}, {1})
regexp_count(varchar, varchar) bigint = CAST(len(regexp_extract_all({0}, {1})) AS BIGINT)

all_match(array(T), T -> boolean) boolean = athena_all_match(list_transform({0}, {1}))
any_match(array(T), T -> boolean) boolean = athena_any_match(list_transform({0}, {1}))
none_match(array(T), T -> boolean) boolean = (NOT athena_any_match(list_transform({0}, {1})))
array_distinct(array(T)) array(T) = athena_array_distinct({0})
array_except(array(T), array(T)) array(T) = athena_array_except({0}, {1})
array_intersect(array(T), array(T)) array(T) = athena_array_intersect({0}, {1})
array_union(array(T), array(T)) array(T) = athena_array_distinct(athena_array_concat({0}, {1}))
array_max(array(O)) O = athena_array_end({0}, list_max({0}))
array_min(array(O)) O = athena_array_end({0}, list_min({0}))
array_position(array(T), T) bigint = athena_array_position({0}, {1})
array_remove(array(T), T) array(T) = athena_array_remove({0}, {1})
array_sort(array(O)) array(O) = list_sort({0}, 'ASC', 'NULLS LAST')
arrays_overlap(array(T), array(T)) boolean = athena_arrays_overlap({0}, {1})
array_histogram(array(T)) map(T, bigint) = athena_array_histogram({0})
cardinality(array(T)) bigint = CAST(len({0}) AS BIGINT)
cardinality(map(K, V)) bigint = CAST(cardinality({0}) AS BIGINT)
concat(array(T), array(T)) array(T) = athena_array_concat({0}, {1})
concat(array(T), array(T), array(T)) array(T) = athena_array_concat(athena_array_concat({0}, {1}), {2})
contains(array(T), T) boolean = athena_contains({0}, {1})
contains_sequence(array(T), array(T)) boolean = athena_contains_sequence({0}, {1})
element_at(array(T), bigint) T = athena_element_at({0}, {1})
element_at(map(K, V), K) V = map_extract_value({0}, {1})
filter(array(T), T -> boolean) array(T) = list_filter({0}, {1})
flatten(array(array(T))) array(T) = flatten({0})
ngrams(array(T), bigint) array(array(T)) = athena_ngrams({0}, {1})
repeat(T, bigint) array(T) = list_transform(range({1}), lambda i: {0})
sequence(bigint, bigint) array(bigint) = athena_sequence({0}, {1})
sequence(bigint, bigint, bigint) array(bigint) = athena_sequence_by({0}, {1}, {2})
sequence(date, date) array(date) = athena_sequence_of_days({0}, {1})
sequence(date, date, days) array(date) = CAST(athena_sequence_of_times({0}, {1}, {2}) AS DATE[])
sequence(date, date, months) array(date) = CAST(athena_sequence_of_times({0}, {1}, {2}) AS DATE[])
sequence(timestamp, timestamp, days) array(timestamp) = athena_sequence_of_times({0}, {1}, {2})
sequence(timestamp, timestamp, months) array(timestamp) = athena_sequence_of_times({0}, {1}, {2})
slice(array(T), bigint, bigint) array(T) = athena_slice({0}, {1}, {2})
trim_array(array(T), bigint) array(T) = athena_trim_array({0}, {1})
transform(array(T), T -> U) array(U) = list_transform({0}, {1})
zip(array(T), array(U)) array(row(T, U)) = athena_zip_rows({0}, {1})

map() map(unknown, unknown) = map([], [])
map(array(K), array(V)) map(K, V) = map({0}, {1})
map_concat(map(K, V), map(K, V)) map(K, V) = map_concat({0}, {1})
map_entries(map(K, V)) array(row(K, V)) = athena_map_entries({0})
map_from_entries(array(row(K, V))) map(K, V) = athena_map_from_entries({0})
map_keys(map(K, V)) array(K) = map_keys({0})
map_values(map(K, V)) array(V) = map_values({0})

current_date() date = current_date
current_timezone() varchar = 'UTC'
date(varchar) date = athena_date({0})
date(timestamp) date = CAST({0} AS DATE)
date(date) date = {0}
last_day_of_month(date) date = last_day({0})
last_day_of_month(timestamp) date = last_day({0})
from_iso8601_date(varchar) date = athena_date({0})
to_milliseconds(days) bigint = epoch_ms({0})
to_unixtime(timestamp) double = CAST(date_part('epoch', {0}) AS DOUBLE)
to_unixtime(tz) double = epoch({0})
from_unixtime(double) tz = athena_from_unixtime({0})
human_readable_seconds(double) varchar = athena_human_seconds({0})
year(date) bigint = date_part('year', {0})
year(timestamp) bigint = date_part('year', {0})
quarter(date) bigint = date_part('quarter', {0})
quarter(timestamp) bigint = date_part('quarter', {0})
month(date) bigint = date_part('month', {0})
month(timestamp) bigint = date_part('month', {0})
week(date) bigint = date_part('week', {0})
week(timestamp) bigint = date_part('week', {0})
week_of_year(date) bigint = date_part('week', {0})
week_of_year(timestamp) bigint = date_part('week', {0})
year_of_week(date) bigint = date_part('isoyear', {0})
year_of_week(timestamp) bigint = date_part('isoyear', {0})
yow(date) bigint = date_part('isoyear', {0})
yow(timestamp) bigint = date_part('isoyear', {0})
day(date) bigint = date_part('day', {0})
day(timestamp) bigint = date_part('day', {0})
day(days) bigint = (epoch_ms({0}) // 86400000)
day_of_month(date) bigint = date_part('day', {0})
day_of_month(timestamp) bigint = date_part('day', {0})
day_of_week(date) bigint = date_part('isodow', {0})
day_of_week(timestamp) bigint = date_part('isodow', {0})
dow(date) bigint = date_part('isodow', {0})
dow(timestamp) bigint = date_part('isodow', {0})
day_of_year(date) bigint = date_part('doy', {0})
day_of_year(timestamp) bigint = date_part('doy', {0})
doy(date) bigint = date_part('doy', {0})
doy(timestamp) bigint = date_part('doy', {0})
hour(timestamp) bigint = date_part('hour', {0})
hour(time) bigint = date_part('hour', {0})
minute(timestamp) bigint = date_part('minute', {0})
minute(time) bigint = date_part('minute', {0})
second(timestamp) bigint = date_part('second', {0})
second(time) bigint = date_part('second', {0})
millisecond(timestamp) bigint = (date_part('millisecond', {0}) % 1000)
millisecond(time) bigint = (date_part('millisecond', {0}) % 1000)
year(months) bigint = CAST(trunc(athena_months({0}) / 12) AS BIGINT)
month(months) bigint = (athena_months({0}) % 12)
hour(days) bigint = ((epoch_ms({0}) // 3600000) % 24)
minute(days) bigint = ((epoch_ms({0}) // 60000) % 60)
second(days) bigint = ((epoch_ms({0}) // 1000) % 60)
millisecond(days) bigint = (epoch_ms({0}) % 1000)

split_to_map(varchar, varchar, varchar) map(varchar, varchar) = athena_split_to_map({0}, {1}, {2})
multimap_from_entries(array(row(K, V))) map(K, array(V)) = athena_multimap_from_entries({0})
luhn_check(varchar) boolean = athena_luhn_check({0})
format_number(double) varchar = athena_format_number({0})

json_parse(varchar) json = json({0})
json_format(json) varchar = CAST({0} AS VARCHAR)
json_array_length(json) bigint = CAST(athena_json_array_length({0}) AS BIGINT)
json_array_length(varchar) bigint = CAST(athena_json_array_length(athena_json_or_null({0})) AS BIGINT)
json_array_get(json, bigint) json = json_extract({0}, {1})
json_array_get(varchar, bigint) json = json_extract(athena_json_or_null({0}), {1})
is_json_scalar(json) boolean = (json_type({0}) NOT IN ('ARRAY', 'OBJECT'))
is_json_scalar(varchar) boolean = (json_type(json({0})) NOT IN ('ARRAY', 'OBJECT'))
"""

AGGREGATES = """
any_value(T) T = any_value({d}{0}{o}){m}
arbitrary(T) T = any_value({d}{0}{o}){m}
array_agg(T) array(T) = list({d}{0}{o}){m}
avg(real) real = CAST(avg({d}{0}){m} AS FLOAT)
avg(double) double = avg({d}{0}){m}
bool_and(boolean) boolean = bool_and({0}){m}
every(boolean) boolean = bool_and({0}){m}
bool_or(boolean) boolean = bool_or({0}){m}
count() bigint = count(*){m}
count(T) bigint = count({d}{0}){m}
count_if(boolean) bigint = CAST(count_if({0}){m} AS BIGINT)
max(O) O = max({0}){m}
min(O) O = min({0}){m}
max(O, bigint) array(O) = max({0}, {1}){m}
min(O, bigint) array(O) = min({0}, {1}){m}
max_by(T, O) T = struct_extract_at(arg_max(struct_pack(v := {0}), {1}){m}, 1)
min_by(T, O) T = struct_extract_at(arg_min(struct_pack(v := {0}), {1}){m}, 1)
max_by(T, O, bigint) array(T) = athena_values(arg_max(struct_pack(v := {0}), {1}, {2}){m})
min_by(T, O, bigint) array(T) = athena_values(arg_min(struct_pack(v := {0}), {1}, {2}){m})
sum(I) bigint = CAST(sum({d}{0}){m} AS BIGINT)
sum(real) real = CAST(sum({d}{0}){m} AS FLOAT)
sum(double) double = sum({d}{0}){m}
sum(days) days = sum({d}{0}){m}
geometric_mean(double) double = exp(avg(athena_ln({0})){m})
bitwise_and_agg(bigint) bigint = bit_and({0}){m}
bitwise_or_agg(bigint) bigint = bit_or({0}){m}
bitwise_xor_agg(bigint) bigint = bit_xor({0}){m}
histogram(T) map(T, bigint) = CAST(histogram({0}){m} AS {R})
map_agg(K, V) map(K, V) = athena_map_agg(list(struct_pack(k := {0}, v := {1})){m})
multimap_agg(K, V) map(K, array(V)) = athena_multimap_agg(list(struct_pack(k := {0}, v := {1})){m})
map_union(map(K, V)) map(K, V) = athena_map_agg(flatten(list(map_entries({0})){m}))
approx_distinct(T) bigint = approx_count_distinct({0}){m}
approx_distinct(T, double) bigint = approx_count_distinct({0}){m}
approx_percentile(bigint, double) bigint = approx_quantile({0}, CAST({1} AS FLOAT)){m}
approx_percentile(double, double) double = approx_quantile({0}, CAST({1} AS FLOAT)){m}
approx_percentile(real, double) real = approx_quantile({0}, CAST({1} AS FLOAT)){m}
approx_percentile(bigint, array(double)) array(bigint) = approx_quantile({0}, CAST({1} AS FLOAT[])){m}
approx_percentile(double, array(double)) array(double) = approx_quantile({0}, CAST({1} AS FLOAT[])){m}
approx_most_frequent(bigint, varchar, bigint) map(varchar, bigint) = athena_top(CAST(histogram({1}){m} AS {R}), {0})
approx_most_frequent(bigint, bigint, bigint) map(bigint, bigint) = athena_top(CAST(histogram({1}){m} AS {R}), {0})
corr(double, double) double = corr({0}, {1}){m}
covar_pop(double, double) double = covar_pop({0}, {1}){m}
covar_samp(double, double) double = covar_samp({0}, {1}){m}
kurtosis(double) double = kurtosis({0}){m}
skewness(double) double = athena_skewness(skewness({0}){m}, count({0}){m})
regr_intercept(double, double) double = regr_intercept({0}, {1}){m}
regr_slope(double, double) double = regr_slope({0}, {1}){m}
stddev(double) double = stddev_samp({d}{0}){m}
stddev_samp(double) double = stddev_samp({d}{0}){m}
stddev_pop(double) double = stddev_pop({d}{0}){m}
variance(double) double = var_samp({d}{0}){m}
var_samp(double) double = var_samp({d}{0}){m}
var_pop(double) double = var_pop({d}{0}){m}
listagg(varchar, varchar) varchar = string_agg({d}{0}, {1}{o}){m}
"""

WINDOWS = """
row_number() bigint = row_number(){m}
rank() bigint = rank(){m}
dense_rank() bigint = dense_rank(){m}
percent_rank() double = percent_rank(){m}
cume_dist() double = cume_dist(){m}
ntile(bigint) bigint = ntile({0}){m}
first_value(T) T = first_value({0}{n}){m}
last_value(T) T = last_value({0}{n}){m}
nth_value(T, bigint) T = nth_value({0}, {1}{n}){m}
lag(T) T = lag({0}{n}){m}
lag(T, bigint) T = lag({0}, {1}{n}){m}
lag(T, bigint, T) T = lag({0}, {1}, {2}{n}){m}
lead(T) T = lead({0}{n}){m}
lead(T, bigint) T = lead({0}, {1}{n}){m}
lead(T, bigint, T) T = lead({0}, {1}, {2}{n}){m}
"""


def by_name(table: str) -> dict[str, list[str]]:
    """The lines of a table, by the name of the function."""
    found: dict[str, list[str]] = {}
    for line in table.strip().splitlines():
        if line:
            found.setdefault(line.partition("(")[0], []).append(line)
    return found
