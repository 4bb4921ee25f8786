// Programs that measure the guest kernel: system calls, processes, a shell.
#include "rt.h"

// p_getppid: 200,000 of the cheapest system call.
u64 p_getppid(u64 n, i64 *err) {
    u64 count = part(200000, n);
    i64 first = sys(SYS_getppid, 0, 0, 0, 0);
    for (u64 i = 0; i < count; i++)
        if (sys(SYS_getppid, 0, 0, 0, 0) != first) *err = -5;
    return count;
}

enum { SIGCHLD = 17, EINTR = 4, EIO = 5 };

static i64 wait_for(i64 pid, i32 *status) {
    i64 r;
    do r = sys(SYS_wait4, pid, (i64)status, 0, 0);
    while (r == -EINTR);
    return r < 0 ? r : 0;
}

// p_forkexec: 100 times fork, execute this program with -child, and wait.
// A child that cannot execute exits with errno, which is never 7 here
// (E2BIG: its argument list is two words).
u64 p_forkexec(u64 n, i64 *err) {
    static char *const argv[] = {"c2wbench", "-child", 0};
    static char *const envp[] = {0};
    u64 count = part(100, n);
    for (u64 i = 0; i < count; i++) {
        i64 pid = sys(SYS_clone, SIGCHLD, 0, 0, 0);
        if (pid < 0) return *err = pid, 0;
        if (!pid) {
            i64 e = sys(SYS_execve, (i64)self_path, (i64)argv, (i64)envp, 0);
            sys(SYS_exit_group, -e, 0, 0, 0);
        }
        i32 status = 0;
        if ((*err = wait_for(pid, &status))) return 0;
        if (status != 7 << 8) return *err = status & 0xff00 ? -(status >> 8) : -EIO, 0;
    }
    return count;
}

// p_shell: a shell counts to 15,000, squares modulo 1000003, splits a string and
// runs a case; its last line is the checksum. Builtins only: no program is
// started inside the loop.
u64 p_shell(u64 n, i64 *err) {
    static char script[] =
        "i=0; s=1; w=0\n"
        "while [ $i -lt $1 ]; do\n"
        "  i=$((i+1)); s=$(((s*s+i)%1000003))\n"
        "  case $s in *7) w=$((w+1));; *13*) w=$((w+s));; esac\n"
        "  a=x$s; b=${a#x}; c=${b%?}\n"
        "done\n"
        "echo $((s+w+${#c}))\n";
    char count[24], *p = count + 23;
    *p = 0;
    for (u64 v = part(15000, n); v; v /= 10) *--p = (char)('0' + v % 10);
    char *const argv[] = {"sh", "-c", script, "sh", p, 0};
    char *const envp[] = {"PATH=/bin:/usr/bin", 0};
    i32 fd[2];
    if ((*err = sys(SYS_pipe2, (i64)fd, 0, 0, 0))) return 0;
    i64 pid = sys(SYS_clone, SIGCHLD, 0, 0, 0);
    if (pid < 0) return *err = pid, 0;
    if (!pid) {
        sys(SYS_dup3, fd[1], 1, 0, 0);
        sys(SYS_close, fd[0], 0, 0, 0);
        sys(SYS_close, fd[1], 0, 0, 0);
        i64 e = sys(SYS_execve, (i64)shell_path, (i64)argv, (i64)envp, 0);
        sys(SYS_exit_group, -e, 0, 0, 0);
    }
    sys(SYS_close, fd[1], 0, 0, 0);
    u64 sum = 0;
    u8 b[64];
    for (i64 r; (r = sys(SYS_read, fd[0], (i64)b, sizeof b, 0)) > 0;)
        for (i64 i = 0; i < r; i++)
            if (b[i] >= '0' && b[i] <= '9') sum = sum * 10 + (u64)(b[i] - '0');
    sys(SYS_close, fd[0], 0, 0, 0);
    i32 status = 0;
    if ((*err = wait_for(pid, &status))) return 0;
    if (status) return *err = status & 0xff00 ? -(status >> 8) : -EIO, 0;
    return sum;
}
