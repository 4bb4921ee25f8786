# tmux: sessions, keys, panes, sizes, copying, a client that comes and goes
# image: services
# limit: 3m
export TMUX_TMPDIR=/tmp
t() { tmux -L t -f /dev/null "$@"; }
screen() { t capture-pane -p -t "${1:-s}"; }
shows() { screen "$1" | grep -qE -- "$2"; }
see() { # WHAT TARGET PATTERN
	if await 30 shows "$2" "$3"; then ok "$1"; else fault "$1: no $3 in:"; screen "$2"; fi
}
try "a session" t new-session -d -s s -x 80 -y 24 "bash --norc"
t send-keys -t s "PS1='> '; echo sum: \$((40 + 2))" Enter
see "keys" s '^sum: 42$'
t send-keys -t s 'stty size; tty' Enter
see "its size" s '^24 80$'
see "its terminal" s '^/dev/pts/[0-9]+$'
try "a pane beside" t split-window -h -t s "bash --norc"
t send-keys -t s:0.1 'echo pane: $COLUMNS; stty size' Enter
see "half as wide" s:0.1 '^24 (39|40)$'
try "resized" t resize-window -t s -x 120 -y 30
t send-keys -t s:0.1 'clear; stty size' Enter
see "the new size" s:0.1 '^30 (59|60)$'
t send-keys -t s:0.0 'sleep 1000' Enter
await 30 pgrep -x sleep
t send-keys -t s:0.0 C-c
t send-keys -t s:0.0 'echo status: $?' Enter
see "interrupted" s:0.0 '^status: 130$'
t send-keys -t s:0.0 'cat > /tmp/typed' Enter
await 30 pgrep -x cat # what is typed ahead of it would be readline's
t send-keys -t s:0.0 'typed text' Enter C-d
if await 30 grep -qx 'typed text' /tmp/typed; then ok "typed into a file"; else fault "typed into a file"; fi
t send-keys -t s:0.0 'sleep 500' Enter
await 30 pgrep -x sleep
t send-keys -t s:0.0 C-z
t send-keys -t s:0.0 'jobs; kill %1' Enter
see "stopped" s:0.0 '^\[1\]\+ +Stopped'
t send-keys -t s:0.0 'clear; seq 500' Enter
see "scrolled" s:0.0 '^500$'
same "its history" "500" "$(t capture-pane -p -S - -t s:0.0 | grep -cE '^[0-9]+$')"
try "a paste" sh -c 'printf "echo pasted" | tmux -L t load-buffer - && tmux -L t paste-buffer -t s:0.0 && tmux -L t send-keys -t s:0.0 Enter'
see "it was run" s:0.0 '^pasted$'
# A client on a terminal of its own: script(1) makes one.
(script -qec 'tmux -L t attach -t s' /tmp/typescript </dev/null >/dev/null 2>&1) &
if await 30 sh -c 'tmux -L t list-clients | grep -q .'; then ok "a client attached"; else fault "no client"; fi
t detach-client -s s
if await 30 sh -c '! tmux -L t list-clients | grep -q .'; then ok "detached"; else fault "still attached"; fi
has "what it drew" "$(tr -d "\0" </tmp/typescript)" "detached \(from session s\)"
same "windows" "0 1 2" "$(t new-window -d -t s; t new-window -d -t s; t list-windows -t s -F '#I' | xargs)"
try "the server ends" t kill-server
