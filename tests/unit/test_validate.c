#include "base/buf.h"
#include "schema/validate.h"

#include "sample.h"

#define MINIMAL "\"name\":\"n\",\"pieces\":1"

static const struct json *body_of(struct arena *a, const char *text)
{
    struct problem p = { 0 };
    const struct json *v = json_read(a, str_of(text), &p);
    expect(v, "not JSON: %s", text);
    return v;
}

/* "name: reason; name: reason" */
static struct str faults_of(struct arena *a, const struct problem *p)
{
    struct str all = STR("");
    for (const struct detail *d = p->details; d; d = d->next)
        all = arena_printf(a, "%.*s%s%.*s: %.*s", STR_ARG(all), all.len ? "; " : "", STR_ARG(d->field), STR_ARG(d->reason));
    return all;
}

#define TEXT_20    "12345678901234567890"
#define HAN_20     "一二三四五六七八九十一二三四五六七八九十"
#define CODE_CHARS "may contain letters, digits, '_' and '-' only"
#define AMOUNT     "must be an amount from 0 to 9999999999999.99 with at most two decimals"
#define TIME       "must be a time, yyyy-MM-dd HH:mm:ss or RFC 3339"
#define PHONE      "must be a telephone number"
#define EMAIL      "must be an e-mail address"

