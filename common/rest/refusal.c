#include "rest/refusal.h"

#include "json/json_read.h"

#include <stdlib.h>

/* ["需求确认", "方案报价"] -> "需求确认, 方案报价", as `allowed` is everywhere. */
static struct str joined(struct arena *a, const struct json *texts)
{
    struct str all = STR("");
    for (const struct json *t = json_first(texts); t; t = json_next(t))
        all = arena_printf(a, "%.*s%s%.*s", STR_ARG(all), all.len ? ", " : "", STR_ARG(json_text(t)));
    return all;
}

/* A reason as such, or with what would be allowed: {"reason": "...", "allowed": ["...", ...]}. */
static void add_reason(struct req *r, enum err_code code, const struct json *m)
{
    if (json_kind(m) != JSON_OBJECT) {
        problem_add(&r->problem, &r->arena, code, json_key(m), json_text(m));
        return;
    }
    const struct json *reason = json_get(m, STR("reason")), *allowed = json_get(m, STR("allowed"));
    struct detail *d = problem_add(&r->problem, &r->arena, code, json_key(m), reason ? json_text(reason) : STR("is not allowed"));
    if (allowed) d->allowed = joined(&r->arena, allowed);
}

/* DETAIL of refuse(): {"industry_id": "missing", "customer_code": "<id of the row that has it>", "reason": {"reason": "is required"}}.
 * Bad references first: they are the client's mistake whatever else is there. */
static void explain_refused(struct req *r, const struct resource *resource, const struct pg_segment *s)
{
    const struct json *reasons = json_read(&r->arena, arena_dup(&r->arena, str_of(s->detail)), &r->problem);
    for (const struct json *m = json_first(reasons); m; m = json_next(m))
        if (str_is(json_text(m), "missing"))
            problem_add(&r->problem, &r->arena, E_BAD_REFERENCE, json_key(m),
                        STR("does not exist, or belongs to another record"));
    for (const struct json *m = json_first(reasons); m; m = json_next(m))
        if (json_kind(m) == JSON_OBJECT) add_reason(r, E_RULE_VIOLATED, m);
    for (const struct json *m = json_first(reasons); m; m = json_next(m))
        if (json_kind(m) != JSON_OBJECT && !str_is(json_text(m), "missing"))
            problem_add(&r->problem, &r->arena, E_DUPLICATE, json_key(m), STR("is in use"))->existing_id = json_text(m);
    (void)resource;
}

/* DETAIL of conflict(): {"users": "are in it: 3"}, or with what is allowed as above. */
static void explain_reasons(struct req *r, enum err_code code, const struct pg_segment *s)
{
    const struct json *reasons = json_read(&r->arena, arena_dup(&r->arena, str_of(s->detail)), &r->problem);
    for (const struct json *m = json_first(reasons); m; m = json_next(m)) add_reason(r, code, m);
}

static void explain_conflict(struct req *r, const struct resource *resource, const struct pg_segment *s)
{
    (void)resource;
    explain_reasons(r, E_STATE_CONFLICT, s);
}

static void explain_credit(struct req *r, const struct resource *resource, const struct pg_segment *s)
{
    (void)resource;
    explain_reasons(r, E_CREDIT_EXCEEDED, s);
}

/* Constraints are named <table>_<field>. A primary key is a chosen id that is taken, of the record or of what goes with it. */
static struct str constraint_field(struct req *r, const struct resource *resource, const struct pg_segment *s)
{
    struct str name = arena_dup(&r->arena, str_of(s->constraint)), table = str_of(resource->table);
    if (str_has_suffix(name, STR("_pkey"))) return resource->fields[resource->id].name;
    if (!str_has_prefix(name, table) || name.len <= table.len + 1) return STR("record");
    const struct field *f = schema_field(resource, str_sub(name, table.len + 1, name.len));
    return f ? f->name : STR("record");
}

static void explain_key_reply(struct req *r, const struct resource *resource, const struct pg_segment *s)
{
    (void)resource, (void)s;
    problem_set(&r->problem, E_IN_PROGRESS);
    r->problem.retry_after_s = 1;
}

static void explain_duplicate(struct req *r, const struct resource *resource, const struct pg_segment *s)
{
    problem_add(&r->problem, &r->arena, E_DUPLICATE, constraint_field(r, resource, s), STR("is in use"));
}

static void explain_reference(struct req *r, const struct resource *resource, const struct pg_segment *s)
{
    problem_add(&r->problem, &r->arena, E_BAD_REFERENCE, constraint_field(r, resource, s), STR("does not exist"));
}

static void explain_check(struct req *r, const struct resource *resource, const struct pg_segment *s)
{
    problem_add(&r->problem, &r->arena, E_RULE_VIOLATED, constraint_field(r, resource, s), STR("is not allowed"));
}

static const struct refusal {
    const char *sqlstate;
    void (*explain)(struct req *r, const struct resource *resource, const struct pg_segment *s);
} refusals[] = {
    { "CR002", explain_key_reply },  { "CR003", explain_refused }, { "23505", explain_duplicate },
    { "23503", explain_reference },  { "23514", explain_check },   { "23502", explain_check },
    { "CR409", explain_conflict },   { "CR010", explain_credit },
};

void refusal_explain(struct req *r, const struct resource *resource, const struct pg_segment *s)
{
    for (size_t i = 0; s->error == E_INTERNAL && i < sizeof refusals / sizeof *refusals; i++)
        if (!strcmp(s->sqlstate, refusals[i].sqlstate)) {
            refusals[i].explain(r, resource, s);
            return;
        }
    if (s->error == E_DATABASE_DOWN || s->error == E_OVERLOADED) r->problem.retry_after_s = 1;
    problem_set(&r->problem, s->error);
}
