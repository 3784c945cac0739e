#include "unit.h"

#include "http/router.h"

#define ROW(m, p) { .method = METHOD_##m, .path = { p, sizeof(p) - 1 }, .operation = { #m " " p, sizeof(#m " " p) - 1 } }

static const struct route rows[] = {
    ROW(GET, "/"),
    ROW(GET, "/api/v1/customers"),
    ROW(POST, "/api/v1/customers"),
    ROW(GET, "/api/v1/customers/{customer_id}"),
    ROW(PUT, "/api/v1/customers/{customer_id}"),
    ROW(DELETE, "/api/v1/customers/{customer_id}"),
    ROW(GET, "/api/v1/customers/export"),
    ROW(POST, "/api/v1/customers/{customer_id}/restore"),
    ROW(GET, "/api/v1/customers/{customer_id}/contacts/{contact_id}"),
    ROW(HEAD, "/api/v1/heads"),
    ROW(GET, "/api/v1/heads"),
    ROW(OPTIONS, "/api/v1/only-options"),
};
static const struct route_table table = { rows, COUNT(rows) };

#define BIT(m) (1u << METHOD_##m)
enum { ITEM = 1u << METHOD_GET | 1u << METHOD_HEAD | 1u << METHOD_PUT | 1u << METHOD_DELETE };

static const struct {
    enum method method;
    const char *path, *operation, *first, *second;
    unsigned allowed;
} cases[] = {
    { METHOD_GET, "/", "GET /", NULL, NULL, BIT(GET) | BIT(HEAD) },
    { METHOD_POST, "/api/v1/customers", "POST /api/v1/customers", NULL, NULL, BIT(GET) | BIT(HEAD) | BIT(POST) },
    { METHOD_HEAD, "/api/v1/customers", "GET /api/v1/customers", NULL, NULL, BIT(GET) | BIT(HEAD) | BIT(POST) },
    { METHOD_PATCH, "/api/v1/customers", NULL, NULL, NULL, BIT(GET) | BIT(HEAD) | BIT(POST) },
    { METHOD_PUT, "/api/v1/customers/7", "PUT /api/v1/customers/{customer_id}", "7", NULL, ITEM },
    { METHOD_GET, "/api/v1/customers/export", "GET /api/v1/customers/export", NULL, NULL, BIT(GET) | BIT(HEAD) },
    { METHOD_DELETE, "/api/v1/customers/export", NULL, NULL, NULL, BIT(GET) | BIT(HEAD) },
    { METHOD_GET, "/api/v1/customers/exports", "GET /api/v1/customers/{customer_id}", "exports", NULL, ITEM },
    /* the static segment leads nowhere: the parameter takes it */
    { METHOD_POST, "/api/v1/customers/export/restore", "POST /api/v1/customers/{customer_id}/restore", "export", NULL,
      BIT(POST) },
    { METHOD_GET, "/api/v1/customers/a/contacts/b", "GET /api/v1/customers/{customer_id}/contacts/{contact_id}", "a", "b",
      BIT(GET) | BIT(HEAD) },
    { METHOD_HEAD, "/api/v1/heads", "HEAD /api/v1/heads", NULL, NULL, BIT(GET) | BIT(HEAD) },
    { METHOD_OPTIONS, "/api/v1/only-options", "OPTIONS /api/v1/only-options", NULL, NULL, BIT(OPTIONS) },

    { METHOD_GET, "", NULL, NULL, NULL, 0 },
    { METHOD_GET, "*", NULL, NULL, NULL, 0 },
    { METHOD_GET, "/api", NULL, NULL, NULL, 0 },
    { METHOD_GET, "/api/v1/customer", NULL, NULL, NULL, 0 },
    { METHOD_GET, "/api/v1/customers/", NULL, NULL, NULL, 0 },
    { METHOD_GET, "/api/v1/customers/a/", NULL, NULL, NULL, 0 },
    { METHOD_GET, "/api/v1/customers/a/b", NULL, NULL, NULL, 0 },
    { METHOD_GET, "/API/v1/customers", NULL, NULL, NULL, 0 },
    { METHOD_GET, "/api/v1/customers/a/contacts", NULL, NULL, NULL, 0 },
};

static bool same(struct str got, const char *want)
{
    return want ? str_is(got, want) : str_is_none(got);
}

static void test_router_finds_row_parameters_and_allowed_methods(void **state)
{
    struct router *r = router_new(&table);
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct route_match m = router_find(r, cases[i].method, str_of(cases[i].path));
        struct str got = m.route ? m.route->operation : STR_NONE;
        if (!same(got, cases[i].operation)) fail_msg("%s: got %.*s", cases[i].path, STR_ARG(got));
        if (m.allowed != cases[i].allowed) fail_msg("%s: allowed %x", cases[i].path, m.allowed);
        if (m.route && !same(m.params[0], cases[i].first)) fail_msg("%s: first parameter", cases[i].path);
        if (m.route && !same(m.params[1], cases[i].second)) fail_msg("%s: second parameter", cases[i].path);
    }
    router_free(r);
}

static void test_every_row_finds_itself(void **state)
{
    struct router *r = router_new(&table);
    (void)state;
    for (size_t i = 0; i < table.count; i++)
        assert_ptr_equal(router_find(r, rows[i].method, rows[i].path).route, &rows[i]);
    router_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_router_finds_row_parameters_and_allowed_methods),
        cmocka_unit_test(test_every_row_finds_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
