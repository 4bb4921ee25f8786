# strace: a program from its start, its children, counts, faults injected, one that runs already
# image: tools
# limit: 3m
cd /tmp
try "a program" strace -o a cat /etc/hostname
has "its execution" "$(cat a)" '^execve\("/usr/bin/cat", \["cat", "/etc/hostname"\]'
has "its files" "$(cat a)" '^openat\(AT_FDCWD, "/etc/hostname", O_RDONLY\) = 3'
has "its output" "$(cat a)" '^write\(1, ".*\\n", [0-9]+\) += [0-9]+'
has "its end" "$(cat a)" '^\+\+\+ exited with 0 \+\+\+'
same "the status of its child" 3 "$(strace -f -o b -e trace=process sh -c "/bin/true; /bin/false; exit 3"; echo $?)"
has "both ran" "$(cat b)" 'execve\("/bin/false"'
has "what the parent hears" "$(cat b)" 'exited with 1|WEXITSTATUS\(s\) == 1'
out=$(strace -c ls / 2>&1 >/dev/null)
has "counts" "$out" '^ *[0-9.]+ .* openat$'
out=$(strace -e inject=openat:error=EACCES:when=1+ -e trace=openat cat /etc/passwd 2>&1)
has "injected errors" "$out" 'EACCES \(Permission denied\) \(INJECTED\)|error while loading shared libraries'
out=$(strace -e trace=none -e signal=all sh -c 'kill -USR1 $$' 2>&1)
has "signals" "$out" '^--- SIGUSR1 \{si_signo=SIGUSR1'
sleep 1000 & pid=$!
strace -p $pid -o c & tracer=$!
await 30 grep -q . c
kill $pid
wait $pid 2>/dev/null
wait $tracer
has "attached" "$(cat c)" 'nanosleep|restart_syscall'
has "how it ended" "$(cat c)" 'killed by SIGTERM'
