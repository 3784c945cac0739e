/* What the caller may do with one record, and why: GET /<resource>/{id}/access. */
#include "rest/rest.h"

#include "auth/principal.h"
#include "http/flow.h"
#include "http/reply.h"
#include "permissions.h"
#include "rest/input.h"
#include "rest/lookup.h"
#include "rest/row.h"
#include "rest/sight.h"
#include "rest/statements.h"

struct access {
    struct input input;
    struct found found;
};

static const struct str act_names[ACT_COUNT] = {
    [ACT_VIEW] = STR("view"), [ACT_UPDATE] = STR("update"), [ACT_DELETE] = STR("delete"), [ACT_UNMASK] = STR("unmask"),
};

static enum step access_query(struct req *r)
{
    struct access *q = arena_new(&r->arena, struct access);
    r->state = q;
    if (!input_read(r, INPUT_ID | INPUT_EXPLAIN, &q->input)) return STEP_FAIL;
    lookup_start(r, statements_of(r->route->resource), q->input.id, &q->found);
    return STEP_WAIT;
}

/* What decides, in the order in which it is asked. */
enum why { WHY_SCOPE, WHY_OWNER, WHY_GRANTED, WHY_PERMISSION };
static const struct { struct str word; bool allowed; } whys[] = {
    [WHY_SCOPE] = { STR("out_of_scope"), false },        /* the record is not among those that he reaches */
    [WHY_OWNER] = { STR("owner"), true },                /* an owner sees his own record in clear */
    [WHY_GRANTED] = { STR("permission"), true },
    [WHY_PERMISSION] = { STR("no_permission"), false },
};

static enum why judge(const struct req *r, enum act act, bool reached, bool owner)
{
    if (!reached) return WHY_SCOPE;
    if (act == ACT_UNMASK && owner) return WHY_OWNER;
    return principal_may(r->who, r->route->resource->permissions[act]) ? WHY_GRANTED : WHY_PERMISSION;
}

static void write_text(struct jw *w, struct str key, struct str value)
{
    jw_name(w, key);
    jw_str(w, value);
}

static void write_flag(struct jw *w, struct str key, bool value)
{
    jw_name(w, key);
    jw_bool(w, value);
}

static void write_act(struct jw *w, const struct req *r, enum act act, enum why why, bool explain)
{
    jw_object(w);
    write_text(w, STR("action"), act_names[act]);
    write_flag(w, STR("allowed"), whys[why].allowed);
    if (explain) {
        write_text(w, STR("permission"), permission_names[r->route->resource->permissions[act]]);
        write_text(w, STR("reason"), whys[why].word);
    }
    jw_object_end(w);
}

/* The two places that are compared, and the owner. His department is known only where it decides. */
static void write_facts(struct jw *w, struct req *r, const struct access *q, const struct row *row, bool reached, bool owner)
{
    static const struct str scopes[] = { [SCOPE_OWN] = STR("own"), [SCOPE_DEPARTMENT] = STR("department"),
                                         [SCOPE_BELOW] = STR("department_and_below"), [SCOPE_ALL] = STR("all") };
    const struct statements *s = statements_of(r->route->resource);
    int at = q->found.row < 0 ? q->found.beyond : q->found.row;
    bool known = sight_needs_department(r);
    write_text(w, STR("scope"), scopes[r->who->scope]);
    write_text(w, STR("department"), r->who->department.len ? r->who->department : STR_NONE);
    write_text(w, STR("owner_id"), row->value(row, s->resource->owner));
    write_text(w, STR("owner_department"), known ? pg_value(q->found.segment, 0, at, (int)s->detail.count) : STR_NONE);
    write_flag(w, STR("is_owner"), owner);
    write_flag(w, STR("in_scope"), reached);
}

/* A record out of reach is as if absent, but for those who are asked why somebody cannot see it. */
static enum step access_reply(struct req *r)
{
    struct access *q = r->state;
    const struct statements *s = statements_of(r->route->resource);
    bool reached = q->found.row >= 0, explain = q->input.explain;
    int at = reached ? q->found.row : q->found.beyond;
    if (at < 0 || (!reached && !principal_may(r->who, PERM_USER_MANAGE))) {
        problem_set(&r->problem, E_NOT_FOUND);
        return STEP_FAIL;
    }
    struct rows rows = { .req = r, .resource = s->resource, .columns = &s->detail, .segment = q->found.segment };
    struct rows_row row = rows_row(&rows, at);
    bool owner = sight_is_owner(r, rows_bytes(&rows, at, s->resource->owner));
    struct jw w = reply_begin(r);
    jw_object(&w);
    jw_name(&w, STR("actions"));
    jw_array(&w);
    for (int i = 0; i < ACT_COUNT; i++) write_act(&w, r, (enum act)i, judge(r, (enum act)i, reached, owner), explain);
    jw_array_end(&w);
    if (explain) write_facts(&w, r, q, &row.row, reached, owner);
    jw_object_end(&w);
    reply_end(r, &w);
    return STEP_WAIT;
}

static const step_fn access_steps[] = { access_query, access_reply, NULL };

void rest_access(struct req *r)
{
    flow_start(r, access_steps);
}
