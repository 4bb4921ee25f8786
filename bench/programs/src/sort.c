// Quicksort of 2^18 random 32-bit numbers, insertion sort below 12: branches
// that nobody can predict.
#include "rt.h"

enum { N = 1 << 18 };
static i32 a[N];

static void insertion(i32 *lo, i32 *hi) {
    for (i32 *p = lo + 1; p <= hi; p++) {
        i32 v = *p, *q = p;
        for (; q > lo && q[-1] > v; q--) *q = q[-1];
        *q = v;
    }
}

static i32 median(i32 x, i32 y, i32 z) {
    if (x > y) {
        i32 t = x;
        x = y;
        y = t;
    }
    return z < x ? x : z > y ? y : z;
}

// quick sorts [lo, hi]; the smaller half by recursion, so its depth is at
// most log2 N.
static void quick(i32 *lo, i32 *hi) {
    while (hi - lo >= 12) {
        i32 pivot = median(*lo, lo[(hi - lo) / 2], *hi), *i = lo, *j = hi;
        while (i <= j) {
            while (*i < pivot) i++;
            while (*j > pivot) j--;
            if (i <= j) {
                i32 t = *i;
                *i++ = *j;
                *j-- = t;
            }
        }
        if (j - lo < hi - i) {
            quick(lo, j);
            lo = i;
        } else {
            quick(i, hi);
            hi = j;
        }
    }
    insertion(lo, hi);
}

u64 p_sort(u64 n, i64 *err) {
    (void)err;
    rng g = {88172645463325252ul};
    u64 sum = 0;
    for (u64 r = part(4, n); r; r--) {
        for (u32 i = 0; i < N; i++) a[i] = (i32)rnd(&g);
        quick(a, a + N - 1);
        for (u32 i = 1; i < N; i++) sum += a[i - 1] <= a[i];
        for (u32 i = 0; i < N; i += 1021) sum = mix(sum, (u32)a[i]);
    }
    return sum;
}
