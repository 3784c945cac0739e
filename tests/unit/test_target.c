#include "unit.h"

#include "http/head.h"

#define NONE NULL

static const struct {
    const char *target, *path, *query; /* path NULL: refused */
} cases[] = {
    { "/", "/", NONE },
    { "/api/v1/customers", "/api/v1/customers", NONE },
    { "/api/v1/customers/", "/api/v1/customers/", NONE },
    { "/a?x=1&y=%2F", "/a", "x=1&y=%2F" },
    { "/a?", "/a", "" },
    { "/a?b?c", "/a", "b?c" },
    { "/a?../..//", "/a", "../..//" },
    { "/%61%62", "/ab", NONE },
    { "/a%20b", "/a b", NONE },
    { "/%E5%8C%97%E4%BA%AC", "/北京", NONE },
    { "/北京", "/北京", NONE },
    { "/a%2525", "/a%25", NONE }, /* decoded once */
    { "/a...b/.c/..d", "/a...b/.c/..d", NONE },
    { "*", "*", NONE },

    { "", NULL, NONE },
    { "a", NULL, NONE },
    { "?x=1", NULL, NONE },
    { "http://host/a", NULL, NONE },
    { "//a", NULL, NONE },
    { "/a//b", NULL, NONE },
    { "/a//", NULL, NONE },
    { "/.", NULL, NONE },
    { "/..", NULL, NONE },
    { "/a/../b", NULL, NONE },
    { "/a/./b", NULL, NONE },
    { "/a/..", NULL, NONE },
    { "/a/%2e%2e/b", NULL, NONE },
    { "/a/.%2E/b", NULL, NONE },
    { "/a/%2e", NULL, NONE },
    { "/a%2Fb", NULL, NONE },
    { "/a%2fb", NULL, NONE },
    { "/a%00b", NULL, NONE },
    { "/a%0d%0ab", NULL, NONE },
    { "/a%7f", NULL, NONE },
    { "/a\x01", NULL, NONE },
    { "/a\r\nb", NULL, NONE },
    { "/a\x7f", NULL, NONE },
    { "/a%", NULL, NONE },
    { "/a%4", NULL, NONE },
    { "/a%4?x", NULL, NONE },
    { "/a%zz", NULL, NONE },
    { "/a%-1", NULL, NONE },
    { "/%ff", NULL, NONE },
    { "/%C0%AF", NULL, NONE },     /* overlong '/' */
    { "/%ED%A0%80", NULL, NONE },  /* surrogate */
    { "/\xff", NULL, NONE },
};

static void test_target_is_split_into_normal_path_and_raw_query(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena a;
        struct str path, query;
        arena_init(&a);
        bool ok = target_read(&a, str_of(cases[i].target), &path, &query);
        if (ok != (cases[i].path != NULL)) fail_msg("%s: %s", cases[i].target, ok ? "accepted" : "refused");
        if (ok && !str_is(path, cases[i].path)) fail_msg("%s: path %.*s", cases[i].target, STR_ARG(path));
        if (ok && str_is_none(query) != (cases[i].query == NULL)) fail_msg("%s: query", cases[i].target);
        if (ok && cases[i].query && !str_is(query, cases[i].query)) fail_msg("%s: query", cases[i].target);
        arena_done(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_target_is_split_into_normal_path_and_raw_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
