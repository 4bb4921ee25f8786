# redis: types, scripts, pipelines, a load, both ways to persist in a directory of the host, twice
# image: services
# limit: 5m
# volume: /data
# runs: 2
c() { redis-cli --raw "$@"; }
start() {
	redis-server --dir /data --appendonly yes --save "" --daemonize yes --logfile /tmp/redis.log --pidfile /tmp/redis.pid >/dev/null
	await 30 redis-cli ping
}
ended() { ! kill -0 "$1" 2>/dev/null; }
stop() { # MODE
	local pid
	pid=$(cat /tmp/redis.pid)
	c shutdown "$1"
	await 30 ended "$pid"
}
try "the server starts" start || { cat /tmp/redis.log; finish; }
if [ "$RUN" = 2 ]; then
	same "the first container's keys" "20003" "$(c dbsize)"
	same "its list" "3 2 1" "$(c lrange list 0 -1 | xargs)"
	same "its big value" "1000000" "$(c strlen big)"
	finish
fi
same "a value" "OK v" "$(c set k v | xargs) $(c get k)"
same "a list" "3 2 1" "$(c lpush list 1 2 3 >/dev/null; c lrange list 0 -1 | xargs)"
same "a sorted set" "b 2.5 a 3" "$(c zadd z 3 a 2.5 b >/dev/null; c zrange z 0 -1 withscores | xargs)"
same "a script in Lua" "499500" "$(c eval 'local s = 0 for i = 1, 999 do s = s + i end return s' 0)"
same "an expiry" "-2" "$(c set gone 1 px 20 >/dev/null; await 5 test "$(c get gone)" = ""; sleep 0.1; c ttl gone)"
same "a transaction" "OK QUEUED QUEUED 1 2" "$(printf 'multi\nincr n\nincr n\nexec\n' | c | xargs)"
c del k z n >/dev/null
same "a big value" "1000000" "$(head -c 1000000 /dev/zero | tr '\0' x | redis-cli -x set big >/dev/null; c strlen big)"
c set few few >/dev/null
clock pipe eval 'seq 20000 | awk '\''{ printf "SET key:%d value:%d\r\n", $1, $1 }'\'' | redis-cli --pipe >/tmp/pipe'
has "20,000 keys by --pipe" "$(cat /tmp/pipe)" "errors: 0, replies: 20000"
(timeout 60 redis-cli subscribe news >/tmp/news) &
await 30 sh -c 'redis-cli pubsub numsub news | grep -qx 1'
c publish news hello >/dev/null
await 30 grep -q hello /tmp/news
has "published" "$(cat /tmp/news)" "hello"
kill $! 2>/dev/null
clock benchmark try "redis-benchmark" redis-benchmark -n 5000 -c 20 -t set,get,incr,lpush --csv -r 100
echo "$out" | cut -d, -f1,2
c del mylist counter:__rand_int__ >/dev/null
c eval "for _, k in ipairs(redis.call('keys', '*:0000*')) do redis.call('del', k) end return 0" 0 >/dev/null
try "BGREWRITEAOF" c bgrewriteaof
await 60 sh -c 'redis-cli info persistence | grep -q "^aof_rewrite_in_progress:0"'
has "it went well" "$(c info persistence)" "aof_last_bgrewrite_status:ok"
try "BGSAVE" c bgsave
await 60 sh -c 'redis-cli info persistence | grep -q "^rdb_bgsave_in_progress:0"'
has "it went well" "$(c info persistence)" "rdb_last_bgsave_status:ok"
same "keys" "20003" "$(c dbsize)"
stop nosave
try "the dump" redis-check-rdb /data/dump.rdb
try "the log of appends" redis-check-aof /data/appendonlydir/*.manifest
try "started again" start
same "all is there" "20003" "$(c dbsize)"
kill -9 "$(cat /tmp/redis.pid)"
await 10 ended "$(cat /tmp/redis.pid)"
try "started after a kill" start
same "all is there after a kill" "value:777" "$(c get key:777)"
stop save
