#include "http/reply.h"
#include "http/server.h"
#include "http/worker.h"

#include "unit.h"

static int seen, over; /* replies */

static void on_reply(struct req *r)
{
    assert_false(r->replied); /* it sees an answer before it goes */
    seen++;
}

static void on_replied(struct req *r)
{
    assert_int_equal(r->reply_bytes, r->out.len);
    over++;
}

static struct worker worker = { .on_reply = on_reply, .on_replied = on_replied };

/* Nobody is connected: the bytes go nowhere. */
static struct req *request(const char *accept, const char *language)
{
    struct arena a;
    arena_init(&a);
    struct req *r = req_new(&a);
    r->worker = &worker;
    r->path = STR("/api/v1/customers/x");
    memcpy(r->request_id, "018f3c5e-7a10-7c3e-9b1a-2f6d8e4c1a01", REQUEST_ID_LEN);
    r->headers = arena_array(&r->arena, struct header, 2);
    if (accept) r->headers[r->header_count++] = (struct header){ .name = STR("accept"), .value = str_of(accept) };
    if (language) r->headers[r->header_count++] = (struct header){ .name = STR("Accept-Language"), .value = str_of(language) };
    seen = over = 0;
    req_hold(r); /* beyond the reply */
    return r;
}

static struct str header_of(const struct req *r, const char *name)
{
    struct str value = STR_NONE;
    for (size_t i = 0; i < r->reply_header_count; i++)
        if (str_is(r->reply_headers[i].name, name)) assert_true(str_is_none(value)), value = r->reply_headers[i].value;
    return value;
}

static void is_answered(struct req *r, int status, const char *type, const char *body)
{
    assert_true(r->replied);
    assert_int_equal(seen, 1);
    assert_int_equal(over, 1);
    expect(r->status == status && str_is(r->content_type, type), "%d %.*s", r->status, STR_ARG(r->content_type));
    expect(str_is(buf_str(&r->out), body), "%.*s", STR_ARG(buf_str(&r->out)));
    assert_true(str_is(header_of(r, "X-Request-Id"), r->request_id));
    req_release(r);
}

#define JSON    "application/json; charset=utf-8"
#define PROBLEM "application/problem+json; charset=utf-8"
#define ID      "\"request_id\":\"018f3c5e-7a10-7c3e-9b1a-2f6d8e4c1a01\"}"

static void test_success(void **state)
{
    (void)state;
    struct req *r = request(NULL, NULL);
    struct jw w = reply_begin(r);
    jw_object(&w);
    jw_key(&w, STR("a"));
    jw_int(&w, 1);
    jw_object_end(&w);
    reply_end(r, &w);
    is_answered(r, 200, JSON, "{\"code\":200,\"message\":\"success\",\"data\":{\"a\":1}}");
}

static void test_raw(void **state)
{
    (void)state;
    struct req *r = request(NULL, NULL);
    buf_addz(&r->out, "left over");
    reply_raw(r, 202, STR("text/plain"), STR("body"));
    is_answered(r, 202, "text/plain", "body");
    r = request(NULL, NULL);
    buf_addz(&r->out, "its own bytes");
    reply_raw(r, 200, STR("text/plain"), buf_str(&r->out));
    is_answered(r, 200, "text/plain", "its own bytes");
    r = request(NULL, NULL);
    reply_not_modified(r);
    is_answered(r, 304, NULL, "");
}

static void test_what_does_not_fit_is_an_error(void **state)
{
    (void)state;
    struct req *r = request(NULL, "en");
    struct jw w = reply_begin(r);
    r->out.max = 200;
    for (int i = 0; i < 300; i++) buf_addc(&r->out, '1');
    reply_end(r, &w);
    is_answered(
        r, 500, JSON,
        "{\"code\":500,\"message\":\"Something went wrong on our side\",\"error\":\"INTERNAL\",\"details\":[]," ID);
}

