/* A leak and nothing else: a valgrind that lets this pass would let everything pass. */
#include <stdlib.h>

int main(void) {
    volatile char *lost = malloc(24);
    if (lost) lost[0] = 1;
    lost = NULL;
    return lost != NULL;
}
