/* Work for a program that tcc compiles and runs at once: work [ROUNDS] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>

struct node { struct node *left, *right; unsigned key; double weight; };

static uint32_t random32(uint32_t *s) { *s ^= *s << 13; *s ^= *s >> 17; return *s ^= *s << 5; }

static struct node *insert(struct node *t, unsigned key)
{
	if (!t) {
		t = calloc(1, sizeof *t);
		t->key = key;
		t->weight = key / 3.0;
		return t;
	}
	if (key < t->key) t->left = insert(t->left, key);
	else t->right = insert(t->right, key);
	return t;
}

static double sum(struct node *t, int depth) { return t ? sum(t->left, depth + 1) + t->weight * depth + sum(t->right, depth + 1) : 0; }

static int compare(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
	return x < y ? -1 : x > y;
}

static uint64_t fnv(const void *p, size_t n)
{
	const unsigned char *b = p;
	uint64_t h = 0xcbf29ce484222325;
	while (n--) h = (h ^ *b++) * 0x100000001b3;
	return h;
}

static unsigned (*const operations[])(unsigned, unsigned);
static unsigned plus(unsigned a, unsigned b) { return a + b; }
static unsigned times(unsigned a, unsigned b) { return a * b; }
static unsigned over(unsigned a, unsigned b) { return a / (b | 1); }
static unsigned modulo(unsigned a, unsigned b) { return a % (b | 1); }
static unsigned (*const operations[])(unsigned, unsigned) = { plus, times, over, modulo };

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 1;
	uint32_t s = 2463534242u;
	struct node *root = NULL;
	for (int i = 0; i < 2000 * rounds; i++) root = insert(root, random32(&s) % 100000);
	printf("tree %.17g\n", sum(root, 1));

	unsigned n = 5000 * rounds, *a = malloc(n * sizeof *a);
	for (unsigned i = 0; i < n; i++) a[i] = random32(&s);
	qsort(a, n, sizeof *a, compare);
	printf("sorted %016llx\n", (unsigned long long)fnv(a, n * sizeof *a));

	unsigned v = 1;
	for (unsigned i = 0; i < n; i++) {
		v = operations[a[i] % 4](v, i) + 1;
		switch (v % 7) {
		case 0: v ^= 0xdead; break;
		case 3: v <<= 1; /* and on */
		case 4: v += i; break;
		default: v = ~v;
		}
	}
	printf("calls %u\n", v);

	double x = 0.5;
	float f = 0.25f;
	for (int i = 1; i < 3000 * rounds; i++) {
		x = 3.7 * x * (1 - x);
		f = f * 0.75f + (float)x / i;
	}
	printf("floats %.17g %.9g %d\n", x, f, (int)(x * 1e6));

	char text[64];
	memset(text, 0, sizeof text);
	for (int i = 0; i < 500 * rounds; i++) {
		char old[sizeof text];
		memcpy(old, text, sizeof old);
		snprintf(text, sizeof text, "%d:%s", i * 7, old);
	}
	printf("%s\n", text);
	return 0;
}
