#include "base/block.h"

#include <stdlib.h>

enum { SPARE_MAX = 256 };

struct spare {
    struct spare *next;
};

static _Thread_local struct spare *spares;
static _Thread_local int spare_count;

void *block_new(void)
{
    struct spare *b = spares;
    if (b) {
        spares = b->next;
        spare_count--;
        return b;
    }
    void *fresh = malloc(BLOCK_SIZE);
    if (!fresh) abort();
    return fresh;
}

/* AddressSanitizer wants to see each block freed. */
#ifdef __SANITIZE_ADDRESS__
void block_free(void *block)
{
    free(block);
}
#else
void block_free(void *block)
{
    struct spare *b = block;
    if (!b || spare_count == SPARE_MAX) {
        free(b);
        return;
    }
    b->next = spares;
    spares = b;
    spare_count++;
}
#endif
