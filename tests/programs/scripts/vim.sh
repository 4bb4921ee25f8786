# vim: a script in ex mode, a session on a terminal by keys, recovery of a swap file
# image: services
# limit: 3m
cd /tmp
seq 1000 > f
try "ex mode" vim -Nes -u NONE -c '%s/\v^(\d)(\d)$/\2\1/' -c 'g/7/d' -c '$put =\"end\"' -c 'wq' f
same "what it made" "$({ seq 1000 | sed -E 's/^([0-9])([0-9])$/\2\1/' | grep -v 7; echo end; } | md5sum)" "$(md5sum < f)"
cat > s.vim <<'V'
let l = []
for i in range(1, 100) | call add(l, i * i) | endfor
let d = {'sum': eval(join(l, '+')), 'sqrt': printf('%.6f', sqrt(2.0)), 'sub': substitute('a-b-c', '-', '+', 'g')}
call writefile([d.sum, d.sqrt, d.sub, json_encode(sort(['b', 'a']))], 'out')
qall!
V
try "its language" vim -Nes -u NONE -S s.vim
same "what it computed" '338350 1.414214 a+b+c ["a","b"]' "$(xargs -d '\n' < out)"
# On a terminal: tmux is the user, and what it shows the screen.
export TMUX_TMPDIR=/tmp
screen() { tmux -L v capture-pane -p; }
shows() { screen | grep -qE -- "$1"; }
seq 100 > g
try "on a terminal" tmux -L v -f /dev/null new-session -d -x 80 -y 24 "vim -N -u NONE -c 'set ruler nu' g"
if await 60 shows '^ *1 +1$|^ *1 1$'; then ok "the first screen"; else fault "the first screen"; screen; fi
tmux -L v send-keys 50G
if await 30 shows '50,1'; then ok "to line 50"; else fault "to line 50"; screen; fi
tmux -L v send-keys dd p 'ihello ' Escape
if await 30 shows '50 hello 50|51 hello 50'; then ok "edited"; else fault "edited"; screen; fi
tmux -L v resize-window -x 100 -y 40
tmux -L v send-keys ':w' Enter
if await 30 grep -q 'hello 50' g; then ok "written"; else fault "written"; screen; fi
tmux -L v send-keys ':syntax on' Enter ':split s.vim' Enter
if await 30 shows 's\.vim'; then ok "a second window"; else fault "a second window"; screen; fi
tmux -L v send-keys ':qall' Enter
gone() { ! tmux -L v has-session 2>/dev/null; }
if await 30 gone; then ok "left"; else fault "left"; screen; fi