/* One value of one field: `reason` NULL and the SQL text it becomes, or the reason why not. */
static const struct { int field; const char *json, *sql, *reason; } values[] = {
    { S_NAME, "\"a\"", "a", NULL },
    { S_NAME, "\" a  b \"", " a  b ", NULL },
    { S_NAME, "\"" TEXT_20 "\"", TEXT_20, NULL },
    { S_NAME, "\"" HAN_20 "\"", HAN_20, NULL }, /* characters, not bytes */
    { S_NAME, "\"<b>'; DROP TABLE\"", "<b>'; DROP TABLE", NULL },
    { S_NAME, "\"\"", NULL, "must have 1 to 20 characters" },
    { S_NAME, "\" \\t \"", NULL, "must not contain control characters" },
    { S_NAME, "\"   \"", NULL, "must have 1 to 20 characters" },
    { S_NAME, "\"" TEXT_20 "x\"", NULL, "must have 1 to 20 characters" },
    { S_NAME, "\"" HAN_20 "北\"", NULL, "must have 1 to 20 characters" },
    { S_NAME, "\"a\\nb\"", NULL, "must not contain control characters" },
    { S_NAME, "\"a\\u0085b\"", NULL, "must not contain control characters" },
    { S_NAME, "1", NULL, "must be a string" },
    { S_NAME, "[\"a\"]", NULL, "must be a string" },
    { S_NOTE, "\"\"", "", NULL },
    { S_NOTE, "\"a\\n\\tb\"", "a\n\tb", NULL },
    { S_NOTE, "\"a\\rb\"", NULL, "must not contain control characters" },
    { S_NOTE, "\"" TEXT_20 "12345678901\"", NULL, "must have 0 to 30 characters" },
    { S_CODE, "\"aZ0_-\"", "aZ0_-", NULL },
    { S_CODE, "\"1234567890\"", "1234567890", NULL },
    { S_CODE, "\"12345678901\"", NULL, "must have 1 to 10 characters" },
    { S_CODE, "\"\"", NULL, "must have 1 to 10 characters" },
    { S_CODE, "\"a b\"", NULL, CODE_CHARS },
    { S_CODE, "\"é\"", NULL, CODE_CHARS },
    { S_KIND, "\"企业\"", "企业", NULL },
    { S_KIND, "\"person\"", "个人", NULL }, /* by code; the label is stored */
    { S_KIND, "\"PERSON\"", NULL, "is not one of the allowed values" },
    { S_KIND, "\"\"", NULL, "is not one of the allowed values" },
    { S_KIND, "true", NULL, "must be a string" },
    { S_OWNER_ID, "\"" UUID_A "\"", UUID_A, NULL },
    { S_OWNER_ID, "\"018F3C5E-7A10-7C3E-9B1A-2F6D8E4C1A01\"", "018F3C5E-7A10-7C3E-9B1A-2F6D8E4C1A01", NULL },
    { S_OWNER_ID, "\"018f3c5e7a107c3e9b1a2f6d8e4c1a01\"", NULL, "must be a UUID" },
    { S_OWNER_ID, "\"\"", NULL, "must be a UUID" },
    { S_OWNER_ID, "7", NULL, "must be a UUID string" },
    { S_AMOUNT, "0", "0.00", NULL },
    { S_AMOUNT, "12.5", "12.50", NULL },
    { S_AMOUNT, "9999999999999.99", "9999999999999.99", NULL },
    { S_AMOUNT, "10000000000000", NULL, AMOUNT },
    { S_AMOUNT, "1.001", NULL, AMOUNT },
    { S_AMOUNT, "1e2", NULL, AMOUNT },
    { S_AMOUNT, "1e400", NULL, AMOUNT },
    { S_AMOUNT, "-0.01", NULL, AMOUNT },
    { S_AMOUNT, "\"12.50\"", NULL, "must be a number" },
    { S_PIECES, "-5", "-5", NULL },
    { S_PIECES, "10", "10", NULL },
    { S_PIECES, "-6", NULL, "must be an integer from -5 to 10" },
    { S_PIECES, "11", NULL, "must be an integer from -5 to 10" },
    { S_PIECES, "1.0", NULL, "must be an integer from -5 to 10" },
    { S_PIECES, "1e0", NULL, "must be an integer from -5 to 10" },
    { S_PIECES, "99999999999999999999", NULL, "must be an integer from -5 to 10" },
    { S_PIECES, "\"1\"", NULL, "must be an integer" },
    { S_ACTIVE, "true", "true", NULL },
    { S_ACTIVE, "false", "false", NULL },
    { S_ACTIVE, "1", NULL, "must be true or false" },
    { S_ACTIVE, "\"true\"", NULL, "must be true or false" },
    { S_DAY, "\"2024-02-29\"", "2024-02-29", NULL },
    { S_DAY, "\"2023-02-29\"", NULL, "must be a date, yyyy-MM-dd" },
    { S_DAY, "\"2023-2-9\"", NULL, "must be a date, yyyy-MM-dd" },
    { S_DAY, "20230101", NULL, "must be a date string" },
    { S_MOMENT, "\"2023-01-01 10:00:00\"", "2023-01-01 02:00:00+00", NULL }, /* the wall clock of Shanghai */
    { S_MOMENT, "\"2023-01-01T10:00:00Z\"", "2023-01-01 10:00:00+00", NULL },
    { S_MOMENT, "\"2023-01-01T10:00:00-05:30\"", "2023-01-01 15:30:00+00", NULL },
    { S_MOMENT, "\"2023-01-01 24:00:00\"", NULL, TIME },
    { S_MOMENT, "\"2023-01-01\"", NULL, TIME },
    { S_MOMENT, "0", NULL, "must be a time string" },
    { S_TAGS, "[]", "[]", NULL },
    { S_TAGS, "[\"a\",\"北京\\\"x\"]", "[\"a\",\"北京\\\"x\"]", NULL },
    { S_TAGS, "[\"b\",\"a\",\"b\"]", "[\"b\",\"a\"]", NULL }, /* a set */
    { S_TAGS, "[\"a\",\"b\",\"c\",\"d\"]", NULL, "must have at most 3 elements" },
    { S_TAGS, "[\"\"]", NULL, "must have 1 to 4 characters" },
    { S_TAGS, "[\"abcde\"]", NULL, "must have 1 to 4 characters" },
    { S_TAGS, "[\"a\\n\"]", NULL, "must not contain control characters" },
    { S_TAGS, "[\"a\",1]", NULL, "must be an array of strings" },
    { S_TAGS, "[[\"a\"]]", NULL, "must be an array of strings" },
    { S_TAGS, "\"a\"", NULL, "must be an array of strings" },
    { S_PHONE, "\"13800138000\"", "13800138000", NULL },
    { S_PHONE, "\"+86 (10) 6512-34x5\"", "+86 (10) 6512-34x5", NULL },
    { S_PHONE, "\"1234\"", NULL, PHONE },
    { S_PHONE, "\"" TEXT_20 "1\"", NULL, PHONE },
    { S_PHONE, "\"138/0013\"", NULL, PHONE },
    { S_EMAIL, "\"a.b+c@example.com\"", "a.b+c@example.com", NULL },
    { S_EMAIL, "\"a@b.c\"", "a@b.c", NULL },
    { S_EMAIL, "\"@b.cc\"", NULL, EMAIL },
    { S_EMAIL, "\"a@bcc\"", NULL, EMAIL },
    { S_EMAIL, "\"a@b@c.d\"", NULL, EMAIL },
    { S_EMAIL, "\"a b@c.de\"", NULL, EMAIL },
    { S_EMAIL, "\"a@.cde\"", NULL, EMAIL },
    { S_EMAIL, "\"a@cde.\"", NULL, EMAIL },
    { S_EMAIL, "\"a@b.c,d@e.f\"", NULL, EMAIL },
    { S_EMAIL, "\"a@" TEXT_20 TEXT_20 ".com\"", NULL, EMAIL },
    { S_EMAIL, "\"a\"", NULL, EMAIL },
    { S_EMAIL, "\"\"", NULL, EMAIL },
};

