-- DuckDB macros that give Athena's answer where DuckDB's own would silently differ; `macros.py` reads them.
-- What fails does so by a cast of one of `macros.MESSAGES` to a number: unlike error(), TRY catches that, and DuckDB may move it
-- as any other expression.


-- Arithmetic. Athena: an error; DuckDB: infinity or NULL
athena_divide(a, b) AS a // CASE WHEN b = 0 THEN CAST('Division by zero' AS BIGINT) ELSE b END;
athena_modulo(a, b) AS a % CASE WHEN b = 0 THEN CAST('Division by zero' AS BIGINT) ELSE b END;
athena_decimal_rest(a, b) AS CASE WHEN b = 0 THEN a % CAST('Division by zero' AS BIGINT) ELSE a % b END;

-- Athena rounds quotients of decimals half away from zero
athena_round_divide(a, b) AS
  CASE WHEN b = 0 THEN CAST('Division by zero' AS HUGEINT) ELSE sign(a) * sign(b) * ((2 * abs(a) + abs(b)) // (2 *
  abs(b))) END;
athena_nan_eq(a, b) AS (a = b AND NOT (isnan(a) AND b IS NOT NULL));
athena_nan_ne(a, b) AS (a <> b OR (isnan(a) AND b IS NOT NULL));
athena_nan_lt(a, b) AS (a < b AND NOT (isnan(b) AND a IS NOT NULL));
athena_nan_le(a, b) AS (a <= b AND NOT (isnan(b) AND a IS NOT NULL));
athena_nan_gt(a, b) AS (a > b AND NOT (isnan(a) AND b IS NOT NULL));
athena_nan_ge(a, b) AS (a >= b AND NOT (isnan(a) AND b IS NOT NULL));
athena_all(l, x) AS CASE WHEN len(list_filter(l, lambda i: i IS NULL)) = 0 THEN x END;
athena_cbrt(x) AS
  CASE WHEN x = 0 OR isinf(x) OR isnan(x) THEN x ELSE cbrt(x) - (cbrt(x) * cbrt(x) * cbrt(x) - x) / (3 * cbrt(x) * cbrt(x)) END;
athena_acos(x) AS CASE WHEN abs(x) <= 1 THEN acos(x) WHEN x IS NOT NULL THEN CAST('nan' AS DOUBLE) END;
athena_asin(x) AS CASE WHEN abs(x) <= 1 THEN asin(x) WHEN x IS NOT NULL THEN CAST('nan' AS DOUBLE) END;
athena_ln(x) AS
  CASE WHEN x > 0 THEN ln(x) WHEN x = 0 THEN CAST('-infinity' AS DOUBLE) WHEN x < 0 THEN CAST('nan' AS DOUBLE) END;
athena_log10(x) AS
  CASE WHEN x > 0 THEN log10(x) WHEN x = 0 THEN CAST('-infinity' AS DOUBLE) WHEN x < 0 THEN CAST('nan' AS DOUBLE)
  END;
athena_sqrt(x) AS CASE WHEN x >= 0 THEN sqrt(x) WHEN x < 0 THEN CAST('nan' AS DOUBLE) END;
athena_width_bucket(x, a, b, n) AS
  CASE WHEN n <= 0 THEN CAST('bucketCount must be greater than 0' AS BIGINT) WHEN a < b THEN CASE WHEN x < a THEN 0
  WHEN x >= b THEN n + 1 ELSE CAST(floor(n * (x - a) / (b - a)) AS BIGINT) + 1 END ELSE CASE WHEN x > a THEN 0 WHEN
  x <= b THEN n + 1 ELSE CAST(floor(n * (a - x) / (a - b)) AS BIGINT) + 1 END END;
athena_bit_count(x, n) AS
  CAST(bit_count(CASE WHEN n = 64 THEN x WHEN n NOT BETWEEN 2 AND 64 THEN CAST('bits must be between 2 and 64' AS
  BIGINT) ELSE x & ((CAST(1 AS BIGINT) << CAST(n AS BIGINT)) - 1) END) AS BIGINT);
athena_from_base(s, n) AS
  CAST(list_reduce( list_transform(string_split(lower(s), ''), lambda c: CASE WHEN position(c IN
  '0123456789abcdefghijklmnopqrstuvwxyz') BETWEEN 1 AND n THEN CAST(position(c IN
  '0123456789abcdefghijklmnopqrstuvwxyz') - 1 AS HUGEINT) ELSE CAST('Not a valid base number' AS HUGEINT) END),
  lambda p, q: p * n + q, CAST(0 AS HUGEINT)) AS BIGINT);

