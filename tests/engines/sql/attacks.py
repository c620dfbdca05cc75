"""Statements that read what their author may not. `<F>` stands for the path of the data file."""

# Each of these read hidden rows, columns, paths or filters when run in a bare engine over a plain view.
KNOWN_LEAKS = """
select count(*), max(ssn) from read_parquet('<F>')
select count(*), max(ssn) from parquet_scan('<F>')
select max(ssn) from '<F>'
select max(ssn) from "<F>"
from '<F>' select max(ssn)
select stats_max_value from parquet_metadata('<F>') where path_in_schema='ssn'
select * from parquet_schema('<F>')
select * from parquet_file_metadata('<F>')
select * from parquet_kv_metadata('<F>')
select * from parquet_bloom_probe('<F>','id',1)
select octet_length(content) from read_blob('<F>')
select * from read_text('<F>')
select * from read_csv('<F>')
select * from glob('<F>')
select * from query('select count(*) from read_parquet(''<F>'')')
select * from query_table('<F>')
select * from json_execute_serialized_sql(json_serialize_sql('select max(ssn) from read_parquet(''<F>'')'))
select sql from duckdb_views() where view_name='emp'
select definition from pg_catalog.pg_views
select view_definition from information_schema.views
select sql from sqlite_master
select value from duckdb_settings() where name in ('allowed_paths','home_directory','temp_directory')
select current_setting('allowed_paths')
select path from duckdb_external_file_cache()
select stats(salary), stats(name), stats(region) from emp limit 1
explain select * from emp
explain analyze select * from emp
select * from enable_logging(storage='file')
call enable_logging(storage='file')
select * from enable_logging(storage='stdout')
create macro m() as table select max(ssn) from read_parquet('<F>')
from m()
create table zz as select * from read_parquet('<F>')
prepare p as select max(ssn) from read_parquet('<F>')
execute p
describe select * from read_parquet('<F>')
summarize select ssn from read_parquet('<F>')
explain analyze select max(ssn) from read_parquet('<F>')
checkpoint
select 1; select 2
select * from information_schema.tables
select * from duckdb_tables()
select * from duckdb_columns()
select * from duckdb_functions()
select * from duckdb_logs
select * from duckdb_temporary_files()
pragma show_tables
pragma table_info('emp')
select * from sqlite_master
select * from duckdb_secrets()
select which_secret('<F>','s3')
select * from which_secret('<F>','s3')
select max(ssn) from "<F>" where 1 in (with "<F>" as (select 1) select 1)
select * from cte1 where 1 in (with cte1 as (select 1) select 1 from cte1)
""".strip().splitlines()

# Refused whatever the engine would make of them.
HOSTILE = """
select * from read_parquet('<F>')
select * from '<F>'
select * from "<F>"
with x as (select * from read_csv('<F>')) select 1
select (select max(ssn) from parquet_scan('<F>'))
select * from parquet_metadata('<F>')
select * from duckdb_views()
select * from pragma_table_info('lineitem')
select * from information_schema.tables
select * from main.lineitem
select * from system.main.duckdb_tables
select * from sqlite_master
select * from pg_catalog.pg_class
select stats(l_orderkey) from lineitem
select * from query('select 1')
select * from query_table('lineitem')
select * from json_execute_serialized_sql('{}')
select * from enable_logging()
select error('x')
describe lineitem
show tables
summarize lineitem
select * from (describe lineitem)
select * from (show tables)
from (summarize lineitem)
explain select 1
copy lineitem to '/tmp/elsewhere'
attach ':memory:' as z
set threads=1
pragma version
select 1; select 2
create view q as select 1
install httpfs
load httpfs
call pragma_version()
select * from arrow_scan(1,2,3)
select * from seq_scan('lineitem')
select * from pandas_scan(1)
select getenv('HOME')
select current_setting('allowed_paths')
with lineitem as (select 1) select * from orders2
with secret as (select 1) select * from (select * from secret) a, other_secret
select * from python_map_function(1)
insert into lineitem select 1
prepare p as select 1
execute p
with recursive r as (select 1 union all select * from hidden) select * from r
select hidden from lineitem where exists (with cte as (select 1) select * from hidden2)
select * from cte1 where 1 in (with cte1 as (select 1) select 1 from cte1)
""".strip().splitlines()

# Blocked by the engine's own settings as well; kept so that they stay blocked.
OUTSIDE = """
select * from read_text('/etc/passwd')
select * from read_text('/proc/self/environ')
select * from glob('/etc/pass*')
copy (select 1) to '/tmp/elsewhere'
copy (select 1) to '<F>x'
export database '/tmp/elsewhere'
attach '/tmp/elsewhere.db' as other
pragma enable_profiling
set profiling_output='/tmp/elsewhere'
set enable_external_access=true
install httpfs
load '/tmp/x.duckdb_extension'
select getenv('HOME')
select filename from emp
select ssn from emp
select e.ssn from emp e
select emp.ssn from emp
select (select ssn)
select * from emp where ssn like 's%'
select * from emp order by ssn
select count(*) from emp group by ssn
select max(ssn) over () from emp
select * from emp a join emp b using (ssn)
select file_row_number from emp
select rowid from emp
select "$path" from emp
select current_user
select current_schema
select user
select session_user
select * from emp_hidden
select * from other.emp
select * from system.sales.emp
select * from awsdatacatalog.other.emp
select * from t_0
select * from c_0
with x as (select 1) select * from c_0
select * from "emp$partitions"
select * from unnest((select list(ssn) from emp))
select cast('x' as enum('a'))
select 'x'::regclass
select ssn from (select * from emp) x
select x.ssn from (select * from emp) x
select * exclude (id) from emp
select * replace (ssn as id) from emp
select columns('ssn') from emp
select (emp).ssn from emp
select struct_extract(emp, 'ssn') from emp
select emp['ssn'] from emp
""".strip().splitlines()

MUST_PASS_THE_GATE = """
select * from lineitem
with a as (select * from orders) select * from a
select unnest([1,2])
select * from (select * from customer) x where exists(select 1 from orders o where o.o_custkey=x.c_custkey)
select * from customer c, lateral (select * from orders o where o.o_custkey=c.c_custkey) z
select * from range(3)
values (1)
from lineitem select 1
select columns(*) from lineitem
""".strip().splitlines()
