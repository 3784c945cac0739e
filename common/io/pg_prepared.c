#include "io/pg_prepared.h"

static size_t slot_of(const struct pg_prepared *p, const struct pg_stmt *stmt)
{
    size_t i = ((uintptr_t)stmt >> 4) * 0x9e3779b97f4a7c15u >> 40;
    while (p->slots[i % PG_PREPARED_SLOTS].stmt && p->slots[i % PG_PREPARED_SLOTS].stmt != stmt) i++;
    return i % PG_PREPARED_SLOTS;
}

enum pg_prepared_state pg_prepared_get(const struct pg_prepared *p, const struct pg_stmt *stmt)
{
    return p->slots[slot_of(p, stmt)].state;
}

void pg_prepared_set(struct pg_prepared *p, const struct pg_stmt *stmt, enum pg_prepared_state state)
{
    size_t i = slot_of(p, stmt);
    p->count += !p->slots[i].stmt;
    p->slots[i].stmt = stmt;
    p->slots[i].state = state;
}
