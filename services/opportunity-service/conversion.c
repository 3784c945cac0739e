#include "conversion.h"

#include "auth/principal.h"
#include "base/log.h"
#include "http/flow.h"
#include "http/worker.h"
#include "json/json_write.h"
#include "opportunity-service_routes.h"
#include "permissions.h"
#include "rest/ask.h"
#include "rest/rest.h"
#include "rest/segment.h"
#include "schema/seal.h"
#include "schemas.h"

enum { BODY_MAX = 128 * 1024 };
static const char path[] = "/internal/v1/createCustomerOfLead";

/* What both ways read, in this order. */
enum { LEAD_NAME, LEAD_BYTES, CUSTOMER_ID, CONTACT_ID, CUSTOMER_NAME, CUSTOMER_TYPE, BY_USER, SOURCE_CHANNEL, TAGS, DESCRIPTION,
       CONTACT_NAME, TITLE, PHONE, EMAIL, ADDRESS };
#define READ \
    "SELECT c.lead_id::text, c.lead_id, c.customer_id::text, c.contact_id::text, c.customer_name, c.customer_type, c.by_user::text, " \
    "l.source_channel, l.tags::text, l.description, l.contact_name, l.title, l.phone, l.email, l.address "

static const struct pg_stmt stmt_claim = {
    "conversion_claim", READ "FROM lead_conversion_claim() AS id JOIN lead_conversions c ON c.lead_id = id JOIN leads l USING (lead_id)"
};
static const struct pg_stmt stmt_read = {
    "conversion_read", READ "FROM lead_conversions c JOIN leads l USING (lead_id) WHERE c.lead_id = $1::uuid AND c.attempts = 0 "
                            "AND c.due > clock_timestamp()"
};
static const struct pg_stmt stmt_finish = { "conversion_finish", "SELECT lead_conversion_finish($1::uuid, $2::integer, $3::jsonb)" };

/* --- what is asked for ------------------------------------------------------------------------------------------------------- */

struct source {
    struct arena *arena;
    const struct pg_segment *row;
    bool is_good;
};

static struct str clear(struct source *s, int column, const struct field *f)
{
    struct str sealed = pg_value(s->row, 0, 0, column), text = STR_NONE;
    if (str_is_none(sealed)) return STR_NONE;
    const char *fault = seal_read(s->arena, &lead_resource, f, (const unsigned char *)pg_value(s->row, 0, 0, LEAD_BYTES).p, sealed, &text);
    if (!fault) return text;
    s->is_good = false;
    log_error("a sealed value does not open", LOG_STR("field", f->name), LOG_Z("why", fault));
    return STR_NONE;
}

static struct str value_of(struct source *s, int column)
{
    switch (column) {
    case PHONE: return clear(s, column, &lead_resource.fields[LEAD_phone]);
    case EMAIL: return clear(s, column, &lead_resource.fields[LEAD_email]);
    case ADDRESS: return clear(s, column, &lead_resource.fields[LEAD_address]);
    default: return pg_value(s->row, 0, 0, column);
    }
}

struct member {
    struct str name;
    int column;
};

static void write_members(struct jw *w, struct source *s, const struct member *members, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct str value = value_of(s, members[i].column);
        if (str_is_none(value)) continue;
        jw_name(w, members[i].name);
        (members[i].column == TAGS ? jw_raw : jw_str)(w, value);
    }
}

static struct str body_of(struct arena *a, const struct pg_segment *row)
{
    static const struct member arguments[] = { { STR("customerId"), CUSTOMER_ID }, { STR("createdBy"), BY_USER } };
    static const struct member contact[] = { { STR("contactId"), CONTACT_ID }, { STR("contactName"), CONTACT_NAME },
                                             { STR("contactTitle"), TITLE }, { STR("contactPhone"), PHONE },
                                             { STR("contactEmail"), EMAIL } };
    static const struct member customer[] = { { STR("customer_name"), CUSTOMER_NAME }, { STR("customer_type"), CUSTOMER_TYPE },
                                              { STR("phone"), PHONE }, { STR("email"), EMAIL }, { STR("address"), ADDRESS },
                                              { STR("source_channel"), SOURCE_CHANNEL }, { STR("tags"), TAGS },
                                              { STR("description"), DESCRIPTION } };
    struct source s = { a, row, true };
    struct buf b;
    buf_init(&b, BODY_MAX);
    struct jw w = jw_to(&b);
    jw_object(&w);
    write_members(&w, &s, arguments, sizeof arguments / sizeof *arguments);
    if (!str_is_none(pg_value(row, 0, 0, CONTACT_ID))) write_members(&w, &s, contact, sizeof contact / sizeof *contact);
    jw_name(&w, STR("customerDTO"));
    jw_object(&w);
    write_members(&w, &s, customer, sizeof customer / sizeof *customer);
    jw_object_end(&w);
    jw_object_end(&w);
    struct str body = s.is_good && buf_ok(&b) ? arena_dup(a, buf_str(&b)) : STR_NONE;
    if (b.data) explicit_bzero(b.data, b.len);
    buf_done(&b);
    return body;
}

