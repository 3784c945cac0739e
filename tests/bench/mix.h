/* mix: the requests of a load: classes with their weights, and templates that become messages.
 *
 * In a target and a body "{id}" becomes a random line of the id file, "{n}" a number that no other request has, neither of an
 * earlier run (16 digits), "{uuid}" a random UUID. Everything else of a message is made once. */
#ifndef BENCH_MIX_H
#define BENCH_MIX_H

#include "base/buf.h"

enum { MIX_CLASSES_MAX = 64, MIX_PIECES_MAX = 64, MIX_MESSAGE_MAX = 1024 * 1024 };

enum mix_slot { SLOT_NONE, SLOT_ID, SLOT_N, SLOT_UUID };

struct mix_piece {
    struct str text; /* followed by */
    enum mix_slot slot;
};

struct mix_template {
    struct mix_piece pieces[MIX_PIECES_MAX];
    int count;
};

struct mix_class {
    struct str name, method;
    uint64_t weight;
    bool has_body;
    struct mix_template head, body;
};

struct mix {
    struct mix_class classes[MIX_CLASSES_MAX];
    int class_count;
    uint64_t weight_sum;
    const struct str *ids;
    size_t id_count;
    struct str fields;  /* ends each head: Host, Authorization */
    bool has_keys;      /* a POST has an Idempotency-Key of its own */
    uint64_t random, n; /* states of the generators */
    struct buf heads[MIX_CLASSES_MAX], message, text;
};

/* Set ids, fields and has_keys first. NULL, or what is wrong; the texts must stay. */
void mix_init(struct mix *m);
const char *mix_add(struct mix *m, uint64_t weight, struct str name, struct str method, struct str target, struct str body);
const char *mix_add_line(struct mix *m, struct str line); /* "weight<TAB>class<TAB>METHOD<TAB>target[<TAB>body]" */
void mix_done(struct mix *m);

int mix_pick(struct mix *m);                      /* a class, as often as its weight says */
struct str mix_message(struct mix *m, int class); /* a whole request; valid until the next one */
bool mix_is_head(const struct mix *m, int class);
double mix_random(struct mix *m); /* > 0, <= 1 */

#endif