-- Texts
athena_chr(n) AS
  chr(CAST(CASE WHEN n BETWEEN 0 AND 1114111 THEN n ELSE CAST('Not a valid Unicode code point' AS BIGINT) END AS
  INTEGER));
athena_codepoint(s) AS
  CASE WHEN length(s) = 1 THEN unicode(s) WHEN s IS NOT NULL THEN
  CAST('Input string must be a single character string' AS INTEGER) END;
athena_concat(l) AS CASE WHEN len(list_filter(l, lambda i: i IS NULL)) = 0 THEN array_to_string(l, '') END;
athena_concat_ws(s, l) AS array_to_string(list_filter(l, lambda i: i IS NOT NULL), s);
athena_pad_size(n, p) AS
  CAST(CASE WHEN p = '' THEN CAST('Padding string must not be empty' AS BIGINT) WHEN n BETWEEN 0 AND 2147483647 THEN
  n ELSE CAST('Target length must be in the range [0..2147483647]' AS BIGINT) END AS INTEGER);
athena_lpad(s, n, p) AS lpad(s, athena_pad_size(n, p), p);
athena_rpad(s, n, p) AS rpad(s, athena_pad_size(n, p), p);
athena_ltrim(s) AS ltrim(s, e' \t\n\r\f\v');
athena_rtrim(s) AS rtrim(s, e' \t\n\r\f\v');
athena_trim(s) AS trim(s, e' \t\n\r\f\v');
athena_not_empty(s) AS
  CASE WHEN s = '' THEN CAST(CAST('The delimiter may not be the empty string' AS BIGINT) AS VARCHAR) ELSE s END;
athena_split_limit(s, d, n) AS
  CASE WHEN n <= 0 THEN list_value(CAST(CAST('Limit must be positive' AS BIGINT) AS VARCHAR))
  WHEN len(string_split(s, d)) <= n THEN string_split(s, d) ELSE
  list_append(list_slice(string_split(s, d), 1, n - 1),
  array_to_string(list_slice(string_split(s, d), n, len(string_split(s, d))), d)) END;
athena_split_part(s, d, i) AS
  string_split(s, d)[ CASE WHEN i > 0 THEN i ELSE CAST('Index must be greater than zero' AS BIGINT) END];
athena_strpos(s, p, n) AS
  CASE WHEN n = 0 THEN CAST('Index must be greater than zero' AS BIGINT) WHEN s IS NULL OR p IS NULL THEN NULL WHEN
  p = '' THEN 1 WHEN abs(n) >= len(string_split(s, p)) THEN 0 WHEN n > 0 THEN
  length(array_to_string(list_slice(string_split(s, p), 1, n), p)) + 1 ELSE
  length(array_to_string(list_slice(string_split(s, p), 1, len(string_split(s, p)) + n), p)) + 1 END;

-- Athena: position 0 is nowhere; DuckDB: it is before the first character
athena_substring(s, i) AS CASE WHEN i = 0 OR abs(i) > length(s) THEN '' ELSE substring(s, i) END;
athena_substring_to(s, i, n) AS
  CASE WHEN i = 0 OR n <= 0 OR abs(i) > length(s) THEN '' ELSE substring(s, i, n) END;
athena_url_encode(s) AS replace(replace(replace(url_encode(s), '%20', '+'), '%2A', '*'), '~', '%7E');
athena_url_part(s, n) AS
  nullif(regexp_extract(s,
  '^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(?://(?:[^/?#@]*@)?([^/?#:]*)(?::([0-9]+))?)?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$',
  n), '');
athena_url_text(s, n) AS
  CASE WHEN regexp_matches(s,
  '^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(?://(?:[^/?#@]*@)?([^/?#:]*)(?::([0-9]+))?)?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$')
  THEN regexp_extract(s,
  '^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(?://(?:[^/?#@]*@)?([^/?#:]*)(?::([0-9]+))?)?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$',
  n) END;
athena_url_parameter(s, p) AS
  url_decode(replace(split_part(list_filter( string_split(regexp_extract(s,
  '^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(?://(?:[^/?#@]*@)?([^/?#:]*)(?::([0-9]+))?)?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$',
  5), '&'), lambda q: split_part(q, '=', 1) = p)[1] || '=', '=', 2), '+', ' '));
