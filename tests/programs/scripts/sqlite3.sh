# sqlite3: SQL, full-text search, both journals, several processes; in a directory of the host as well
# image: services
# limit: 5m
# volume: /data
round() { # DIRECTORY NAME
	local db=$1/t.db
	rm -f "$db"*
	q() { sqlite3 -bail -cmd '.timeout 60000' "$db" "$@"; }
	same "$2: rows" "10000|50005000" "$(q 'create table t(a integer primary key, b text, c real);
		with recursive n(i) as (select 1 union all select i+1 from n where i < 10000) insert into t select i, hex(i*7919), i/3.0 from n;
		select count(*), sum(a) from t')"
	same "$2: an index" "3" "$(q 'create index tb on t(b); select a from t where b = hex(3*7919)')"
	same "$2: rolled back" "10000" "$(q 'begin; delete from t; rollback; select count(*) from t')"
	same "$2: floating point" "16668333.3333" "$(q "select printf('%.4f', sum(c)) from t")"
	same "$2: full text" "2" "$(q "create virtual table f using fts5(x); insert into f values('the quick fox'),('lazy dog'),('quick dog'); select count(*) from f where f match 'quick'")"
	same "$2: JSON and windows" "3|6" "$(q "select count(*), max(s) from (select sum(value) over (order by value) s from json_each('[1,2,3]'))")"
	same "$2: a log ahead" "wal" "$(q 'pragma journal_mode=wal')"
	for p in 1 2 3 4; do
		(for i in $(seq 25); do q "insert into t(b, c) values('p$p', $i)"; done) &
	done
	wait
	same "$2: four writers" "100" "$(q "select count(*) from t where b like 'p_'")"
	same "$2: back" "delete" "$(q 'pragma journal_mode=delete')"
	try "$2: vacuum" q 'delete from t where a % 2; vacuum'
	same "$2: integrity" "ok" "$(q 'pragma integrity_check')"
	same "$2: a copy by its text" "$(q 'select count(*), sum(a) from t')" "$(q .dump | sqlite3 "$1/u.db" && sqlite3 "$1/u.db" 'select count(*), sum(a) from t')"
	q '.backup '"$1"'/v.db'
	same "$2: a copy while open" "ok" "$(sqlite3 "$1/v.db" 'pragma integrity_check')"
}
mkdir -p /tmp/s
clock "in the container's own files" round /tmp/s own
clock "in the host's directory" round /data host
