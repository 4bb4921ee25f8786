// rt.h: all that the benchmark programs know of the system below them.
//
// The programs are freestanding: no libc, so that a difference between two
// engines is never a difference between two libcs, and so that a forked child
// costs the kernel's work and nothing else. 64-bit Linux only.
#ifndef RT_H
#define RT_H

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;
typedef int i32;
typedef long i64;

_Static_assert(sizeof(u64) == 8 && sizeof(u32) == 4, "LP64 only");

// sys makes one raw Linux system call and returns what the kernel returned:
// a negative errno on failure.
i64 sys(i64 nr, i64 a, i64 b, i64 c, i64 d);

#if defined(__x86_64__)
enum { SYS_read = 0, SYS_write = 1, SYS_close = 3, SYS_clone = 56, SYS_execve = 59,
       SYS_exit_group = 231, SYS_wait4 = 61, SYS_getpid = 39, SYS_getppid = 110,
       SYS_reboot = 169, SYS_clock_gettime = 228, SYS_pipe2 = 293, SYS_dup3 = 292 };
#else // the generic table: riscv64, aarch64
enum { SYS_read = 63, SYS_write = 64, SYS_close = 57, SYS_clone = 220, SYS_execve = 221,
       SYS_exit_group = 94, SYS_wait4 = 260, SYS_getpid = 172, SYS_getppid = 173,
       SYS_reboot = 142, SYS_clock_gettime = 113, SYS_pipe2 = 59, SYS_dup3 = 24 };
#endif

// now is CLOCK_MONOTONIC in nanoseconds.
u64 now(void);

// rng is xorshift64: the same numbers on every machine, restarted by each
// program so that the order of programs does not matter.
typedef struct { u64 s; } rng;
static inline u64 rnd(rng *r) {
    r->s ^= r->s << 13;
    r->s ^= r->s >> 7;
    r->s ^= r->s << 17;
    return r->s;
}

// mix folds v into the checksum h (one FNV-1a step on 64 bits).
static inline u64 mix(u64 h, u64 v) { return (h ^ v) * 0x100000001b3ul; }

// A program does its work n times a hundredth of its full size (n is the
// scale, 100 = full) and returns a checksum that depends on n alone, or a
// negative errno in *err.
typedef u64 program(u64 n, i64 *err);
program p_sieve, p_crc32, p_list, p_sort, p_hash, p_matrix, p_sha256,
    p_nbody, p_nbody_fma, p_getppid, p_forkexec, p_shell;

// Where this program and its shell are: set by main before any program runs.
extern const char *self_path, *shell_path;

// part is n hundredths of full, at least 1.
static inline u64 part(u64 full, u64 n) {
    u64 v = full * n / 100;
    return v ? v : 1;
}

#endif
