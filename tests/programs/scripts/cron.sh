# cron: jobs of the system and of a user, run at the minute
# image: services
# limit: 5m
mkdir -p /var/spool/cron/crontabs
printf '* * * * * tester echo "system $(id -un) $PATH" >> /tmp/system\n' > /etc/cron.d/test
printf 'PATH=/bin\nX=a b\n* * * * * echo "user $(id -un) $X $(pwd)" >> /tmp/user\n' | crontab -
has "crontab -l" "$(crontab -l)" "^X=a b"
install -m 666 /dev/null /tmp/system
try "cron starts" cron || finish
if await 100 test -s /tmp/system; then ok "the system's job"; else fault "the system's job did not run"; fi
has "as its user" "$(cat /tmp/system)" "^system tester /"
if await 70 test -s /tmp/user; then ok "the user's job"; else fault "the user's job did not run"; fi
has "with its variables, at home" "$(cat /tmp/user)" "^user root a b /root"
kill "$(cat /run/crond.pid)"
ended() { ! pgrep -x cron >/dev/null; }
if await 10 ended; then ok "it ends"; else fault "it does not end"; fi
crontab -r
