// An open-addressed hash table with linear probing: insert, find, miss, and
// delete by moving the rest of the cluster back.
#include "rt.h"

enum { SLOTS = 1 << 15, MASK = SLOTS - 1, KEYS = 20000 };
static struct {
    u64 key; // 0: empty
    u64 value;
} slots[SLOTS];

// home does a multiplication and a shift; noinline as in a real table, whose
// hash function is a call.
static __attribute__((noinline)) u32 home(u64 key) {
    return (u32)((key * 0x9e3779b97f4a7c15ul) >> 40) & MASK;
}

static u32 find(u64 key) {
    u32 i = home(key);
    while (slots[i].key && slots[i].key != key) i = (i + 1) & MASK;
    return i;
}

static void erase(u64 key) {
    u32 hole = find(key);
    if (!slots[hole].key) return;
    for (u32 i = (hole + 1) & MASK; slots[i].key; i = (i + 1) & MASK) {
        // The entry at i may fill the hole if its home is not after the hole.
        if (((i - home(slots[i].key)) & MASK) >= ((i - hole) & MASK)) {
            slots[hole] = slots[i];
            hole = i;
        }
    }
    slots[hole].key = 0;
}

// key is a pseudo-random function of k that is never 0.
static u64 key(u64 k) {
    rng g = {k * 2654435761ul + 1};
    return rnd(&g) | 1;
}

u64 p_hash(u64 n, i64 *err) {
    (void)err;
    u64 sum = 0;
    for (u64 r = part(50, n); r; r--) {
        for (u32 i = 0; i < SLOTS; i++) slots[i].key = 0;
        for (u64 k = 1; k <= KEYS; k++) {
            u32 i = find(key(k << 8 | r));
            slots[i].key = key(k << 8 | r);
            slots[i].value = k;
        }
        for (u64 k = 1; k <= KEYS; k += 3) erase(key(k << 8 | r));
        for (u64 k = 1; k <= KEYS + KEYS / 4; k++) {
            u32 i = find(key(k << 8 | r));
            sum += slots[i].key ? slots[i].value : 1000003;
        }
        sum = mix(sum, r);
    }
    return sum;
}
