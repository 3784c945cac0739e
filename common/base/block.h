/* block: memory of one size for what lives briefly: arenas, growing buffers. Each thread keeps some of it for the next use. */
#ifndef BASE_BLOCK_H
#define BASE_BLOCK_H

enum { BLOCK_SIZE = 8192 }; /* bytes */

void *block_new(void); /* not zeroed; never NULL */
void block_free(void *block); /* on the thread that goes on using it; NULL: nothing */

#endif
