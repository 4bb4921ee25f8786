# PostgreSQL: a cluster, SQL with transactions and roles, a load by pgbench, a restart
# image: services
# limit: 10m
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
as() { setpriv --reuid postgres --regid postgres --init-groups env HOME=/var/lib/postgresql "$@"; }
cd /var/lib/postgresql
mkdir -p /run/postgresql && chown postgres: /run/postgresql
clock initdb try "initdb" as initdb -D data --auth=trust --data-checksums || finish
server() { # the log is not the pipe that try reads to its end
	as pg_ctl -D data -w -t 120 -l log -o "-c listen_addresses=localhost" "$@" >/tmp/pg_ctl 2>&1
}
sql() { as psql -XAtq -v ON_ERROR_STOP=1 -F, "$@"; }
clock start try "the server starts" server start || { cat log; finish; }
try "a table" sql -c "create table t(id serial primary key, name text unique, price numeric(10,2), made timestamptz default now(), doc jsonb)"
try "10,000 rows" sql -c "insert into t(name, price, doc) select 'item ' || n, n * 1.25, jsonb_build_object('n', n, 'tags', array['a', 'b']) from generate_series(1, 10000) n"
same "aggregates" "10000,62506250.00,12500.00" "$(sql -c 'select count(*), sum(price), max(price) from t')"
same "an index on an expression of JSON" "item 4711" "$(sql -c "create index on t(((doc->>'n')::int)); analyze t; select name from t where (doc->>'n')::int = 4711")"
has "the plan uses it" "$(sql -c "explain select name from t where (doc->>'n')::int = 4711")" "Index Scan|Bitmap Index Scan"
same "a transaction rolled back" "10000" "$(sql -c 'begin' -c 'delete from t' -c 'rollback' -c 'select count(*) from t')"
same "a savepoint" "9999" "$(sql -c 'begin' -c 'delete from t where id=1' -c 'savepoint s' -c 'delete from t' -c 'rollback to s' -c 'commit' -c 'select count(*) from t')"
has "a unique key holds" "$(sql -c "insert into t(name) values('item 7')" 2>&1)" "duplicate key value"
same "a window function, a join, a recursive query" "55,10" "$(sql -c 'with recursive f(n) as (select 1 union all select n+1 from f where n < 10), w as (select n, sum(n) over (order by n) s from f) select max(s), count(*) from w join f using (n)')"
same "floating point" "0.1,3.14159265358979,1e+300,NaN" "$(sql -c "select 0.1::float8, pi()::numeric(15,14), 1e300::float8, 'NaN'::float8")"
same "sorting by a collation, and a regular expression" "a,B,c;x42" "$(sql -c "select string_agg(v, ',' order by lower(v)) || ';' || (regexp_match('see x42.', 'x[0-9]+'))[1] from (values ('c'),('a'),('B')) q(v)")"
same "code in PL/pgSQL" "3628800" "$(sql -c 'create function f(n int) returns bigint language plpgsql as $$ declare r bigint := 1; begin for i in 1..n loop r := r * i; end loop; return r; end $$; select f(10)')"
same "a sum of 100,000" "5000050000.0" "$(sql -c 'select sum(n::numeric * 1.0) from generate_series(1,100000) n')"
same "COPY out and in" "9999" "$(sql -c '\copy t to /tmp/t.csv csv' -c 'create table u (like t)' -c '\copy u from /tmp/t.csv csv' -c 'select count(*) from u natural join t')"
same "a role without rights" "ERROR:  permission denied for table t" "$(sql -c 'create role guest login' && sql -U guest -d postgres -c 'select 1 from t' 2>&1)"
same "over TCP" "127.0.0.1" "$(sql -h 127.0.0.1 -c 'select host(inet_server_addr())')"
mkfifo /tmp/in
sql < /tmp/in > /tmp/held & holder=$!
exec 9>/tmp/in
echo "begin; lock table u; select 'held';" >&9
await 60 grep -q held /tmp/held
has "a lock held elsewhere" "$(sql -c 'set lock_timeout=100' -c 'select 1 from u limit 1' 2>&1)" "lock timeout"
echo 'commit;' >&9
exec 9>&-
wait $holder
same "free again" "1" "$(sql -c 'select 1 from u limit 1')"
try "VACUUM FULL ANALYZE" sql -c 'vacuum full analyze'
try "a checkpoint" sql -c checkpoint
if clock "pgbench -i" try "pgbench's tables" as pgbench -i -q -s 1; then
	clock "pgbench 4x100" try "400 transactions of 4 clients" as pgbench -c 4 -j 2 -t 100
	grep -E 'tps|latency average' <<<"$out"
	has "all of them" "$out" "actually processed: 400/400"
	same "its books balance" "t" "$(sql -c 'select (select sum(abalance) from pgbench_accounts) = (select sum(delta) from pgbench_history)')"
fi
try "stopped at once" server stop -m immediate
clock recovery try "started again: recovery" server start || { tail log; finish; }
same "what was there" "9999,400" "$(sql -c 'select (select count(*) from t), (select count(*) from pgbench_history)')"
has "it had to recover" "$(cat log)" "redo (starts|is not required)|database system was not properly shut down"
try "pg_dump" as pg_dump -f /tmp/dump.sql
try "its restoration" sql -c 'create database copy'
try "its restoration" sql -d copy -f /tmp/dump.sql
same "of all rows" "9999" "$(sql -d copy -c 'select count(*) from t')"
try "stopped" server stop
try "its checksums" as pg_checksums --check -D data
