"""The second allow-list: what DuckDB's parser may find in the text that runs. The gate's own, without sqlglot."""


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


# Written as a column, read by DuckDB as a function: whom the engine runs as is nobody's business.
HIDDEN_COLUMNS = words(
    "current_catalog current_database current_role current_schema current_schemas current_user session_user user"
)

DUCKDB_TABLE_FUNCTIONS = frozenset({"unnest", "range", "generate_series"})

# `error` is not among them, nor anything that reads files, settings or the catalog.
DUCKDB_FUNCTIONS = words("""
+ - * / // % & | ~ << >> || ~~ !~~ like_escape not_like_escape
abs atan atan2 ceil cos cosh degrees exp floor ln pi pow radians random round sign sin sinh tan tanh trunc
isnan isinf isfinite greatest least xor hamming coalesce nullif concat_ws chr length octet_length levenshtein lower
upper
rpad ltrim rtrim trim replace reverse left substring translate starts_with strpos string_split string_split_regex
format
regexp_extract_all regexp_matches regexp_replace
date_part date_trunc date_sub strftime strptime epoch epoch_ms timezone last_day current_date now
to_years to_months to_weeks to_days to_hours to_minutes to_seconds to_milliseconds to_quarters
encode decode md5 sha1 sha256 hex unhex to_base64 from_base64 url_decode uuid
json json_extract json_extract_string json_type to_json
list_value list_concat list_distinct list_filter list_max list_min list_reduce list_reverse list_sort
list_sum
list_transform list_zip array_to_string len flatten range unnest
map map_keys map_values map_entries map_from_entries map_concat map_extract_value cardinality
struct_pack struct_extract_at row
any_value approx_count_distinct approx_quantile arg_max arg_min list avg corr count count_star count_if covar_pop
covar_samp bool_and bool_or max min stddev_pop stddev_samp sum var_pop var_samp kurtosis skewness string_agg
regr_intercept regr_slope bit_and bit_or bit_xor histogram grouping
cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number
athena_divide athena_decimal_rest athena_modulo athena_round_divide athena_nan_eq athena_nan_ne athena_nan_lt
athena_nan_le athena_nan_gt athena_nan_ge athena_all athena_acos athena_cbrt athena_asin athena_ln athena_log10
athena_sqrt athena_width_bucket athena_bit_count athena_from_base athena_chr athena_codepoint athena_concat
athena_concat_ws athena_lpad athena_rpad athena_ltrim athena_rtrim athena_trim athena_not_empty athena_split_limit
athena_split_part athena_strpos athena_substring athena_substring_to athena_url_encode athena_url_part
athena_url_text athena_url_parameter athena_regexp_extract athena_regexp_position athena_boolean athena_digits
athena_fits athena_double_text athena_real_text athena_real_double athena_json_text athena_days_text athena_months
athena_months_text athena_to_millis athena_to_precision athena_date athena_timestamp athena_timestamp_tz athena_time
athena_iso_moment athena_whole_days athena_subscript athena_element_at athena_key athena_array_concat
athena_array_distinct athena_array_except athena_array_intersect athena_has athena_array_end athena_array_position
athena_array_remove athena_arrays_overlap athena_array_histogram athena_contains athena_contains_sequence
athena_ngrams athena_all_match athena_any_match athena_sequence athena_sequence_by athena_sequence_of_days
athena_sequence_of_times athena_slice athena_trim_array athena_zip_rows athena_map_entries athena_map_from_entries
athena_from_unixtime athena_human_seconds athena_json_or_null athena_json_scalar athena_json_array_length
athena_json_size athena_map_agg athena_multimap_agg athena_top athena_split_to_map athena_multimap_from_entries
athena_luhn_check athena_format_number athena_values athena_skewness
athena_bucket_long athena_bucket_text
""")