static void test_the_error_envelope(void **state)
{
    (void)state;
    struct req *r = request(NULL, NULL);
    problem_add(&r->problem, &r->arena, E_INVALID_FIELD, STR("status"), STR("is not \"one\""))->allowed = STR("活跃, 停用");
    problem_add(&r->problem, &r->arena, E_DUPLICATE, STR("customer_code"), STR("is taken"))->existing_id = STR("018f");
    reply_error(r);
    is_answered(r, 400, JSON,
                "{\"code\":400,\"message\":\"请求参数不合法\",\"error\":\"INVALID_FIELD\",\"details\":[{\"field\":"
                "\"status\",\"reason\":\"is not "
                "\\\"one\\\"\",\"allowed\":\"活跃, 停用\"},{\"field\":\"customer_code\",\"reason\":\"is "
                "taken\",\"existing_id\":\"018f\"}]," ID);
}

static void test_a_conflict_shows_the_current_record(void **state)
{
    (void)state;
    struct req *r = request(NULL, "en-GB,en;q=0.9");
    r->problem.current = STR("{\"version\":3}");
    reply_fail(r, E_VERSION_CONFLICT);
    is_answered(r, 412, JSON,
        "{\"code\":412,\"message\":\"The record has changed since you read it\",\"error\":\"VERSION_CONFLICT\",\"details\":[],"
        "\"current\":{\"version\":3}," ID);
}

static void test_rfc_9457(void **state)
{
    (void)state;
    struct req *r = request("text/html, application/problem+json;q=0.9", "en");
    reply_fail(r, E_NOT_FOUND);
    is_answered(r, 404, PROBLEM,
        "{\"type\":\"about:blank\",\"title\":\"No such resource\",\"status\":404,\"instance\":\"/api/v1/customers/x\","
        "\"error\":\"NOT_FOUND\",\"details\":[]," ID);
}

static void test_every_error(void **state)
{
    (void)state;
    static const char *const languages[] = { NULL, "en", "zh-CN,en;q=0.5", "fr, en" };
    for (int code = E_OK + 1; code < E_COUNT; code++)
        for (size_t i = 0; i < COUNT(languages); i++) {
            struct req *r = request(NULL, languages[i]);
            r->problem.retry_after_s = code == E_OVERLOADED ? 7 : 0;
            reply_fail(r, (enum err_code)code);
            const struct err_row *row = &err_table[code];
            const char *message = i == 1 ? row->en : row->zh;
            assert_int_equal(r->status, row->http);
            assert_non_null(memmem(r->out.data, r->out.len, message, strlen(message)));
            assert_int_equal(!str_is_none(header_of(r, "WWW-Authenticate")), row->http == 401);
            expect(str_is(header_of(r, "Retry-After"), code == E_OVERLOADED ? "7" : NULL), "%s", row->slug);
            req_release(r);
        }
}

static void test_the_table(void **state)
{
    (void)state;
    for (int i = 0; i < E_COUNT; i++) {
        const struct err_row *row = &err_table[i];
        expect(row->http == 200 || (row->http >= 400 && row->http < 600), "%s", row->slug);
        expect(row->slug && row->zh && row->en && *row->slug && *row->zh && *row->en, "%d", i);
        for (int k = 0; k < i; k++) assert_string_not_equal(row->slug, err_table[k].slug);
    }
}

static void test_the_first_cause_wins_and_nothing_is_an_error(void **state)
{
    (void)state;
    struct req *r = request(NULL, NULL);
    problem_set(&r->problem, E_FORBIDDEN);
    reply_fail(r, E_INTERNAL);
    assert_int_equal(r->status, 403);
    req_release(r);
    r = request(NULL, NULL);
    reply_error(r); /* without a problem: a bug, never a success */
    assert_int_equal(r->status, 500);
    req_release(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_success), cmocka_unit_test(test_raw), cmocka_unit_test(test_what_does_not_fit_is_an_error),
        cmocka_unit_test(test_the_error_envelope), cmocka_unit_test(test_a_conflict_shows_the_current_record),
        cmocka_unit_test(test_rfc_9457), cmocka_unit_test(test_every_error), cmocka_unit_test(test_the_table),
        cmocka_unit_test(test_the_first_cause_wins_and_nothing_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
