// CRC-32 (IEEE 802.3, reflected) a byte at a time: one chain of loads, shifts
// and exclusive ors.
#include "rt.h"

enum { N = 1 << 16 };
static u32 table[256];
static u8 data[N];

u64 p_crc32(u64 n, i64 *err) {
    (void)err;
    for (u32 i = 0; i < 256; i++) {
        u32 c = i;
        for (int k = 0; k < 8; k++) c = (c >> 1) ^ (0xedb88320u & -(c & 1));
        table[i] = c;
    }
    rng g = {0x9e3779b97f4a7c15ul};
    for (u32 i = 0; i < N; i++) data[i] = (u8)rnd(&g);
    u32 c = ~0u;
    for (u64 r = part(600, n); r; r--)
        for (u32 i = 0; i < N; i++) c = table[(c ^ data[i]) & 255] ^ (c >> 8);
    return ~c;
}
