// libm.c: ordinary C with a C library's floating point, as users' programs have it:
//
//     libm NAME COUNT [NAME COUNT...]
//
// calls each named function COUNT times and prints "NAME NANOSECONDS CHECKSUM". The
// checksum is the bits of a sum, rounded to binary32 where two C libraries may differ
// in the last place. nbody is five bodies for COUNT steps.
#include <fenv.h>
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOP(name, expr)                             \
    static double f_##name(long n) {                 \
        volatile double s = 0;                       \
        for (long i = 0; i < n; i++) {               \
            volatile double v = 0.001 * (double)i; /* no fused sum */ \
            double x = v + 0.3;                      \
            (void)x;                                 \
            s += (expr);                             \
        }                                            \
        return s;                                    \
    }

static double print(double x) {
    char b[40];
    snprintf(b, sizeof b, "%.10g", x);
    return b[1];
}

static double twoParts(double x) {
    double whole;
    return modf(x, &whole) + whole;
}

static double longDouble(double x) {
    volatile long double l = x;
    l *= 1.1L;
    return (double)(l + 0.7L);
}

static double newFlags(double x) {
    feclearexcept(FE_ALL_EXCEPT);
    volatile double y = x * 1.1;
    return y + !!fetestexcept(FE_INEXACT);
}

LOOP(sin, sin(x))
LOOP(exp, exp(-x))
LOOP(pow, pow(x, 1.3))
LOOP(log, log(x))
LOOP(floor, floor(x))
LOOP(round, round(x))
LOOP(rint, rint(x))
LOOP(lround, (double)lround(x))
LOOP(sqrt, sqrt(x))
LOOP(fmod, fmod(x, 0.7))
LOOP(fmax, fmax(x, 50))
LOOP(isless, isless(x, 50) + (x > 70))
LOOP(unsigned, (double)(uint64_t)(x * 1e9))
LOOP(hypot, hypot(x, 2))
LOOP(atan2, atan2(x, 2))
LOOP(cbrt, cbrt(x))
LOOP(ldexp, ldexp(x, (int)(i & 7)))
LOOP(modf, twoParts(x))
LOOP(printf, print(x))
LOOP(strtod, strtod(i & 1 ? "3.14159265" : "2.5e-3", 0))
LOOP(longdouble, longDouble(x))
LOOP(fenv, newFlags(x))

struct body {
    double x, y, z, vx, vy, vz, mass;
};

static void advance(struct body *b, int n, double dt) {
    for (int i = 0; i < n; i++) {
        struct body *p = &b[i];
        for (int j = i + 1; j < n; j++) {
            struct body *q = &b[j];
            double dx = p->x - q->x, dy = p->y - q->y, dz = p->z - q->z;
            double d = sqrt(dx * dx + dy * dy + dz * dz);
            double pull = dt / (d * d * d);
            p->vx -= dx * q->mass * pull;
            p->vy -= dy * q->mass * pull;
            p->vz -= dz * q->mass * pull;
            q->vx += dx * p->mass * pull;
            q->vy += dy * p->mass * pull;
            q->vz += dz * p->mass * pull;
        }
    }
    for (int i = 0; i < n; i++) {
        b[i].x += dt * b[i].vx;
        b[i].y += dt * b[i].vy;
        b[i].z += dt * b[i].vz;
    }
}

static double f_nbody(long n) {
    enum { BODIES = 5 };
    struct body b[BODIES];
    for (int i = 0; i < BODIES; i++) {
        double r = i * 2.5, s = i ? 0.55 / i : 0;
        b[i] = (struct body){r, 0.3 * i, -0.1 * r, 0.01 * i, s, 0.02 * s, i ? 1e-3 / i : 39.5};
    }
    while (n-- > 0) advance(b, BODIES, 0.001);
    return b[1].x;
}

static const struct {
    const char *name;
    double (*run)(long);
} functions[] = {
    {"sin", f_sin},       {"exp", f_exp},       {"pow", f_pow},       {"log", f_log},
    {"floor", f_floor},   {"round", f_round},   {"rint", f_rint},     {"lround", f_lround},
    {"sqrt", f_sqrt},     {"fmod", f_fmod},     {"fmax", f_fmax},     {"isless", f_isless},
    {"unsigned", f_unsigned}, {"hypot", f_hypot}, {"atan2", f_atan2}, {"cbrt", f_cbrt},
    {"ldexp", f_ldexp},   {"modf", f_modf},     {"printf", f_printf}, {"strtod", f_strtod},
    {"longdouble", f_longdouble}, {"fenv", f_fenv}, {"nbody", f_nbody},
};

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

int main(int argc, char **argv) {
    for (int a = 1; a + 1 < argc; a += 2) {
        size_t k = 0, n = sizeof functions / sizeof functions[0];
        while (k < n && strcmp(functions[k].name, argv[a])) k++;
        if (k == n) return fprintf(stderr, "libm: no function %s\n", argv[a]), 2;
        uint64_t t = now();
        float sum = (float)functions[k].run(atol(argv[a + 1]));
        t = now() - t;
        uint32_t bits;
        memcpy(&bits, &sum, 4);
        printf("%s %" PRIu64 " %" PRIx32 "\n", argv[a], t, bits);
    }
    return 0;
}