static void test_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        const struct field *f = &sample_fields[values[i].field];
        struct arena a;
        arena_init(&a);
        struct problem p = { 0 };
        struct values v;
        struct str body = arena_printf(&a, "{\"%.*s\":%s}", STR_ARG(f->name), values[i].json);
        bool ok = validate_body(&a, &sample, body_of(&a, body.p), WRITE_UPDATE, &v, &p);
        if (values[i].reason) {
            struct str want = arena_printf(&a, "%.*s: %s", STR_ARG(f->name), values[i].reason);
            expect(!ok && p.code == E_INVALID_FIELD && str_eq(faults_of(&a, &p), want), "%s: %s", body.p, faults_of(&a, &p).p);
            expect(str_is_none(p.details->allowed) == (f->type != T_ENUM), "%s", body.p);
        } else {
            expect(ok && v.given == UINT64_C(1) << values[i].field, "%s: %s", body.p, faults_of(&a, &p).p);
            expect(!strcmp(v.text[values[i].field], values[i].sql), "%s: %s", body.p, v.text[values[i].field]);
        }
        arena_done(&a);
    }
}

/* Whole bodies: what is bad, in order of appearance, then what is missing. */
static const struct { enum write_kind kind; const char *body, *faults; } bodies[] = {
    { WRITE_CREATE, "{" MINIMAL "}", "" },
    { WRITE_CREATE, "{}", "name: is required; pieces: is required" },
    { WRITE_UPDATE, "{}", "" },
    { WRITE_CREATE, "{\"name\":null,\"pieces\":null}", "name: must not be null; pieces: must not be null" },
    { WRITE_UPDATE, "{\"name\":null,\"kind\":null,\"note\":null}", "name: must not be null; kind: must not be null" },
    { WRITE_CREATE, "{" MINIMAL ",\"note\":null,\"tags\":null,\"owner_id\":null}", "" },
    { WRITE_CREATE, "{" MINIMAL ",\"Name\":\"x\",\"x\":null}", "Name: is not a known field; x: is not a known field" },
    { WRITE_UPDATE, "{\"x\":1}", "x: is not a known field" },
    { WRITE_CREATE, "{" MINIMAL ",\"sample_id\":\"" UUID_A "\",\"version\":1,\"owner_name\":null}",
      "sample_id: is set by the server; version: is set by the server; owner_name: is set by the server" },
    { WRITE_UPDATE, "{\"sample_id\":7,\"version\":\"x\",\"created_time\":null,\"owner_name\":\"z\"}", "" },
    { WRITE_CREATE, "{\"pieces\":11,\"kind\":\"?\",\"active\":0,\"y\":0,\"tags\":[1],\"email\":\"x\"}",
      "pieces: must be an integer from -5 to 10; kind: is not one of the allowed values; active: must be true or false; "
      "y: is not a known field; tags: must be an array of strings; email: must be an e-mail address; name: is required" },
    { WRITE_CREATE, "[]", "body: must be a JSON object" },
    { WRITE_UPDATE, "\"x\"", "body: must be a JSON object" },
};

static void test_bodies(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++) {
        struct arena a;
        arena_init(&a);
        struct problem p = { 0 };
        struct values v;
        bool ok = validate_body(&a, &sample, body_of(&a, bodies[i].body), bodies[i].kind, &v, &p);
        expect(str_is(faults_of(&a, &p), bodies[i].faults), "%s: %s", bodies[i].body, faults_of(&a, &p).p);
        expect(ok == !*bodies[i].faults && (p.code == (ok ? E_OK : E_INVALID_FIELD)), "%s", bodies[i].body);
        arena_done(&a);
    }
}

static uint64_t bits(int a, int b, int c)
{
    return (a < 0 ? 0 : UINT64_C(1) << a) | (b < 0 ? 0 : UINT64_C(1) << b) | (c < 0 ? 0 : UINT64_C(1) << c);
}

static void test_absent_null_and_fallback(void **state)
{
    (void)state;
    static const struct { enum write_kind kind; const char *body; int given[3]; const char *note, *what_kind; } cases[] = {
        { WRITE_CREATE, "{" MINIMAL "}", { S_NAME, S_PIECES, S_KIND }, NULL, "企业" },
        { WRITE_CREATE, "{" MINIMAL ",\"kind\":\"person\"}", { S_NAME, S_PIECES, S_KIND }, NULL, "个人" },
        { WRITE_UPDATE, "{}", { -1, -1, -1 }, NULL, NULL },
        { WRITE_UPDATE, "{\"note\":null}", { S_NOTE, -1, -1 }, NULL, NULL },
        { WRITE_UPDATE, "{\"note\":\"x\",\"version\":3}", { S_NOTE, -1, -1 }, "x", NULL },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena a;
        arena_init(&a);
        struct problem p = { 0 };
        struct values v;
        memset(&v, 0xff, sizeof v);
        assert_true(validate_body(&a, &sample, body_of(&a, cases[i].body), cases[i].kind, &v, &p));
        expect(v.given == bits(cases[i].given[0], cases[i].given[1], cases[i].given[2]), "%s", cases[i].body);
        expect(str_is(str_of(v.text[S_NOTE]), cases[i].note) && str_is(str_of(v.text[S_KIND]), cases[i].what_kind),
               "%s", cases[i].body);
        assert_null(v.text[S_VERSION]);
        arena_done(&a);
    }
}

