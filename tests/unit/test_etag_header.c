#include "rest/etag.h"

#include "unit.h"

/* A request with one header; value NULL: without. */
static struct req *request(const char *name, const char *value)
{
    struct arena a;
    arena_init(&a);
    struct req *r = req_new(&a);
    if (!value) return r;
    r->headers = arena_new(&r->arena, struct header);
    r->headers[0] = (struct header){ .name = str_of(name), .value = str_of(value) };
    r->header_count = 1;
    return r;
}

static void test_if_match(void **state)
{
    (void)state;
    static const struct { const char *value, *versions; enum err_code strictly; } cases[] = {
        { NULL, NULL, E_PRECONDITION_REQUIRED },
        { "*", NULL, E_OK },
        { " * ", NULL, E_OK },
        { "\"12.9f2c81aa\"", "{12}", E_OK },
        { "\"12\"", "{12}", E_OK },
        { " \"1.a\" ,\t\"2.b\"", "{1,2}", E_OK },
        { "W/\"12.9f2c81aa\"", "{0}", E_OK }, /* weak: never matches, RFC 9110 section 13.1.1 */
        { "\"abc\", \"7.x\"", "{0,7}", E_OK },
        { "12", "{0}", E_OK },
        { "\"\"", "{0}", E_OK },
        { "\"", "{0}", E_OK },
        { "", "{0}", E_OK },
        { "\"-1.x\"", "{0}", E_OK },
        { "\"2147483648.x\"", "{0}", E_OK },
        { "\"1;DROP TABLE\"", "{0}", E_OK },
    };
    for (size_t i = 0; i < COUNT(cases) * 2; i++) {
        bool strict = i >= COUNT(cases);
        size_t k = i % COUNT(cases);
        const char *versions = "untouched";
        struct req *r = request("If-Match", cases[k].value);
        etag_set_strict(strict);
        etag_read_match(r, &versions);
        expect(r->problem.code == (strict ? cases[k].strictly : E_OK), "%s", cases[k].value);
        expect(str_is(str_of(versions), cases[k].versions) && !versions == !cases[k].versions, "%s: %s", cases[k].value,
               versions);
        req_release(r);
    }
    etag_set_strict(false);
}

static void test_a_repeated_if_match_is_refused(void **state)
{
    (void)state;
    const char *versions = "untouched";
    struct req *r = request(NULL, NULL);
    struct header two[] = { { .name = STR("If-Match"), .value = STR("\"1.a\"") },
                            { .name = STR("if-match"), .value = STR("\"2.b\"") } };
    r->headers = two;
    r->header_count = 2;
    etag_read_match(r, &versions);
    assert_int_equal(r->problem.code, E_BAD_REQUEST);
    assert_true(str_is(r->problem.details->field, "If-Match"));
    req_release(r);
}

static void test_if_none_match(void **state)
{
    (void)state;
    static const struct { const char *format; bool not_modified;
    } cases[] = {
        /* T: the current tag */
        { NULL, false },
        { "*", true },
        { "T", true },
        { "W/T", true },
        { "\"x\", T", true },
        { "T,\"x\"", true },
        { "\"x\"", false },
        { "", false },
        { ",", false },
        { "w/T", false },
        { "\"7.00000000\"", false },
        { " \t T", true },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct req *r = request("If-None-Match", cases[i].format);
        etag_reply(r, STR("7"), STR("{\"a\":1}"));
        assert_int_equal(r->reply_header_count, 1);
        struct str tag = r->reply_headers[0].value;
        const char *at = cases[i].format ? strchr(cases[i].format, 'T') : NULL;
        if (at)
            r->headers[0].value = arena_printf(&r->arena, "%.*s%.*s%s", (int)(at - cases[i].format), cases[i].format,
                                               STR_ARG(tag), at + 1);
        expect(etag_not_modified(r) == cases[i].not_modified, "%s", cases[i].format);
        req_release(r);
    }
}

static struct str tag_of(struct req *r, const char *version, const char *representation)
{
    r->reply_header_count = 0;
    etag_reply(r, str_of(version), str_of(representation));
    assert_true(str_is(r->reply_headers[0].name, "ETag"));
    return r->reply_headers[0].value;
}

/* Strong: another version or another representation is another tag; the version can be read back from it. */
static void test_tags(void **state)
{
    (void)state;
    struct req *r = request(NULL, NULL);
    struct str tag = tag_of(r, "12", "{}");
    assert_true(tag.len == strlen("\"12.0123456789ab\"") && str_has_prefix(tag, STR("\"12.")) && tag.p[tag.len - 1] == '"');
    assert_true(str_eq(tag, tag_of(r, "12", "{}")));
    assert_false(str_eq(tag, tag_of(r, "13", "{}")));
    assert_false(str_eq(tag, tag_of(r, "12", "{ }")));
    req_release(r);
    const char *versions;
    r = request("If-Match", "");
    r->headers[0].value = tag_of(r, "12", "{}");
    etag_read_match(r, &versions);
    assert_string_equal(versions, "{12}");
    req_release(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_if_match), cmocka_unit_test(test_a_repeated_if_match_is_refused),
        cmocka_unit_test(test_if_none_match), cmocka_unit_test(test_tags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
