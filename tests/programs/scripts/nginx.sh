# nginx: files, ranges, compression, a proxy, reload, many connections; curl as the client
# image: services
# limit: 3m
mkdir -p /srv/www /tmp/n/client /var/log/nginx /var/lib/nginx
cat > /tmp/nginx.conf <<'N'
worker_processes 2;
pid /tmp/nginx.pid;
error_log /tmp/nginx.err;
events { worker_connections 512; }
http {
	access_log /tmp/nginx.log;
	include /etc/nginx/mime.types;
	sendfile on;
	gzip on;
	gzip_min_length 100;
	gzip_types text/plain;
	upstream back { server 127.0.0.1:8081; keepalive 4; }
	server {
		listen 8080;
		listen [::1]:8080;
		listen unix:/tmp/nginx.sock;
		root /srv/www;
		location /proxy/ { proxy_pass http://back/; proxy_http_version 1.1; proxy_set_header Connection ""; }
		location /put/ { dav_methods PUT DELETE; client_max_body_size 20m; }
	}
	server { listen 8081; root /srv/www; add_header X-Back yes; }
}
N
seq 200000 > /srv/www/big.txt
head -c 3000000 /dev/urandom > /srv/www/random.bin
echo hello > /srv/www/index.html
chmod -R a+rX /srv
try "the configuration" nginx -t -c /tmp/nginx.conf
try "the server starts" nginx -c /tmp/nginx.conf || { cat /tmp/nginx.err; finish; }
get() { curl -sS --max-time 60 "$@" 2>&1; }
same "a page" "hello" "$(get http://127.0.0.1:8080/)"
same "over IPv6" "hello" "$(get 'http://[::1]:8080/')"
same "over a Unix socket" "hello" "$(get --unix-socket /tmp/nginx.sock http://x/)"
same "3 MB by sendfile" "$(md5sum < /srv/www/random.bin)" "$(get http://127.0.0.1:8080/random.bin | md5sum)"
same "a range" "$(head -c 2000 /srv/www/random.bin | tail -c 1000 | md5sum)" "$(get -r 1000-1999 http://127.0.0.1:8080/random.bin | md5sum)"
same "compressed" "$(md5sum < /srv/www/big.txt)" "$(get -H 'Accept-Encoding: gzip' http://127.0.0.1:8080/big.txt | gzip -d | md5sum)"
same "through the proxy" "$(md5sum < /srv/www/random.bin)" "$(get http://127.0.0.1:8080/proxy/random.bin | md5sum)"
has "with the server's header" "$(get -I http://127.0.0.1:8080/proxy/)" "^X-Back: yes"
same "what is not there" "404" "$(get -o /dev/null -w '%{http_code}' http://127.0.0.1:8080/none)"
same "the unchanged" "304" "$(get -o /dev/null -w '%{http_code}' -z "$(date -u -d '+1 hour' '+%a, %d %b %Y %T GMT')" http://127.0.0.1:8080/)"
old=$(cat /tmp/nginx.pid)
many() {
	seq 200 | xargs -P 16 -n 20 sh -c 'for i; do curl -sS -o /dev/null -w "%{http_code}\n" http://127.0.0.1:8080/big.txt; done' x | sort | uniq -c | xargs
}
clock "200 requests" eval 'got=$(many)'
same "200 requests, 16 at a time" "200 200" "$got"
sed -i 's/X-Back yes/X-Back again/' /tmp/nginx.conf
try "reload" nginx -c /tmp/nginx.conf -s reload
again() { curl -sI http://127.0.0.1:8080/proxy/ | grep -q 'X-Back: again'; }
if await 30 again; then ok "the new configuration"; else fault "the old configuration after a reload"; fi
same "the same master" "$old" "$(cat /tmp/nginx.pid)"
try "it stops" nginx -c /tmp/nginx.conf -s quit
ended() { ! kill -0 "$old" 2>/dev/null; }
if await 30 ended; then ok "it has ended"; else fault "it still runs"; fi
same "the log has all" "0" "$(($(grep -c 'big.txt' /tmp/nginx.log) - 201))"
has "no errors" "errors: $(grep -cE '\[(crit|alert|emerg)\]' /tmp/nginx.err)" "errors: 0"
