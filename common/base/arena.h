/* arena: memory that dies with its owner, usually a request.
 *
 * Allocations are never freed one by one; arena_done() frees all. Foreign objects are registered once with
 * arena_defer() and released in reverse order. An allocation that the system refuses aborts the process. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

struct arena_block;
struct arena_defer;

struct arena {
    struct arena_block *block;
    struct arena_defer *defers;
};

void arena_init(struct arena *a);
void arena_done(struct arena *a);  /* runs the defers, frees everything; the arena may be used again */

void *arena_alloc(struct arena *a, size_t size); /* 16-byte aligned, zeroed */
#define arena_new(a, type)      ((type *)arena_alloc((a), sizeof(type)))
#define arena_array(a, type, n) ((type *)arena_alloc((a), sizeof(type) * (n)))

struct str arena_dup(struct arena *a, struct str s); /* a NUL follows, not counted; none stays none */
char *arena_cstr(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
void arena_defer(struct arena *a, void (*release)(void *), void *object);

#endif
