/* What may be the same as a lead: other leads with its phone, e-mail or company, and customers of that name. Of both only what the
 * caller may see. */
#include "auth/principal.h"
#include "http/flow.h"
#include "http/reply.h"
#include "http/worker.h"
#include "opportunity-service_routes.h"
#include "permissions.h"
#include "rest/input.h"
#include "rest/segment.h"
#include "rest/sight.h"

enum { KIND, ID, NAME, MATCHES };

struct duplicates {
    struct input input;
    const char *values[4];
    struct pg_segment *segment;
};

/* One row for each; one of nulls when there is none; none when there is no such lead. */
static const struct pg_stmt *statement(struct req *r)
{
    struct buf b;
    buf_init(&b, 4096);
    buf_addz(&b, "SELECT x.kind, x.id, x.name, to_json(x.matches) FROM leads t LEFT JOIN LATERAL ("
                 "(SELECT 'lead' AS kind, d.lead_id AS id, d.lead_name AS name, array_remove(ARRAY["
                 "CASE WHEN d.phone_index = t.phone_index THEN 'phone' END, CASE WHEN d.email_index = t.email_index THEN 'email' END, "
                 "CASE WHEN lower(d.company_name) = lower(t.company_name) THEN 'company_name' END], NULL) AS matches FROM leads d "
                 "WHERE d.lead_id <> t.lead_id AND d.deleted_time IS NULL AND (d.phone_index = t.phone_index "
                 "OR d.email_index = t.email_index OR lower(d.company_name) = lower(t.company_name))");
    scope_add(&b, "d", "assigned_to", 2, 3);
    buf_addz(&b, " ORDER BY d.created_time, d.lead_id LIMIT 50) UNION ALL "
                 "(SELECT 'customer', c.customer_id, c.customer_name, ARRAY['company_name'] FROM customer_ref c "
                 "WHERE $4::boolean AND c.deleted_time IS NULL AND lower(c.customer_name) = lower(t.company_name)");
    scope_add(&b, "c", "created_by", 2, 3);
    buf_addz(&b, " ORDER BY c.customer_id LIMIT 50)) x ON true WHERE t.lead_id = $1::uuid AND t.deleted_time IS NULL");
    scope_add(&b, "t", "assigned_to", 2, 3);
    const struct pg_stmt *stmt = shapes_statement(r->worker->shapes, &r->arena, buf_str(&b));
    buf_done(&b);
    return stmt;
}

static enum step duplicates_query(struct req *r)
{
    struct duplicates *d = arena_new(&r->arena, struct duplicates);
    r->state = d;
    if (!input_read(r, INPUT_ID, &d->input)) return STEP_FAIL;
    struct scope scope = sight_scope(r);
    d->values[0] = arena_cstr(&r->arena, d->input.id);
    d->values[1] = scope.user;
    d->values[2] = scope.reach;
    d->values[3] = principal_may(r->who, PERM_CUSTOMER_VIEW) ? "t" : "f";
    d->segment = segment_new(r, PG_FAST, true);
    pg_add(d->segment, statement(r), d->values, 4);
    pg_submit(r->worker->pg, d->segment);
    return STEP_WAIT;
}

static void write_duplicate(struct jw *w, const struct pg_segment *s, int row)
{
    jw_object(w);
    jw_name(w, STR("kind"));
    jw_str(w, pg_value(s, 0, row, KIND));
    jw_name(w, STR("id"));
    jw_str(w, pg_value(s, 0, row, ID));
    jw_name(w, STR("name"));
    jw_str(w, pg_value(s, 0, row, NAME));
    jw_name(w, STR("matches"));
    jw_raw(w, pg_value(s, 0, row, MATCHES));
    jw_object_end(w);
}

static enum step duplicates_reply(struct req *r)
{
    struct duplicates *d = r->state;
    int rows = pg_rows(d->segment, 0);
    if (!rows) {
        problem_set(&r->problem, E_NOT_FOUND);
        return STEP_FAIL;
    }
    struct jw w = reply_begin(r);
    jw_array(&w);
    for (int i = 0; i < rows; i++)
        if (!str_is_none(pg_value(d->segment, 0, i, ID))) write_duplicate(&w, d->segment, i);
    jw_array_end(&w);
    reply_end(r, &w);
    return STEP_WAIT;
}

void duplicates_list(struct req *r)
{
    static const step_fn steps[] = { duplicates_query, duplicates_reply, NULL };
    flow_start(r, steps);
}