athena_regexp_extract(s, p, g) AS CASE WHEN regexp_matches(s, p) THEN regexp_extract(s, p, g) END;
athena_regexp_position(s, p) AS
  CASE WHEN regexp_matches(s, p) THEN length(string_split_regex(s, p)[1]) + 1 WHEN s IS NOT NULL AND p IS NOT NULL
  THEN -1 END;

-- Casts
athena_boolean(s) AS
  CASE WHEN lower(s) IN ('t', 'true', '1') THEN true WHEN lower(s) IN ('f', 'false', '0') THEN false WHEN s IS NOT
  NULL THEN CAST(CAST('Cannot cast value' AS BIGINT) AS BOOLEAN) END;
athena_digits(s) AS
  CASE WHEN regexp_full_match(s, '[+-]?[0-9]+') THEN s WHEN s IS NOT NULL THEN CAST(CAST('Cannot cast value' AS
  BIGINT) AS VARCHAR) END;
athena_fits(s, n) AS
  CASE WHEN length(s) <= n THEN s WHEN s IS NOT NULL THEN
  CAST(CAST('Value cannot be represented in so few characters' AS BIGINT) AS VARCHAR) END;
athena_scientific(e, plain, size) AS
  regexp_replace(regexp_replace( CASE WHEN plain LIKE '%e%' THEN regexp_replace(plain, '^(-?[0-9]+)e', '\1.0e') ELSE
  CASE WHEN plain LIKE '-%' THEN '-' ELSE '' END || athena_mantissa(ltrim(replace(ltrim(plain, '-'), '.', ''), '0'))
  || 'e' || regexp_extract(e, 'e(.*)$', 1) END, 'e\+?(-?)0*([0-9]+)$', 'E\1\2'), '^$', '');
athena_mantissa(d) AS
  left(d, 1) || '.' || CASE WHEN rtrim(substring(d, 2), '0') = '' THEN '0' ELSE rtrim(substring(d, 2), '0') END;
athena_double_text(x) AS
  CASE WHEN isnan(x) THEN 'NaN' WHEN isinf(x) THEN CASE WHEN x > 0 THEN 'Infinity' ELSE '-Infinity' END WHEN x = 0
  THEN CASE WHEN CAST(x AS VARCHAR) LIKE '-%' THEN '-0.0E0' ELSE '0.0E0' END ELSE
  athena_scientific(format('{:.16e}', x), CAST(x AS VARCHAR), abs(x)) END;
athena_real_double(x) AS
  CAST(CASE WHEN CAST(format('{:.5e}', x) AS FLOAT) = x THEN format('{:.5e}', x)
  WHEN CAST(format('{:.6e}', x) AS FLOAT) = x THEN format('{:.6e}', x)
  WHEN CAST(format('{:.7e}', x) AS FLOAT) = x THEN format('{:.7e}', x) ELSE format('{:.8e}', x) END AS DOUBLE);
athena_real_text(x) AS athena_double_text(athena_real_double(x));
athena_json_text(j) AS
  CASE WHEN json_type(j) IN ('OBJECT', 'ARRAY') THEN CAST(CAST('Cannot cast value' AS BIGINT) AS VARCHAR) ELSE
  json_extract_string(j, '$') END;
