// rt.c: entry point, system calls, and the four functions that gcc may call
// in freestanding code.
#include "rt.h"

#if defined(__riscv)
__asm__(".globl _start\n"
        "_start:\n"
        ".option push\n.option norelax\n"
        "  la gp, __global_pointer$\n"
        ".option pop\n"
        "  mv a0, sp\n"
        "  andi sp, sp, -16\n"
        "  call start\n");

i64 sys(i64 nr, i64 a, i64 b, i64 c, i64 d) {
    register i64 a7 __asm__("a7") = nr;
    register i64 a0 __asm__("a0") = a;
    register i64 a1 __asm__("a1") = b;
    register i64 a2 __asm__("a2") = c;
    register i64 a3 __asm__("a3") = d;
    register i64 a4 __asm__("a4") = 0;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4) : "memory");
    return a0;
}
#elif defined(__aarch64__)
__asm__(".globl _start\n"
        "_start:\n"
        "  mov x0, sp\n"
        "  and sp, x0, #-16\n"
        "  bl start\n");

i64 sys(i64 nr, i64 a, i64 b, i64 c, i64 d) {
    register i64 x8 __asm__("x8") = nr;
    register i64 x0 __asm__("x0") = a;
    register i64 x1 __asm__("x1") = b;
    register i64 x2 __asm__("x2") = c;
    register i64 x3 __asm__("x3") = d;
    register i64 x4 __asm__("x4") = 0;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
}
#elif defined(__x86_64__)
__asm__(".globl _start\n"
        "_start:\n"
        "  mov %rsp, %rdi\n"
        "  and $-16, %rsp\n"
        "  call start\n");

i64 sys(i64 nr, i64 a, i64 b, i64 c, i64 d) {
    register i64 r10 __asm__("r10") = d;
    register i64 r8 __asm__("r8") = 0;
    i64 r;
    __asm__ volatile("syscall" : "=a"(r) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return r;
}
#else
#error "no system call convention for this architecture"
#endif

u64 now(void) {
    i64 ts[2];
    sys(SYS_clock_gettime, 1, (i64)ts, 0, 0);
    return (u64)ts[0] * 1000000000ul + (u64)ts[1];
}

void *memcpy(void *d, const void *s, u64 n) {
    u8 *p = d;
    for (const u8 *q = s; n; n--) *p++ = *q++;
    return d;
}

void *memmove(void *d, const void *s, u64 n) {
    u8 *p = d;
    const u8 *q = s;
    if (p <= q) {
        for (; n; n--) *p++ = *q++;
    } else {
        while (n--) p[n] = q[n];
    }
    return d;
}

void *memset(void *d, int c, u64 n) {
    for (u8 *p = d; n; n--) *p++ = (u8)c;
    return d;
}

int memcmp(const void *a, const void *b, u64 n) {
    for (const u8 *p = a, *q = b; n; n--, p++, q++)
        if (*p != *q) return *p - *q;
    return 0;
}
