// Five bodies under gravity in double precision: multiplications, additions,
// one square root and one division per pair.
//
// Built twice: with every product rounded (NAME p_nbody), and with the sums
// of products fused (NAME p_nbody_fma). The fusing is written out, not left
// to the compiler, so that every machine must give the same bits.
#include "rt.h"

#ifdef FUSED
#define MULADD(a, b, c) __builtin_fma((a), (b), (c))
#else
#define MULADD(a, b, c) ((a) * (b) + (c))
#endif

enum { BODIES = 5 };
static struct body {
    double p[3], v[3], m;
} body[BODIES];

// setup places the bodies by a formula: a heavy one in the middle and four
// light ones on tilted orbits.
static void setup(void) {
    for (int i = 0; i < BODIES; i++) {
        double r = i * 2.5, s = i ? 0.55 / i : 0;
        body[i] = (struct body){{r, 0.3 * i, -0.1 * r}, {0.01 * i, s, 0.02 * s}, i ? 1e-3 / i : 39.5};
    }
}

static void step(double dt) {
    for (int i = 0; i < BODIES; i++) {
        for (int k = i + 1; k < BODIES; k++) {
            double d[3], q = 0;
            for (int c = 0; c < 3; c++) {
                d[c] = body[i].p[c] - body[k].p[c];
                q = MULADD(d[c], d[c], q);
            }
            double f = dt / (q * __builtin_sqrt(q));
            for (int c = 0; c < 3; c++) {
                body[i].v[c] = MULADD(-d[c], body[k].m * f, body[i].v[c]);
                body[k].v[c] = MULADD(d[c], body[i].m * f, body[k].v[c]);
            }
        }
    }
    for (int i = 0; i < BODIES; i++)
        for (int c = 0; c < 3; c++) body[i].p[c] = MULADD(dt, body[i].v[c], body[i].p[c]);
}

u64 NAME(u64 n, i64 *err) {
    (void)err;
    setup();
    for (u64 r = part(600000, n); r; r--) step(0.001);
    u64 sum = 0;
    for (int i = 0; i < BODIES; i++) {
        for (int c = 0; c < 3; c++) {
            u64 bits;
            __builtin_memcpy(&bits, &body[i].p[c], 8);
            sum = mix(sum, bits);
        }
    }
    return sum;
}
