#include "schema/scope.h"

#include "schema/sql.h"

void scope_add(struct buf *b, const char *row, const char *owner, int user, int reach)
{
    buf_addf(b,
             " AND ($%d::text IS NULL OR %s.%s = $%d::uuid OR EXISTS (SELECT FROM user_ref u WHERE u.user_id = %s.%s "
             "AND u.department || '.' LIKE $%d::text))",
             reach, row, owner, user, row, owner, reach);
}

bool scope_is_of_departments(const struct scope *s)
{
    return s->reach && strcmp(s->reach, SCOPE_NOBODY);
}

void scope_add_narrow(struct buf *b, struct sql_params *params, const struct resource *r, const struct scope *s)
{
    if (r->owner < 0 || !s->reach) return;
    const char *owner = r->fields[r->owner].name.p;
    int user = sql_param(params, s->user);
    if (!scope_is_of_departments(s)) {
        buf_addf(b, " AND t.%s = $%d::uuid", owner, user);
        return;
    }
    buf_addf(b, " AND t.%s = ANY (ARRAY(SELECT u.user_id FROM user_ref u WHERE u.department || '.' LIKE $%d::text) || $%d::uuid)",
             owner, sql_param(params, s->reach), user);
}
