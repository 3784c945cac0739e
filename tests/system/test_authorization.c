/* The authorization matrix: every operation that the services publish x {no token, an expired or revoked one, each role} x
 * {own record, somebody else's, a deleted one, none}. What a role may is data (table roles); what an operation answers is here:
 * one that is not fails. */
#include "authorization_cases.h"
#include "crm.h"
#include "expect.h"
#include "jwt.h"
#include "pool.h"
#include "sales.h"
#include "sql.h"
#include "stack.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

enum record { OWN, OTHERS, DELETED, ABSENT, RECORDS };

static const struct expectation *expectation_of(const char *operation)
{
    for (size_t i = 0; i < COUNT(expectations); i++)
        if (!strcmp(expectations[i].operation, operation)) return &expectations[i];
    expect(false, "%s: nobody says what it answers", operation);
    return NULL;
}

/* --- every published operation ----------------------------------------------------------------------------------------- */

struct operation {
    const char *method, *path;
    const struct expectation *expected;
};

static char *filled(const char *format, const char *from, const char *until, const char *id)
{
    char *all = (char *)format;
    for (const char *begin; all && (begin = strstr(all, from));)
        all = text("%.*s%s%s", (int)(begin - all), all, id, strstr(begin, until) + strlen(until));
    return all;
}

static char *upper(const char *word)
{
    char *all = text("%s", word);
    for (char *p = all; *p; p++) *p = (char)toupper((unsigned char)*p);
    return all;
}

static int every_operation(void (*judge)(const struct operation *o, void *arg), void *arg)
{
    const char *const urls[] = { stack.auth_url, stack.customer_url, stack.opportunity_url, stack.order_url };
    const cJSON *path, *operation;
    int n = 0;
    for (size_t i = 0; i < COUNT(urls); i++) {
        target(urls[i]);
        struct reply *openapi = expect_status(GET("/openapi.json"), 200);
        cJSON_ArrayForEach(path, at(openapi, "paths")) cJSON_ArrayForEach(operation, path)
        {
            const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(operation, "operationId"));
            if (!id) continue;
            struct operation o = { upper(operation->string), path->string, expectation_of(id) };
            judge(&o, arg);
            n++;
        }
    }
    return n;
}

/* Whoever logs out does so of a session of its own. */
static const char *token_for(const struct operation *o, struct user user)
{
    if (!strcmp(o->expected->operation, "logout")) user_log_in(&user);
    return user.token;
}

static struct reply *called(const struct operation *o, const char *token, const char *id)
{
    return call_as(token, o->method, filled(o->path, "{", "}", id), filled(o->expected->body, "%s", "%s", id));
}

/* --- without a good token ---------------------------------------------------------------------------------------------- */

static bool is_public(const struct operation *o)
{
    return o->expected->needs && !*o->expected->needs;
}

static void judge_stranger(const struct operation *o, void *token)
{
    struct reply *r = called(o, token, UUID_ABSENT);
    if (is_public(o)) expect_status(r, o->expected->live);
    else expect_error(r, 401, "UNAUTHENTICATED", "");
}

static char *expired(void)
{
    long now = (long)time(NULL);
    char *kid = sql(stack.auth_db, "SELECT kid FROM signing_key");
    char *key = sql(stack.auth_db, "SELECT private_pem FROM signing_key");
    char *permissions = sql(stack.auth_db, "SELECT to_json(permissions) FROM roles WHERE role_name = 'ADMIN'");
    char *payload = text("{\"iss\":\"crm-auth\",\"aud\":\"crm\",\"sub\":\"" UUID_ABSENT "\",\"preferred_username\":\"x\",\"name\":\"x\","
                         "\"jti\":\"%s\",\"roles\":[\"ADMIN\"],\"permissions\":%s,\"scope\":\"all\",\"gen\":1,"
                         "\"iat\":%ld,\"nbf\":%ld,\"exp\":%ld}",
                         unique("jti"), permissions, now - 600, now - 600, now - 60);
    return jwt_es256(key, text("{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", kid), payload);
}

