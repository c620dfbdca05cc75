"""Generated DuckDB text that was tampered with: what the second gate alone must refuse, and what it must let pass."""

from random import Random

FORBIDDEN_FUNCTIONS = (
    "read_text('/etc/passwd')",
    "getenv('HOME')",
    "current_setting('allowed_paths')",
    "stats({view})",
    "error('x')",
    "query('SELECT 1')",
    "which_secret('a', 's3')",
    "nextval('s')",
    "txid_current()",
    "getvariable('x')",
    "json_execute_serialized_sql('{{}}')",
    "write_log('x')",
    "in_search_path('a', 'b')",
    "athena_nothing(1)",
)
FORBIDDEN_TABLES = (
    "hidden",
    "main.{view}",
    "memory.main.{view}",
    "read_parquet('x')",
    "'x.parquet'",
    '"x.parquet"',
    "duckdb_settings()",
    "information_schema.tables",
    "pg_catalog.pg_class",
    "sqlite_master",
    "query_table('{view}')",
    "parquet_metadata('x')",
    "glob('*')",
    "(DESCRIBE {view})",
    "(SHOW TABLES)",
    "arrow_scan(1, 2, 3)",
    "{view} AT (VERSION => 1)",
    "repeat(1, 3)",
    "md5('x')",
)
WHOLE = (
    "{sql}; SELECT 1",
    "EXPLAIN {sql}",
    "CREATE TABLE z AS {sql}",
    "COPY ({sql}) TO 'x'",
    "PREPARE p AS {sql}",
    "DESCRIBE {sql}",
    "SUMMARIZE {sql}",
    "SET threads = 1",
    "WITH {view} AS (SELECT 1 AS a) SELECT * FROM {view}",
    'WITH "x.parquet" AS (SELECT 1) SELECT * FROM "x.parquet"',
    "SELECT * FROM hidden WHERE 1 IN (WITH hidden AS (SELECT 1) SELECT 1)",
    "SELECT (WITH hidden AS (SELECT 1 AS a) SELECT a FROM hidden), b.* FROM hidden AS b",
    "SELECT * FROM (WITH hidden AS (SELECT 1 AS a) SELECT a FROM hidden) AS x, hidden",
    "WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a",
    "SELECT current_user FROM ({sql}) AS q",
    "SELECT session_user",
    "SELECT current_schema",
    "SELECT COLUMNS('.*') FROM ({sql}) AS q",
    "SELECT COLUMNS(c -> c LIKE 'a%') FROM ({sql}) AS q",
    "SELECT CAST('a' AS mytype)",
    "SELECT CAST(1 AS BIT)",
    "SELECT CAST('x' AS main.mytype)",
    "SELECT stats(1) OVER ()",
    "SELECT lag(getenv('HOME')) OVER ()",
    "SELECT main.getenv('x')",
    "SELECT sum(1) OVER (ORDER BY error('x'))",
    "SELECT ?",
    "SELECT $1",
    "SELECT list_filter([1], lambda x: error('x'))",
    "PIVOT {view} ON k USING count(*)",
    "SELECT * FROM {view} ORDER BY getenv('HOME')",
    "SELECT 1 LIMIT (SELECT count(*) FROM hidden)",
    "SELECT count(*) FILTER (WHERE getenv('a') = '') FROM {view}",
    "SELECT DISTINCT ON (getenv('a')) 1 FROM {view}",
    "SELECT 1 FROM {view} GROUP BY GROUPING SETS ((getenv('a')), ())",
    "SELECT 1 FROM {view} QUALIFY getenv('a') = ''",
    "SELECT 1 FROM {view} HAVING getenv('a') = ''",
    "VALUES (getenv('a'))",
    "SELECT 1 UNION ALL SELECT k FROM hidden",
    "SELECT 1 FROM {view} TABLESAMPLE 10%, hidden",
    "WITH RECURSIVE r AS (SELECT 1 AS a UNION ALL SELECT k FROM hidden) SELECT * FROM r",
    "SELECT * FROM {view} AS a ASOF JOIN hidden AS b ON a.k >= b.k",
)
_AROUND = (
    "SELECT * FROM ({sql}) AS q WHERE EXISTS (SELECT 1 FROM {table})",
    "SELECT * FROM ({sql}) AS q, {table}",
    "SELECT * FROM ({sql}) AS q LEFT JOIN {table} ON true",
    "{sql_plain} UNION ALL SELECT NULL FROM {table}",
    "WITH c AS (SELECT 1 FROM {table}) SELECT * FROM ({sql}) AS q, c",
    "SELECT (SELECT max(1) FROM {table}) FROM ({sql}) AS q",
    "SELECT * FROM ({sql}) AS q, LATERAL (SELECT 1 FROM {table}) AS l",
)
_INSIDE = (
    "SELECT {call} FROM ({sql}) AS q",
    "SELECT 1 FROM ({sql}) AS q WHERE {call} IS NULL",
    "SELECT 1 FROM ({sql}) AS q ORDER BY {call}",
    "SELECT CASE WHEN true THEN {call} END FROM ({sql}) AS q",
    "SELECT count({call}) FROM ({sql}) AS q",
    "SELECT list_transform([1], lambda x: {call}) FROM ({sql}) AS q",
    "SELECT 1 FROM ({sql}) AS q JOIN {view} AS v ON {call} IS NULL",
    "SELECT CAST({call} AS VARCHAR) FROM ({sql}) AS q",
    "SELECT 1 FROM ({sql}) AS q GROUP BY {call}",
    "SELECT [{call}] FROM ({sql}) AS q",
    "SELECT 1 BETWEEN 0 AND {call}",
    "SELECT {{'a': {call}}} FROM ({sql}) AS q",
    "SELECT unnest([{call}])",
    "SELECT * FROM unnest([{call}])",
    "SELECT 1 IN (SELECT {call})",
    "SELECT max(1) OVER (PARTITION BY {call}) FROM ({sql}) AS q",
    "SELECT NOT {call}",
)


def tampered(random: Random, sql: str, view: str) -> str:
    """Text that no gate may let pass, made of text that it must."""
    draw = random.random()
    if draw < 0.35:
        return random.choice(WHOLE).format(sql=sql, view=view)
    if draw < 0.65:
        table = random.choice(FORBIDDEN_TABLES).format(view=view)
        return random.choice(_AROUND).format(sql=sql, sql_plain="SELECT 1", table=table)
    call = random.choice(FORBIDDEN_FUNCTIONS).format(view=view)
    return random.choice(_INSIDE).format(sql=sql, view=view, call=call)
