// Product of two 160 x 160 matrices of 64-bit integers, textbook loops:
// multiplications and a strided load.
#include "rt.h"

enum { N = 160 };
static u64 a[N][N], b[N][N], c[N][N];

u64 p_matrix(u64 n, i64 *err) {
    (void)err;
    u64 sum = 0;
    for (u64 i = 0; i < N; i++) {
        for (u64 k = 0; k < N; k++) {
            a[i][k] = i * 3 + k;
            b[i][k] = i - k * 7;
        }
    }
    for (u64 r = part(24, n); r; r--) {
        for (u64 i = 0; i < N; i++) {
            for (u64 k = 0; k < N; k++) {
                u64 t = 0;
                for (u64 m = 0; m < N; m++) t += a[i][m] * b[m][k];
                c[i][k] = t;
            }
        }
        for (u64 k = 0; k < N; k++) a[k][(k + r) % N] ^= c[k][k] & 0xffff;
        sum = mix(sum, c[r % N][(r * 7) % N]);
    }
    return sum;
}