static bool is_refused(void *token)
{
    const struct {
        const char *url, *path;
    } places[] = { { stack.auth_url, "/api/v1/auth/sessions" }, { stack.customer_url, "/api/v1/customers?size=1" },
                   { stack.opportunity_url, "/api/v1/opportunities?size=1" }, { stack.order_url, "/api/v1/orders?size=1" } };
    bool refused = true;
    for (size_t i = 0; i < COUNT(places); i++) {
        target(places[i].url);
        refused &= call_as(token, "GET", places[i].path, NULL)->status == 401;
    }
    return refused;
}

/* Of an administrator who was one until a moment ago. */
static char *revoked(void)
{
    struct user u = user_in("ADMIN", NULL);
    sql(stack.auth_db, "UPDATE users SET status = '停用' WHERE user_id = '%s'", u.id);
    expect(poll_until(10, is_refused, u.token), "a disabled user's token goes on");
    return u.token;
}

static void test_every_operation_without_a_good_token(void **state)
{
    (void)state;
    assert_int_equal(every_operation(judge_stranger, revoked()), COUNT(expectations));
    assert_int_equal(every_operation(judge_stranger, NULL), COUNT(expectations));
    assert_int_equal(every_operation(judge_stranger, expired()), COUNT(expectations));
}

/* --- each role --------------------------------------------------------------------------------------------------------- */

static char *customer_of(const char *owner)
{
    return sql(stack.customer_db, "INSERT INTO customers (customer_id, customer_name, customer_type, status, created_by) "
                                  "VALUES (gen_random_uuid(), '某', '企业', '活跃', '%s') RETURNING customer_id", owner);
}

static char *contact_of(const char *owner)
{
    return sql(stack.customer_db, "INSERT INTO contacts (contact_id, contact_name, created_by) "
                                  "VALUES (gen_random_uuid(), '某', '%s') RETURNING contact_id", owner);
}

static char *opportunity_of(const char *owner)
{
    return sql(stack.opportunity_db, "INSERT INTO opportunities (opportunity_id, opportunity_name, customer_id, status, created_by) "
                                     "VALUES (uuid_v7(), '某', '%s', '进行中', '%s') RETURNING opportunity_id", customer_known("某"), owner);
}

static char *lead_of(const char *owner)
{
    return sql(stack.opportunity_db, "INSERT INTO leads (lead_id, lead_name, created_by) VALUES (uuid_v7(), '某', '%s') RETURNING lead_id",
               owner);
}

static char *activity_of(const char *owner)
{
    return sql(stack.opportunity_db, "INSERT INTO activities (activity_id, activity_name, activity_type, start_time, created_by) "
                                     "VALUES (uuid_v7(), '某', '电话', now(), '%s') RETURNING activity_id", owner);
}

/* As `table` holds it: an order or a quote of one item. */
static char *sale_of(const char *owner, const char *table, const char *id, const char *items, const char *columns, const char *values)
{
    return sql(stack.order_db, "INSERT INTO %s (%s, customer_id, %s%s, created_by) VALUES (uuid_v7(), '%s', "
                               "'[{\"product_id\":\"%s\",\"quantity\":1}]'%s, '%s') RETURNING %s",
               table, id, items, columns, customer_with_credit(NULL), product("1.00"), values, owner, id);
}

static char *order_of(const char *owner)
{
    return sale_of(owner, "orders", "order_id", "order_items", ", order_status, payment_status", ", '草稿', '未付款'");
}

static char *quote_of(const char *owner)
{
    return sale_of(owner, "quotes", "quote_id", "quote_items", "", "");
}

/* Records that are somebody's. The operations about one hold `mark` in their path; customers are what the others are about.
 * `as_new`: what else brings a record back to where its operations are possible. */
