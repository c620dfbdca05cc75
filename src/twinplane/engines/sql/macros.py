"""DuckDB macros that give Athena's answer where DuckDB's own would silently differ. Created before the user's text."""

MACROS = (
    # Athena: an error; DuckDB: infinity or NULL
    "athena_divide(a, b) AS CASE WHEN b = 0 THEN error('Division by zero') ELSE a // b END",
    "athena_divide_exact(a, b) AS CASE WHEN b = 0 THEN error('Division by zero') ELSE a / b END",
    "athena_modulo(a, b) AS CASE WHEN b = 0 THEN error('Division by zero') ELSE a % b END",
    # Athena: an error outside of the array or map; DuckDB: NULL
    """athena_subscript(a, i) AS CASE
         WHEN i = 0 THEN error('SQL array indices start at 1')
         WHEN i < 0 THEN error('Array subscript is negative')
         WHEN i > len(a) THEN error('Array subscript must be less than or equal to array length')
         ELSE a[i] END""",
    "athena_key(m, k) AS CASE WHEN NOT map_contains(m, k) THEN error('Key not present in map') ELSE m[k] END",
    # Athena: position 0 is nowhere; DuckDB: it is before the first character
    "athena_substring(s, i) AS CASE WHEN i = 0 OR abs(i) > length(s) THEN '' ELSE substring(s, i) END",
    "athena_substring_to(s, i, n) AS CASE WHEN i = 0 OR abs(i) > length(s) THEN '' ELSE substring(s, i, n) END",
    "athena_split_part(s, d, i) AS CASE WHEN i > 0 THEN string_split(s, d)[i] END",
    "athena_regexp_extract(s, p, g) AS CASE WHEN regexp_matches(s, p) THEN regexp_extract(s, p, g) END",
    # Athena: NULL for an object or array, and for text that is not JSON
    """athena_json_scalar(j, p) AS CASE
         WHEN json_valid(j) AND json_type(j, p) NOT IN ('OBJECT', 'ARRAY') THEN json_extract_string(j, p) END""",
    # Athena keeps the order, and one NULL
    "athena_array_distinct(a) AS list_filter(a, lambda x, i: list_position(a, x) = i)",
    "athena_map_agg(k, v) AS map_from_entries(list(DISTINCT row(k, v)) FILTER (WHERE k IS NOT NULL))",
    "athena_geometric_mean(x) AS exp(avg(ln(x)))",
    "athena_millisecond(t) AS date_part('millisecond', t) % 1000",
    "athena_e() AS 2.718281828459045::DOUBLE",
    "athena_infinity() AS 'infinity'::DOUBLE",
    "athena_nan() AS 'nan'::DOUBLE",
)

# What a query may say to the user when one of these stops it.
MESSAGES = {
    "Division by zero": "DIVISION_BY_ZERO",
    "SQL array indices start at 1": "INVALID_FUNCTION_ARGUMENT",
    "Array subscript is negative": "INVALID_FUNCTION_ARGUMENT",
    "Array subscript must be less than or equal to array length": "INVALID_FUNCTION_ARGUMENT",
    "Key not present in map": "INVALID_FUNCTION_ARGUMENT",
}


def used_by(*texts: str) -> list[str]:
    """The macros that these DuckDB texts call."""
    every = " ".join(texts).lower()
    return [macro for macro in MACROS if macro.partition("(")[0] in every]