static void test_no_body(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct problem p = { 0 };
    struct values v;
    assert_false(validate_body(&a, &sample, NULL, WRITE_CREATE, &v, &p));
    assert_true(str_is(faults_of(&a, &p), "body: must be a JSON object"));
    arena_done(&a);
}

/* --- rows of a record -------------------------------------------------------------------------------------------------- */

enum { ROW_NAME, ROW_QUANTITY, ROW_AMOUNT, ROW_PLACE };
static const struct field row_fields[] = {
    [ROW_NAME] = { .name = STR("name"), .type = T_TEXT, .max = 5, .from = -1 },
    [ROW_QUANTITY] = { .name = STR("quantity"), .type = T_QUANTITY, .flags = F_REQUIRED, .from = -1 },
    [ROW_AMOUNT] = { .name = STR("amount"), .type = T_MONEY, .from = -1 },
    [ROW_PLACE] = { .name = STR("place"), .type = T_INT, .flags = F_READONLY, .max = 9, .from = -1 },
};
static const struct resource row_resource = { .name = STR("row"), .fields = row_fields, .field_count = COUNT(row_fields) };
static const struct field order_fields[] = {
    { .name = STR("rows"), .type = T_ITEMS, .flags = F_REQUIRED, .min = 1, .max = 3, .items = &row_resource, .from = -1 },
};
static const struct resource order_resource = { .name = STR("order"), .fields = order_fields, .field_count = 1 };

static void test_rows(void **state)
{
    (void)state;
    static const char quantity[] = "must be more than 0 and at most 9999999999999.999, with at most three decimals";
    static const struct { const char *json, *sql, *faults; } cases[] = {
        { "[{\"quantity\":1}]", "[{\"quantity\":1.000}]", "" },
        { "[{\"quantity\":0.125,\"name\":\"\\\"a\",\"amount\":3}]", "[{\"name\":\"\\\"a\",\"quantity\":0.125,\"amount\":3.00}]", "" },
        { "[{\"quantity\":1,\"place\":7}]", "[{\"quantity\":1.000}]", "" }, /* what was read may be sent back */
        { "[{\"quantity\":1,\"name\":null}]", "[{\"quantity\":1.000}]", "" },
        { "[]", NULL, "rows: must have 1 to 3 elements" },
        { "[{},{},{},{}]", NULL, "rows: must have 1 to 3 elements" },
        { "{}", NULL, "rows: must be an array of objects" },
        { "null", NULL, "rows: must not be null" },
        { "[1]", NULL, "rows[0].body: must be a JSON object" },
        { "[{\"quantity\":1},{}]", NULL, "rows[1].quantity: is required" },
        { "[{\"quantity\":0}]", NULL, "rows[0].quantity: Q" },
        { "[{\"quantity\":-1}]", NULL, "rows[0].quantity: Q" },
        { "[{\"quantity\":1.0001}]", NULL, "rows[0].quantity: Q" },
        { "[{\"quantity\":1e3}]", NULL, "rows[0].quantity: Q" },
        { "[{\"quantity\":\"1\"}]", NULL, "rows[0].quantity: must be a number" },
        { "[{\"quantity\":1,\"x\":1},{\"quantity\":1,\"name\":\"abcdef\"}]", NULL,
          "rows[0].x: is not a known field; rows[1].name: must have 0 to 5 characters" },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        for (int kind = WRITE_CREATE; kind <= WRITE_UPDATE; kind++) {
            struct arena a;
            struct problem p = { 0 };
            struct values v;
            arena_init(&a);
            const struct json *body = body_of(&a, arena_printf(&a, "{\"rows\":%s}", cases[i].json).p);
            bool ok = validate_body(&a, &order_resource, body, (enum write_kind)kind, &v, &p);
            struct str faults = faults_of(&a, &p), want = str_of(cases[i].faults);
            if (want.len > 3 && want.p[want.len - 1] == 'Q') want = arena_printf(&a, "%.*s%s", (int)want.len - 1, want.p, quantity);
            expect(ok == !want.len && str_eq(faults, want), "%zu: %.*s", i, STR_ARG(faults));
            if (cases[i].sql) assert_string_equal(v.text[0], cases[i].sql);
            arena_done(&a);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values), cmocka_unit_test(test_bodies), cmocka_unit_test(test_absent_null_and_fallback),
        cmocka_unit_test(test_no_body), cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests(tests, sample_setup, NULL);
}
