/* freq N: the N most frequent letters of the standard input. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static long count[26];

static int more_first(const void *a, const void *b) {
	int x = *(const int *)a, y = *(const int *)b;
	if (count[x] != count[y])
		return count[x] < count[y] ? 1 : -1;
	return x - y;
}

int main(int argc, char **argv) {
	int n = argc > 1 ? atoi(argv[1]) : 26, letters[26], c;
	for (int i = 0; i < 26; i++)
		letters[i] = i;
	while ((c = getchar()) != EOF)
		if (isalpha(c))
			count[tolower(c) - 'a']++;
	qsort(letters, 26, sizeof *letters, more_first);
	for (int i = 0; i < n && i < 26; i++)
		printf("%c %ld\n", 'a' + letters[i], count[letters[i]]);
}