const struct errand conversion_errands[] = { { "customer-service", path, NULL, &stmt_claim, &stmt_finish, body_of }, { 0 } };

/* --- at once, for who asks ------------------------------------------------------------------------------------------------------ */

struct conversion {
    const char *lead, *values[3];
    struct pg_segment *segment;
};

/* Whatever comes of it, the lead says how it stands. */
static enum step show(struct req *r)
{
    const struct conversion *c = r->state;
    rest_show(r, c->lead);
    return STEP_WAIT;
}

static enum step judge(struct req *r)
{
    const struct conversion *c = r->state;
    if (!str_is(pg_value(c->segment, 0, 0, 0), "refused")) return show(r);
    problem_add(&r->problem, &r->arena, E_RULE_VIOLATED, STR("customer_id"), STR("customer-service refuses to make this customer"));
    return STEP_FAIL;
}

static enum step finish(struct req *r)
{
    struct conversion *c = r->state;
    c->segment = segment_new(r, PG_FAST, false);
    pg_add(c->segment, &stmt_finish, c->values, 3);
    pg_submit(r->worker->pg, c->segment);
    return STEP_WAIT;
}

static void on_reply(struct req *r, void *arg, const struct client_reply *reply)
{
    static const step_fn finish_steps[] = { finish, judge, NULL }, show_steps[] = { show, NULL };
    struct conversion *c = arg;
    bool is_answer = reply->error == CLIENT_OK && reply->status < 500;
    c->values[0] = c->lead;
    c->values[1] = arena_printf(&r->arena, "%d", reply->status).p;
    c->values[2] = arena_cstr(&r->arena, reply->body);
    flow_start(r, is_answer ? finish_steps : show_steps);
}

static enum step ask_for_customer(struct req *r)
{
    struct conversion *c = r->state;
    if (!pg_rows(c->segment, 0)) return show(r); /* somebody else goes on with it */
    struct str body = body_of(&r->arena, c->segment);
    if (str_is_none(body)) {
        problem_set(&r->problem, E_INTERNAL);
        return STEP_FAIL;
    }
    return ask(r, "customer-service", METHOD_POST, str_of(path), body, on_reply, c) == ASKED ? STEP_WAIT : show(r);
}

static enum step read_begun(struct req *r)
{
    struct conversion *c = r->state;
    c->segment = segment_new(r, PG_FAST, true);
    pg_add_binary(c->segment, &stmt_read, &c->lead, 1);
    pg_submit(r->worker->pg, c->segment);
    return STEP_WAIT;
}

static enum step go_on(struct req *r)
{
    static const step_fn steps[] = { read_begun, ask_for_customer, NULL };
    if (!str_is(rest_written(r, LEAD_status), "转化中")) return STEP_NEXT;
    struct conversion *c = arena_new(&r->arena, struct conversion);
    c->lead = rest_record_id(r);
    r->state = c;
    flow_start(r, steps);
    return STEP_WAIT;
}

/* A new customer is made by who may make customers. */
static enum step admit(struct req *r)
{
    if (rest_values(r)->text[LEAD_CONVERT_customer_id] || principal_may(r->who, PERM_CUSTOMER_CREATE)) return STEP_NEXT;
    problem_set(&r->problem, E_FORBIDDEN);
    return STEP_FAIL;
}

void lead_convert(struct req *r)
{
    rest_call_with(r, admit, go_on);
}