athena_days_text(i) AS
  CASE WHEN epoch_ms(i) < 0 THEN '-' ELSE '' END || (abs(epoch_ms(i)) // 86400000) || ' ' ||
  lpad(CAST(abs(epoch_ms(i)) // 3600000 % 24 AS VARCHAR), 2, '0') || ':' || lpad(CAST(abs(epoch_ms(i)) // 60000 % 60
  AS VARCHAR), 2, '0') || ':' || lpad(CAST(abs(epoch_ms(i)) // 1000 % 60 AS VARCHAR), 2, '0') || '.' ||
  lpad(CAST(abs(epoch_ms(i)) % 1000 AS VARCHAR), 3, '0');
athena_months(i) AS CAST(date_part('year', i) * 12 + date_part('month', i) AS BIGINT);
athena_months_text(i) AS
  CASE WHEN athena_months(i) < 0 THEN '-' ELSE '' END || (abs(athena_months(i)) // 12) || '-' ||
  (abs(athena_months(i)) % 12);
athena_to_millis(t) AS date_trunc('millisecond', t + to_microseconds(500));
athena_to_precision(t, n) AS
  t + to_microseconds(n // 2) - to_microseconds((date_part('microsecond', t) + n // 2) % n);
athena_date(s) AS
  CASE WHEN regexp_full_match(s, '\s*[+-]?\d{4,}-\d{1,2}-\d{1,2}\s*') THEN CAST(s AS DATE) WHEN s IS NOT NULL THEN
  DATE '1970-01-01' + CAST(CAST('Cannot cast value' AS BIGINT) AS INTEGER) END;
athena_timestamp(s) AS
  CASE WHEN regexp_full_match(s, '\s*\d{4,}-\d{1,2}-\d{1,2}(?: +\d{1,2}:\d{1,2}(?::\d{1,2}(?:\.\d{1,12})?)?)?\s*')
  THEN CAST(s AS TIMESTAMP) WHEN s IS NOT NULL THEN make_timestamp(CAST('Cannot cast value' AS BIGINT)) END;
athena_timestamp_tz(s) AS
  timezone('UTC', CASE WHEN regexp_full_match(s,
  '\s*\d{4,}-\d{1,2}-\d{1,2}(?: +\d{1,2}:\d{1,2}(?::\d{1,2}(?:\.\d{1,12})?)?)?\s*(?: *UTC| *Z)?') THEN
  CAST(regexp_replace(s, ' *(UTC|Z)$', '') AS TIMESTAMP) WHEN s IS NOT NULL THEN
  make_timestamp(CAST('The time zone of a value is not UTC' AS BIGINT)) END);
athena_time(s) AS
  CASE WHEN regexp_full_match(s, '\s*\d{1,2}:\d{1,2}(?::\d{1,2}(?:\.\d{1,12})?)?\s*') THEN CAST(CASE WHEN s LIKE
  '%:%:%' THEN s ELSE s || ':00' END AS TIME) WHEN s IS NOT NULL THEN CAST(make_timestamp(CAST('Cannot cast value'
  AS BIGINT)) AS TIME) END;
athena_iso_moment(s) AS
  timezone('UTC', CASE WHEN regexp_full_match(s,
  '\d{4}-\d{2}-\d{2}(?:T\d{2}(?::\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?)?)?(?:Z|[+-]00(?::?00)?)?') THEN
  CAST(regexp_replace(replace(s, 'T', ' '), '(Z|[+-]00:?(00)?)$', '') AS TIMESTAMP) WHEN s IS NOT NULL THEN
  make_timestamp(CAST('The time zone of a value is not UTC' AS BIGINT)) END);
athena_whole_days(i) AS
  CASE WHEN epoch_ms(i) % 86400000 = 0 THEN i WHEN i IS NOT NULL THEN
  to_days(CAST(CAST('Cannot add hour, minutes or seconds to a date' AS BIGINT) AS INTEGER)) END;

-- Arrays and maps. Athena: an error outside of the array or map; DuckDB: NULL
athena_subscript(a, i) AS
  a[CASE WHEN i = 0 THEN CAST('SQL array indices start at 1' AS BIGINT) WHEN i < 0 THEN
  CAST('Array subscript is negative' AS BIGINT) WHEN i > len(a) THEN
  CAST('Array subscript must be less than or equal to array length' AS BIGINT) ELSE i END];
athena_element_at(a, i) AS a[CASE WHEN i = 0 THEN CAST('SQL array indices start at 1' AS BIGINT) ELSE i END];
athena_key(m, k) AS
  map_values(m)[CASE WHEN NOT map_contains(m, k) THEN CAST('Key not present in map' AS BIGINT) ELSE
  list_position(map_keys(m), k) END];
athena_array_concat(a, b) AS CASE WHEN a IS NOT NULL AND b IS NOT NULL THEN list_concat(a, b) END;

-- Athena keeps the order, and one NULL
athena_array_distinct(a) AS
  list_filter(a, lambda x, i: CASE WHEN x IS NULL THEN len(list_filter(list_slice(a, 1, i), lambda z: z IS NULL)) =
  1 ELSE list_position(a, x) = i END);
athena_array_except(a, b) AS
  CASE WHEN b IS NOT NULL THEN athena_array_distinct(list_filter(a, lambda x: NOT athena_has(b, x))) END;
athena_array_intersect(a, b) AS
  CASE WHEN b IS NOT NULL THEN athena_array_distinct(list_filter(a, lambda x: athena_has(b, x))) END;
athena_has(a, x) AS
  CASE WHEN x IS NULL THEN len(list_filter(a, lambda y: y IS NULL)) > 0 ELSE list_contains(a, x) END;
athena_array_end(a, x) AS CASE WHEN len(list_filter(a, lambda y: y IS NULL)) = 0 THEN x END;
athena_array_position(a, x) AS
  CASE WHEN a IS NOT NULL AND x IS NOT NULL THEN coalesce(CAST(list_position(a, x) AS BIGINT), 0) END;
athena_array_remove(a, x) AS CASE WHEN x IS NOT NULL THEN list_filter(a, lambda y: y IS NULL OR y <> x) END;
athena_arrays_overlap(a, b) AS
  CASE WHEN a IS NULL OR b IS NULL THEN NULL WHEN list_has_any(a, b) THEN true WHEN (athena_has(a, NULL) AND len(b)
  > 0) OR (athena_has(b, NULL) AND len(a) > 0) THEN NULL ELSE false END;
athena_array_histogram(a) AS
  map_from_entries(list_transform(list_distinct(a), lambda x: struct_pack(k := x, v := CAST(len(list_filter(a,
  lambda y: y = x)) AS BIGINT))));
athena_contains(a, x) AS
  CASE WHEN a IS NULL OR x IS NULL THEN NULL WHEN list_contains(a, x) THEN true WHEN athena_has(a, NULL) THEN NULL
  ELSE false END;
athena_contains_sequence(a, b) AS
  CASE WHEN a IS NOT NULL AND b IS NOT NULL THEN len(b) = 0 OR len(list_filter(range(1, len(a) - len(b) + 2), lambda
  i: list_slice(a, i, i + len(b) - 1) = b)) > 0 END;
athena_ngrams(a, n) AS
  CASE WHEN n <= 0 THEN list_value(list_slice(a, 1, CAST('N must be positive' AS BIGINT))) WHEN len(a) <= n THEN
  list_value(a) WHEN a IS NOT NULL THEN list_transform(range(1, len(a) - n + 2), lambda i: list_slice(a, i, i + n -
  1)) END;
athena_all_match(l) AS
  CASE WHEN list_contains(l, false) THEN false WHEN athena_has(l, NULL) THEN NULL WHEN l IS NOT NULL THEN true END;
athena_any_match(l) AS
  CASE WHEN list_contains(l, true) THEN true WHEN athena_has(l, NULL) THEN NULL WHEN l IS NOT NULL THEN false END;
athena_step(a, b, s) AS
  CASE WHEN (s > 0 AND b < a) OR (s < 0 AND b > a) OR s = 0 THEN
  CAST('sequence stop value should be greater than or equal to start value if step is greater than zero' AS BIGINT)
  WHEN (b - a) // s >= 10000 THEN CAST('result of sequence function must not have more than 10000 entries' AS
  BIGINT) ELSE s END;
athena_sequence(a, b) AS generate_series(a, b, athena_step(a, b, CASE WHEN b < a THEN -1 ELSE 1 END));
athena_sequence_by(a, b, s) AS generate_series(a, b, athena_step(a, b, s));
athena_sequence_of_days(a, b) AS
  list_transform(generate_series(0, CAST(b - a AS BIGINT), athena_step(0, CAST(b - a AS BIGINT), CASE WHEN b < a
  THEN -1 ELSE 1 END)), lambda i: a + CAST(i AS INTEGER));
athena_sequence_of_times(a, b, s) AS
  CASE WHEN abs(epoch_ms(CAST(b AS TIMESTAMP) - CAST(a AS TIMESTAMP))) >= 10000 * abs(epoch_ms(s)) THEN
  list_value(make_timestamp(CAST('result of sequence function must not have more than 10000 entries' AS BIGINT)))
  ELSE generate_series(CAST(a AS TIMESTAMP), CAST(b AS TIMESTAMP), s) END;
athena_slice(a, i, n) AS
  list_slice(a, CASE WHEN i = 0 THEN CAST('SQL array indices start at 1' AS BIGINT) WHEN i < 0 THEN CASE WHEN -i >
  len(a) THEN len(a) + 1 ELSE len(a) + i + 1 END ELSE i END, CASE WHEN n < 0 THEN
  CAST('length must be greater than or equal to 0' AS BIGINT) WHEN i < 0 THEN CASE WHEN -i > len(a) THEN 0 ELSE
  len(a) + i + n END ELSE i + n - 1 END);
athena_trim_array(a, n) AS
  list_slice(a, 1, CASE WHEN n > len(a) THEN CAST('size must not exceed array cardinality' AS BIGINT) ELSE len(a) -
  n END);
athena_zip_rows(a, b) AS
  CASE WHEN a IS NOT NULL AND b IS NOT NULL THEN list_transform(list_zip(a, b), lambda e: struct_pack(field0 :=
  struct_extract_at(e, 1), field1 := struct_extract_at(e, 2))) END;
athena_map_entries(m) AS
  list_transform(map_entries(m), lambda e: struct_pack(field0 := e.key, field1 := e.value));
athena_map_from_entries(l) AS
  map(list_transform(l, lambda e: struct_extract_at(e, 1)), list_transform(l, lambda e: struct_extract_at(e, 2)));

-- Dates and times
athena_from_unixtime(x) AS to_timestamp(round(x, 3));
athena_human_seconds(x) AS
  CASE WHEN round(x) = 0 THEN '0 seconds' ELSE array_to_string(list_filter(list_transform( [[CAST(round(x) AS
  BIGINT) // 604800, 1], [CAST(round(x) AS BIGINT) // 86400 % 7, 2], [CAST(round(x) AS BIGINT) // 3600 % 24, 3],
  [CAST(round(x) AS BIGINT) // 60 % 60, 4], [CAST(round(x) AS BIGINT) % 60, 5]], lambda p: CASE WHEN p[1] > 0 THEN
  p[1] || ' ' || ['week', 'day', 'hour', 'minute', 'second'][p[2]] || CASE WHEN p[1] > 1 THEN 's' ELSE '' END END),
  lambda t: t IS NOT NULL), ', ') END;

-- JSON. Athena: NULL for an object or array, and for text that is not JSON
athena_json_or_null(s) AS CASE WHEN json_valid(s) THEN CAST(s AS JSON) END;
athena_json_scalar(j, p) AS
  CASE WHEN json_valid(j) AND json_type(j, p) NOT IN ('OBJECT', 'ARRAY') THEN json_extract_string(j, p) END;
athena_json_array_length(j) AS CASE WHEN json_type(j) = 'ARRAY' THEN json_array_length(j) END;
athena_json_size(j) AS
  CAST(CASE json_type(j) WHEN 'ARRAY' THEN json_array_length(j) WHEN 'OBJECT' THEN len(json_keys(j)) WHEN NULL THEN
  NULL ELSE CASE WHEN j IS NOT NULL THEN 0 END END AS BIGINT);

-- Aggregates
athena_map_agg(l) AS athena_first_of_keys(list_filter(l, lambda e: struct_extract_at(e, 1) IS NOT NULL));
athena_first_of_keys(l) AS
  CASE WHEN len(l) = 0 THEN NULL WHEN list_unique(list_transform(l, lambda e: struct_extract_at(e, 1))) = len(l)
  THEN map_from_entries(l) ELSE map_from_entries(list_filter(l, lambda e, i: list_position(list_transform(l, lambda
  f: struct_extract_at(f, 1)), struct_extract_at(e, 1)) = i)) END;
athena_multimap_agg(l) AS
  CASE WHEN len(list_filter(l, lambda e: e.k IS NOT NULL)) > 0 THEN map(list_distinct(list_transform(l, lambda e:
  e.k)), list_transform(list_distinct(list_transform(l, lambda e: e.k)), lambda key: list_transform(list_filter(l,
  lambda e: e.k = key), lambda e: e.v))) END;
athena_top(m, n) AS
  map_from_entries(list_transform(list_slice(list_reverse_sort(list_transform(map_entries(m), lambda e:
  struct_pack(n := e.value, k := e.key))), 1, n), lambda e: struct_pack(k := e.k, v := e.n)));
athena_skewness(s, n) AS CASE WHEN n > 2 THEN s * (n - 2) / sqrt(CAST(n AS DOUBLE) * (n - 1)) END;
athena_values(l) AS list_transform(l, lambda e: struct_extract_at(e, 1));

-- Further texts and maps
athena_split_to_map(s, e, k) AS
  map(list_transform(string_split(s, e), lambda p: split_part(p, k, 1)),
  list_transform(string_split(s, e), lambda p: substring(p, length(split_part(p, k, 1)) + length(k) + 1)));
athena_multimap_from_entries(l) AS
  map(list_distinct(list_transform(l, lambda e: struct_extract_at(e, 1))),
  list_transform(list_distinct(list_transform(l, lambda e: struct_extract_at(e, 1))), lambda key:
  list_transform(list_filter(l, lambda e: struct_extract_at(e, 1) = key), lambda e: struct_extract_at(e, 2))));
athena_luhn_check(s) AS
  list_sum(list_transform(string_split(reverse(s), ''), lambda c, i:
  CASE WHEN i % 2 = 1 THEN CAST(athena_digits(c) AS INTEGER) ELSE CAST(c AS INTEGER) * 2 // 10 + CAST(c AS INTEGER) * 2 % 10 END))
  % 10 = 0;
athena_format_number(x) AS
  CASE WHEN abs(x) >= 1e15 THEN athena_short_number(x / 1e15) || 'Q' WHEN abs(x) >= 1e12 THEN athena_short_number(x / 1e12) || 'T'
  WHEN abs(x) >= 1e9 THEN athena_short_number(x / 1e9) || 'B' WHEN abs(x) >= 1e6 THEN athena_short_number(x / 1e6) || 'M'
  WHEN abs(x) >= 1e3 THEN athena_short_number(x / 1e3) || 'K' ELSE athena_short_number(x) END;
athena_short_number(x) AS
  CASE WHEN abs(x) >= 100 OR x = trunc(x) THEN format('{:.0f}', x)
  WHEN abs(x) >= 10 THEN rtrim(rtrim(format('{:.1f}', x), '0'), '.') ELSE rtrim(rtrim(format('{:.2f}', x), '0'), '.') END;
-- Iceberg's bucket[n]: MurmurHash3 of 32 bits, over the eight bytes of a number or a text's UTF-8. Of operators on bits
-- none binds tighter than another here.
athena_hash_mix(k) AS
  ((((((k * 3432918353::UBIGINT) & 4294967295::UBIGINT) << 15) | (((k * 3432918353::UBIGINT) & 4294967295::UBIGINT) >> 17))
  & 4294967295::UBIGINT) * 461845907::UBIGINT) & 4294967295::UBIGINT;
athena_hash_step(h, k) AS
  (((((xor(h, athena_hash_mix(k)) << 13) | (xor(h, athena_hash_mix(k)) >> 19)) & 4294967295::UBIGINT) * 5::UBIGINT)
  + 3864292196::UBIGINT) & 4294967295::UBIGINT;
athena_hash_fold(h) AS xor(h, h >> 16);
athena_hash_last(h) AS
  athena_hash_fold((xor((athena_hash_fold(h) * 2246822507::UBIGINT) & 4294967295::UBIGINT,
    ((athena_hash_fold(h) * 2246822507::UBIGINT) & 4294967295::UBIGINT) >> 13) * 3266489909::UBIGINT) & 4294967295::UBIGINT);
athena_hash_long(v) AS athena_hash_last(xor(athena_hash_step(athena_hash_step(0::UBIGINT,
  CAST(v & 4294967295 AS UBIGINT)), CAST((v >> 32) & 4294967295 AS UBIGINT)), 8::UBIGINT));
athena_hash_bytes(x, i, n) AS CAST('0x' || CASE n WHEN 4 THEN substring(x, i + 6, 2) ELSE '' END
  || CASE WHEN n >= 3 THEN substring(x, i + 4, 2) ELSE '' END || CASE WHEN n >= 2 THEN substring(x, i + 2, 2) ELSE '' END
  || substring(x, i, 2) AS UBIGINT);
athena_hash_hex(x) AS athena_hash_last(xor(xor(
  list_reduce(list_concat([0::UBIGINT], list_transform(range(len(x) // 8), lambda b: athena_hash_bytes(x, b * 8 + 1, 4))),
    lambda h, k: athena_hash_step(h, k)),
  CASE WHEN len(x) % 8 > 0 THEN athena_hash_mix(athena_hash_bytes(x, len(x) - len(x) % 8 + 1, len(x) % 8 // 2)) ELSE 0::UBIGINT END),
  CAST(len(x) // 2 AS UBIGINT)));
athena_bucket_long(v, n) AS CAST((athena_hash_long(CAST(v AS BIGINT)) & 2147483647::UBIGINT) % n AS INTEGER);
athena_bucket_text(s, n) AS CAST((athena_hash_hex(hex(encode(s))) & 2147483647::UBIGINT) % n AS INTEGER);