static const struct kind {
    const char *mark, *table, *id, *as_new;
    const char **database;
    char *(*make)(const char *owner);
} kinds[] = {
    { "contact", "contacts", "contact_id", "", &stack.customer_db, contact_of },
    { "pportunit", "opportunities", "opportunity_id",
      ", status = '进行中', closed_time = NULL, moves = moves + 1, sales_stage_id = '" STAGE_CONTACT "'", &stack.opportunity_db,
      opportunity_of },
    { "uote", "quotes", "quote_id", ", quote_status = '草稿', order_id = NULL, moves = moves + 1", &stack.order_db, quote_of },
    { "rder", "orders", "order_id", ", order_status = '草稿', moves = moves + 1", &stack.order_db, order_of },
    { "lead", "leads", "lead_id", "", &stack.opportunity_db, lead_of },
    { "activit", "activities", "activity_id", ", status = '计划中', completed_time = NULL, cancel_reason = NULL", &stack.opportunity_db,
      activity_of },
    { "", "customers", "customer_id", "", &stack.customer_db, customer_of },
};

static size_t kind_of(const struct operation *o)
{
    size_t i = 0;
    while (!strstr(o->path, kinds[i].mark)) i++;
    return i;
}

struct cast {
    const char *role;
    bool reaches_all;
    struct user user;
    char *records[COUNT(kinds)][RECORDS];
};

static struct cast cast(const char *role)
{
    struct cast c = { .role = role, .user = user_in(role, department_below(NULL)) };
    struct user other = user_in("SALES_REP", department_below(NULL));
    const char *const owners[ABSENT] = { [OWN] = c.user.id, [OTHERS] = other.id, [DELETED] = c.user.id };
    c.reaches_all = !strcmp(sql(stack.auth_db, "SELECT data_scope FROM roles WHERE role_name = '%s'", role), "all");
    for (size_t k = 0; k < COUNT(kinds); k++) {
        for (int i = 0; i < ABSENT; i++) c.records[k][i] = kinds[k].make(owners[i]);
        c.records[k][ABSENT] = text(UUID_ABSENT);
    }
    return c;
}

/* As they were before the last operation. */
static void reset(const struct kind *k, char *const *ids)
{
    sql(*k->database, "UPDATE %s SET deleted_time = CASE WHEN %s = '%s' THEN now() END%s WHERE %s IN ('%s', '%s', '%s')", k->table, k->id,
        ids[DELETED], k->as_new, k->id, ids[OWN], ids[OTHERS], ids[DELETED]);
}

static int status_of(const struct expectation *e, const struct cast *c, enum record record)
{
    if (record == OTHERS) return c->reaches_all ? e->live : 404;
    return record == OWN ? e->live : record == DELETED ? e->deleted : e->absent;
}

static bool may(const char *role, const char *permission)
{
    return !permission || !*permission ||
           sql_count(stack.auth_db, "SELECT count(*) FROM roles WHERE role_name = '%s' AND '%s' = ANY (permissions)", role, permission);
}

static void judge_role(const struct operation *o, void *arg)
{
    const struct cast *c = arg;
    const struct expectation *e = o->expected;
    bool allowed = may(c->role, e->needs);
    size_t kind = kind_of(o);
    char *const *ids = c->records[kind];
    for (int i = 0; i < (e->absent ? RECORDS : 1); i++) {
        if (e->absent) reset(&kinds[kind], ids);
        struct reply *r = called(o, token_for(o, c->user), e->absent ? ids[i] : UUID_ABSENT);
        int want = !allowed ? 403 : e->absent ? status_of(e, c, (enum record)i) : e->live;
        expect(r->status == want, "%s, record %d: %s is %ld instead of %d: %s", c->role, i, e->operation, r->status, want, r->body);
    }
}

static void test_every_operation_by_each_role(void **state)
{
    (void)state;
    static const char *const roles[] = { "ADMIN", "SALES_DIRECTOR", "SALES_MANAGER", "SALES_REP", "FINANCE", "AUDITOR", "API_CLIENT" };
    for (size_t i = 0; i < COUNT(roles); i++) {
        struct cast c = cast(roles[i]);
        assert_int_equal(every_operation(judge_role, &c), COUNT(expectations));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_operation_without_a_good_token),
        cmocka_unit_test(test_every_operation_by_each_role),
    };
    return system_main("authorization", tests, COUNT(tests));
}
