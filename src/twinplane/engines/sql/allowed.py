"""The second allow-list: what DuckDB's parser may find in the text that runs. The gate's own, without sqlglot."""


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


# Written as a column, read by DuckDB as a function: whom the engine runs as is nobody's business.
HIDDEN_COLUMNS = words(
    "current_catalog current_database current_role current_schema current_schemas current_user session_user user"
)

DUCKDB_TABLE_FUNCTIONS = frozenset({"unnest", "range", "generate_series"})

# `error` is not among them: only the macros in `macros`, whose text is ours, may call it.
DUCKDB_FUNCTIONS = words("""
+ - * / // % & | ~ << >> ^@ || ~~ !~~ ~~* !~~* ->> -> like_escape not_like_escape ilike_escape not_ilike_escape
abs acos asin atan atan2 cbrt ceil ceiling cos cosh degrees exp floor ln log log10 log2 pi pow power radians random
round sign sin sinh sqrt tan tanh trunc isnan isinf isfinite greatest least bit_count xor hamming
coalesce nullif ifnull concat concat_ws chr length levenshtein lower upper lpad rpad ltrim rtrim trim replace
reverse
split str_split string_split regexp_split_to_array str_split_regex split_part starts_with strpos position instr
substring substr translate unicode ascii ord left right repeat
regexp_extract regexp_extract_all regexp_matches regexp_full_match regexp_replace contains prefix suffix
date_part date_trunc date_add date_sub datediff datetrunc strftime strptime epoch epoch_ms to_timestamp
timezone year month day hour minute second quarter week dayofmonth dayofweek dayofyear isodow weekofyear yearweek
isoyear last_day current_date get_current_timestamp get_current_time current_localtimestamp current_localtime now
today
to_years to_months to_weeks to_days to_hours to_minutes to_seconds to_milliseconds to_microseconds to_quarters
make_date make_timestamp
encode decode md5 sha1 sha256 hex unhex to_hex from_hex to_base64 from_base64 base64 url_encode url_decode
json json_extract json_extract_string json_extract_path json_array_length to_json
list_value list_concat list_contains list_has list_distinct list_filter list_intersect list_max list_min
list_position
list_reverse list_slice list_sort list_reverse_sort list_transform list_reduce list_sum list_avg list_extract
list_aggregate list_has_any list_has_all list_bool_or list_bool_and list_unique list_resize list_zip list_grade_up
array_length array_to_string array_contains array_slice array_extract array_concat array_position array_distinct
array_has_any array_append array_prepend array_sort array_reverse_sort array_transform array_filter array_intersect
list_cat array_cat array_to_string_comma_default len flatten generate_series range unnest
map map_keys map_values map_entries map_from_entries map_concat map_extract map_extract_value map_contains
element_at cardinality struct_pack struct_extract row
any_value first approx_count_distinct approx_quantile quantile_cont quantile_disc arg_max arg_min array_agg list avg
corr count count_star count_if covar_pop covar_samp bool_and bool_or max min stddev stddev_pop stddev_samp sum
var_pop
var_samp variance kurtosis skewness string_agg regr_intercept regr_slope bit_and bit_or bit_xor histogram median
mode listagg
cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank rank_dense row_number
athena_divide athena_divide_exact athena_modulo athena_subscript athena_key athena_map_agg athena_geometric_mean
athena_millisecond athena_array_distinct athena_regexp_extract athena_split_part athena_json_scalar athena_e
athena_infinity athena_nan athena_substring athena_substring_to
""")
