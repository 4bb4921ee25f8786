// A singly linked list of 2^16 nodes in random order: dependent loads.
#include "rt.h"

enum { N = 1 << 16 };
static struct node {
    struct node *next;
    u64 value;
} nodes[N];
static u32 order[N];

u64 p_list(u64 n, i64 *err) {
    (void)err;
    rng g = {0x2545f4914f6cdd1dul};
    for (u32 i = 0; i < N; i++) order[i] = i;
    for (u32 i = N - 1; i; i--) {
        u32 k = (u32)(rnd(&g) % (i + 1)), t = order[i];
        order[i] = order[k];
        order[k] = t;
    }
    for (u32 i = 0; i < N; i++) {
        nodes[order[i]].next = i + 1 < N ? &nodes[order[i + 1]] : 0;
        nodes[order[i]].value = i;
    }
    u64 sum = 0;
    for (u64 r = part(200, n); r; r--)
        for (struct node *p = &nodes[order[0]]; p; p = p->next) sum += p->value ^ r;
    return sum;
}
