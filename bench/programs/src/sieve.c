// Sieve of Eratosthenes over 2^20 bytes: byte stores with a growing stride.
#include "rt.h"

enum { N = 1 << 20 };
static u8 composite[N];

u64 p_sieve(u64 n, i64 *err) {
    (void)err;
    u64 sum = 0;
    for (u64 r = part(30, n); r; r--) {
        for (u32 i = 0; i < N; i++) composite[i] = 0;
        for (u32 i = 2; i * i < N; i++) {
            if (composite[i]) continue;
            for (u32 k = i * i; k < N; k += i) composite[k] = 1;
        }
        u32 primes = 0;
        for (u32 i = 2; i < N; i++) primes += !composite[i];
        sum = mix(sum, primes + r);
    }
    return sum;
}
