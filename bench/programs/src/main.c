// main.c: c2wbench [-scale PERCENT] [-repeat N] [-sh PATH] [NAME...]
//
// Runs the named programs, all of them without a name, and prints one line
// each: "NAME NANOSECONDS CHECKSUM", or "NAME error ERRNO". As process 1 it
// switches the machine off afterwards, so that a kernel can start it directly.
#include "rt.h"

const char *self_path = "/proc/self/exe", *shell_path = "/bin/sh";

static const struct {
    const char *name;
    program *run;
} programs[] = {
    {"sieve", p_sieve},       {"crc32", p_crc32},         {"list", p_list},
    {"sort", p_sort},         {"hash", p_hash},           {"matrix", p_matrix},
    {"sha256", p_sha256},     {"nbody", p_nbody},         {"nbody-fma", p_nbody_fma},
    {"getppid", p_getppid},   {"forkexec", p_forkexec},   {"shell", p_shell},
};
enum { NPROGRAMS = sizeof programs / sizeof programs[0] };

static int eq(const char *a, const char *b) {
    while (*a && *a == *b) a++, b++;
    return *a == *b;
}

static char *put(char *p, const char *s) {
    while (*s) *p++ = *s++;
    return p;
}

static char *putn(char *p, u64 v, u32 base) {
    char b[24];
    int n = 0;
    do {
        b[n++] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v);
    while (n) *p++ = b[--n];
    return p;
}

static u64 number(const char *s) {
    u64 v = 0;
    for (; *s >= '0' && *s <= '9' && v < 1000000; s++) v = v * 10 + (u64)(*s - '0');
    return *s ? 0 : v;
}

static void finish(int status) {
    if (sys(SYS_getpid, 0, 0, 0, 0) == 1) // LINUX_REBOOT_CMD_POWER_OFF
        sys(SYS_reboot, (i64)0xfee1dead, 672274793, 0x4321fedc, 0);
    for (;;) sys(SYS_exit_group, status, 0, 0, 0);
}

static void say(int fd, const char *s) {
    u64 n = 0;
    while (s[n]) n++;
    sys(SYS_write, fd, (i64)s, (i64)n, 0);
}

// measure runs program i once and reports whether it worked.
static int measure(int i, u64 scale) {
    char line[128], *p = put(line, programs[i].name);
    i64 err = 0;
    u64 t = now();
    u64 sum = programs[i].run(scale, &err);
    t = now() - t;
    *p++ = ' ';
    if (err) {
        p = putn(put(p, "error "), (u64)-err, 10);
    } else {
        p = putn(p, t, 10);
        *p++ = ' ';
        p = putn(p, sum, 16);
    }
    *p++ = '\n';
    sys(SYS_write, 1, (i64)line, p - line, 0);
    return err == 0;
}

static int run(int argc, char **argv) {
    u64 scale = 100, repeat = 1;
    int a = 1, ok = 1;
    for (; a < argc && argv[a][0] == '-'; a += 2) {
        if (a + 1 == argc) return say(2, "c2wbench: option without a value\n"), 2;
        if (eq(argv[a], "-scale")) scale = number(argv[a + 1]);
        else if (eq(argv[a], "-repeat")) repeat = number(argv[a + 1]);
        else if (eq(argv[a], "-sh")) shell_path = argv[a + 1];
        else return say(2, "c2wbench: options: -scale PERCENT, -repeat N, -sh PATH\n"), 2;
    }
    if (!scale || !repeat) return say(2, "c2wbench: -scale and -repeat want a number above 0\n"), 2;
    for (int k = a; k < argc; k++) {
        int known = 0;
        for (int i = 0; i < NPROGRAMS; i++) known |= eq(argv[k], programs[i].name);
        if (!known) return say(2, "c2wbench: no program "), say(2, argv[k]), say(2, "\n"), 2;
    }
    for (u64 r = 0; r < repeat; r++) {
        for (int i = 0; i < NPROGRAMS; i++) {
            int wanted = a == argc;
            for (int k = a; k < argc; k++) wanted |= eq(argv[k], programs[i].name);
            if (wanted) ok &= measure(i, scale);
        }
    }
    return !ok;
}

// start gets the stack as the kernel left it: argc, argv, 0, envp, 0, auxv.
__attribute__((used, noreturn)) void start(i64 *sp) {
    int argc = (int)sp[0];
    char **argv = (char **)(sp + 1);
    i64 *p = sp + argc + 2;
    while (*p) p++;
    for (p++; p[0]; p += 2)
        if (p[0] == 31) self_path = (const char *)p[1]; // AT_EXECFN
    if (argc == 2 && eq(argv[1], "-child")) finish(7); // p_forkexec's child
    finish(run(argc, argv));
    __builtin_unreachable();
}
