#include "base/err.h"

#define AS_ROW(code, http, slug, zh, en) [E_##code] = { http, slug, zh, en },
const struct err_row err_table[E_COUNT] = { ERRORS(AS_ROW) };

void problem_set(struct problem *p, enum err_code code)
{
    if (p->code == E_OK) p->code = code;
}

struct detail *problem_add(struct problem *p, struct arena *a, enum err_code code, struct str field, struct str reason)
{
    struct detail *d = arena_new(a, struct detail);
    d->field = field;
    d->reason = reason;
    if (p->last) p->last->next = d;
    else p->details = d;
    p->last = d;
    problem_set(p, code);
    return d;
}
