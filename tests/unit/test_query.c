#include "base/buf.h"
#include "schema/query.h"

#include "sample.h"

static struct str faults_of(struct arena *a, const struct problem *p)
{
    struct str all = STR("");
    for (const struct detail *d = p->details; d; d = d->next)
        all = arena_printf(a, "%.*s%s%.*s: %.*s", STR_ARG(all), all.len ? "; " : "", STR_ARG(d->field), STR_ARG(d->reason));
    return all;
}

/* --- the query string -------------------------------------------------------------------------------------------------- */

#define MALFORMED "query: is not valid percent-encoded UTF-8"

static void test_split_and_decode(void **state)
{
    (void)state;
    static const struct { const char *raw, *params, *faults; } cases[] = { /* params as "name=value|" each */
        { "", "", "" },
        { "a=1", "a=1|", "" },
        { "a=1&b=2", "a=1|b=2|", "" },
        { "a", "a=|", "" },
        { "a=", "a=|", "" },
        { "a=b=c", "a=b=c|", "" },
        { "a=+x%20y%2B", "a= x y+|", "" },
        { "%61%3d=%26%3D", "a==&=|", "" },
        { "a=%e5%8c%97%E4%BA%AC", "a=北京|", "" },
        { "a=%25%5F", "a=%_|", "" },
        { "A=1&a=2", "A=1|a=2|", "" },
        { "a=1&a=2", "", "a: is given more than once" },
        { "a=1&%61=1&b=1&b=2", "", "a: is given more than once; b: is given more than once" },
        { "a=%", "", MALFORMED },
        { "a=%4", "", MALFORMED },
        { "a=%4g", "", MALFORMED },
        { "a=%00", "", MALFORMED },
        { "a=%ff", "", MALFORMED },
        { "a=%c0%80", "", MALFORMED },
        { "a=%ed%a0%80", "", MALFORMED },
        { "%ff=a", "", MALFORMED },
        { "=1", "", MALFORMED },
        { "&", "", MALFORMED },
        { "a=1&", "", MALFORMED },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena a;
        arena_init(&a);
        struct problem p = { 0 };
        struct query_param params[LIMIT_QUERY_PARAMS];
        size_t count = 0;
        bool ok = query_split(&a, str_of(cases[i].raw), params, &count, &p);
        struct str got = STR("");
        for (size_t k = 0; k < count && ok; k++)
            got = arena_printf(&a, "%.*s%.*s=%.*s|", STR_ARG(got), STR_ARG(params[k].name), STR_ARG(params[k].value));
        expect(ok == !*cases[i].faults && str_is(got, cases[i].params), "%s: %.*s", cases[i].raw, STR_ARG(got));
        expect(str_is(faults_of(&a, &p), cases[i].faults), "%s: %s", cases[i].raw, faults_of(&a, &p).p);
        arena_done(&a);
    }
}

static void test_too_many_parameters(void **state)
{
    (void)state;
    for (int n = LIMIT_QUERY_PARAMS; n <= LIMIT_QUERY_PARAMS + 1; n++) {
        struct arena a;
        arena_init(&a);
        struct str raw = STR("p0=");
        struct problem p = { 0 };
        struct query_param params[LIMIT_QUERY_PARAMS];
        size_t count = 0;
        for (int i = 1; i < n; i++) raw = arena_printf(&a, "%.*s&p%d=", STR_ARG(raw), i);
        assert_int_equal(query_split(&a, raw, params, &count, &p), n == LIMIT_QUERY_PARAMS);
        assert_int_equal(p.code, n == LIMIT_QUERY_PARAMS ? E_OK : E_BAD_REQUEST);
        arena_done(&a);
    }
}

static void test_value_by_name(void **state)
{
    (void)state;
    const struct query_param params[] = { { STR("a"), STR("") }, { STR("b"), STR("2") } };
    assert_true(str_is(query_value(params, 2, STR("b")), "2"));
    assert_false(str_is_none(query_value(params, 2, STR("a"))));
    assert_true(str_is_none(query_value(params, 2, STR("c"))));
    assert_true(str_is_none(query_value(params, 1, STR("b"))));
}

/* --- list parameters ------------------------------------------------------------------------------------------------------ */

#define PAGE   "page: must be an integer from 1"
#define SIZE   "size: must be an integer from 1 to 200"
#define WORD   "keyword: must have 1 to 64 characters"
#define X64    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define START  "start_date: must be a date or a time"
#define BEFORE "start_date: must not be after end_date"

static const struct { const char *raw, *faults;
} refused[] = {
    { "page=0", PAGE },
    { "page=-1", PAGE },
    { "page=", PAGE },
    { "page=1.0", PAGE },
    { "page=+1", PAGE },
    { "page=2147483648", PAGE },
    { "page=99999999999999999999", PAGE },
    { "size=0", SIZE },
    { "size=201", SIZE },
    { "size=x", SIZE },
    { "keyword=", WORD },
    { "keyword=++", WORD },
    { "keyword=" X64 "x", WORD },
    { "keyword=a%0Ab", WORD },
    { "sort=", "sort: is not a sortable field" },
    { "sort=note", "sort: is not a sortable field" },
    { "sort=code;drop", "sort: is not a sortable field" },
    { "order=", "order: must be asc or desc" },
    { "order=ASC", "order: must be asc or desc" },
    { "total=yes", "total: is not one of the allowed values" },
    { "kind=x", "kind: is not one of the allowed values" },
    { "pieces=11", "pieces: must be an integer from -5 to 10" },
    { "owner_id=1", "owner_id: must be a UUID" },
    { "active=1", "active: must be true or false" },
    { "day=2023-02-30", "day: must be a date, yyyy-MM-dd" },
    { "note=x", "note: is not a known parameter" }, /* a field, but no filter */
    { "Page=1", "Page: is not a known parameter" },
    { "deleted_time=x", "deleted_time: is not a known parameter" },
    { "start_date=2023-02-30", START },
    { "start_date=", START },
    { "start_date=tomorrow", START },
    { "end_date=2023-13-01", "end_date: must be a date or a time" },
    { "start_date=2023-01-02&end_date=2023-01-01", BEFORE },
    { "start_date=2023-01-01+10:00:01&end_date=2023-01-01+10:00:00", BEFORE },
    { "cursor=x&page=2", "cursor: goes without page" },
    { "page=1&page=1", "page: is given more than once" },
    { "page=0&size=0&keyword=&sort=x&order=x&total=x&kind=x&nope=1&start_date=x&end_date=y",
      PAGE "; " SIZE "; " WORD
           "; sort: is not a sortable field; order: must be asc or desc; total: is not one of the allowed values; "
           "kind: is not one of the allowed values; nope: is not a known parameter; " START
           "; end_date: must be a date or a time" },
};

static void test_bad_lists_name_every_fault(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct arena a;
        arena_init(&a);
        struct problem p = { 0 };
        struct list_query q;
        bool ok = list_query_read(&a, &sample, str_of(refused[i].raw), (struct list_limits){ 0 }, &q, &p);
        expect(!ok && p.code == E_INVALID_FIELD && str_is(faults_of(&a, &p), refused[i].faults), "%s: %s", refused[i].raw,
               faults_of(&a, &p).p);
        arena_done(&a);
    }
}

/* Everything that `q` says, as one text; what is not said is left out. */
static struct str text_of(struct arena *a, const struct list_query *q)
{
    static const char *const totals[] = { [TOTAL_EXACT] = "exact", [TOTAL_ESTIMATE] = "estimate", [TOTAL_NONE] = "none" };
    struct str all = arena_printf(a, "page %lld size %lld by %s %s total %s", (long long)q->page, (long long)q->size,
                                  sample_fields[q->sort].name.p, q->ascending ? "asc" : "desc", totals[q->total]);
    if (!str_is_none(q->keyword)) all = arena_printf(a, "%.*s keyword '%.*s'", STR_ARG(all), STR_ARG(q->keyword));
    if (!str_is_none(q->cursor)) all = arena_printf(a, "%.*s cursor '%.*s'", STR_ARG(all), STR_ARG(q->cursor));
    for (int i = 0; i < S_COUNT; i++)
        if (q->filters[i]) all = arena_printf(a, "%.*s %s='%s'", STR_ARG(all), sample_fields[i].name.p, q->filters[i]);
    if (q->from) all = arena_printf(a, "%.*s from %s", STR_ARG(all), q->from);
    if (q->until) all = arena_printf(a, "%.*s until %s", STR_ARG(all), q->until);
    return all;
}

#define FIRST  "page 1 size 10 "
#define NEWEST "by created_time desc total exact"
#define PLAIN  FIRST NEWEST

static const struct { const char *raw, *want; } accepted[] = {
    { "", PLAIN },
    { "page=3&size=200", "page 3 size 200 " NEWEST },
    { "page=2147483647&size=1", "page 2147483647 size 1 " NEWEST },
    { "keyword=+%E5%8C%97%E4%BA%AC+", PLAIN " keyword '北京'" },
    { "keyword=" X64, PLAIN " keyword '" X64 "'" },
    { "keyword=%25_%5C'", PLAIN " keyword '%_\\''" },
    { "sort=code", FIRST "by code desc total exact" },
    { "sort=name&order=asc", FIRST "by name asc total exact" },
    { "order=asc", FIRST "by created_time asc total exact" },
    { "total=exact", PLAIN },
    { "total=estimate", FIRST "by created_time desc total estimate" },
    { "total=none", FIRST "by created_time desc total none" },
    { "cursor=abc", PLAIN " cursor 'abc'" },
    { "cursor=abc&page=1", PLAIN " cursor 'abc'" },
    { "kind=%E4%B8%AA%E4%BA%BA", PLAIN " kind='个人'" },
    { "kind=company", PLAIN " kind='企业'" },
    { "pieces=-5&active=true&day=2024-02-29&owner_id=" UUID_A,
      PLAIN " owner_id='" UUID_A "' pieces='-5' active='true' day='2024-02-29'" },
    { "start_date=2023-01-02", PLAIN " from 2023-01-01 16:00:00+00" }, /* midnight in Shanghai */
    { "end_date=2023-01-02", PLAIN " until 2023-01-02 16:00:00+00" },  /* all of that day */
    { "start_date=2023-01-02&end_date=2023-01-02", PLAIN " from 2023-01-01 16:00:00+00 until 2023-01-02 16:00:00+00" },
    { "end_date=2024-02-28", PLAIN " until 2024-02-28 16:00:00+00" },
    { "end_date=2023-12-31", PLAIN " until 2023-12-31 16:00:00+00" },
    { "start_date=2023-01-01+10:00:00", PLAIN " from 2023-01-01 02:00:00+00" },
    { "end_date=2023-01-01+10:00:00", PLAIN " until 2023-01-01 02:00:01+00" }, /* all of that second */
    { "start_date=2023-01-01+10:00:00&end_date=2023-01-01+10:00:00",
      PLAIN " from 2023-01-01 02:00:00+00 until 2023-01-01 02:00:01+00" },
    { "start_date=2023-01-01T10:00:00%2B02:00", PLAIN " from 2023-01-01 08:00:00+00" },
};

static void test_good_lists(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(accepted); i++) {
        struct arena a;
        arena_init(&a);
        struct problem p = { 0 };
        struct list_query q;
        bool ok = list_query_read(&a, &sample, str_of(accepted[i].raw), (struct list_limits){ 0 }, &q, &p);
        expect(ok, "%s: %s", accepted[i].raw, faults_of(&a, &p).p);
        expect(str_is(text_of(&a, &q), accepted[i].want), "%s: %s", accepted[i].raw, text_of(&a, &q).p);
        arena_done(&a);
    }
}

static void test_allowed_values_are_told(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "sort=x", "code, name, created_time" }, { "order=x", "asc, desc" }, { "total=x", "exact, estimate, none" },
        { "kind=x", "企业, 个人" },               { "size=x", NULL },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena a;
        arena_init(&a);
        struct problem p = { 0 };
        struct list_query q;
        assert_false(list_query_read(&a, &sample, str_of(cases[i][0]), (struct list_limits){ 0 }, &q, &p));
        expect(str_is(p.details->allowed, cases[i][1]), "%s: %.*s", cases[i][0], STR_ARG(p.details->allowed));
        arena_done(&a);
    }
}

static void test_a_list_may_span_a_time(void **state)
{
    (void)state;
    static const char *const cases[][2] = { /* faults; NULL: none */
        { "from=2023-01-02&to=2023-01-02", NULL },
        { "from=2023-01-02&to=2023-01-02&order=desc&kind=person", NULL },
        { "from=2023-01-02", "to" },
        { "to=2023-01-02", "from" },
        { "from=2023-01-03&to=2023-01-02", "from" },
        { "from=x&to=2023-01-02", "from" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena a;
        arena_init(&a);
        struct problem p = { 0 };
        struct list_query q;
        bool ok = list_query_read(&a, &sample, str_of(cases[i][0]), (struct list_limits){ "is_in", true }, &q, &p);
        expect(ok == !cases[i][1] && (ok || str_is(p.details->field, cases[i][1])), "%s", cases[i][0]);
        if (ok) {
            assert_string_equal(q.only, "is_in");
            assert_string_equal(q.span[0], "2023-01-01 16:00:00+00");
            assert_string_equal(q.span[1], "2023-01-02 16:00:00+00");
            assert_int_equal(q.ascending, i == 0); /* by itself */
        }
        arena_done(&a);
    }
}

static void test_a_resource_without_dates_or_search_has_no_such_parameters(void **state)
{
    (void)state;
    static const struct field fields[] = { { .name = STR("id"), .type = T_UUID, .flags = F_SORT, .from = -1 } };
    static const struct resource bare = { .name = STR("bare"), .fields = fields, .field_count = 1, .version = -1, .dates = -1 };
    static const char *const names[] = { "keyword", "start_date", "end_date", "from", "to" };
    for (size_t i = 0; i < COUNT(names); i++) {
        struct arena a;
        arena_init(&a);
        struct problem p = { 0 };
        struct list_query q;
        assert_false(list_query_read(&a, &bare, arena_printf(&a, "%s=2023-01-01", names[i]), (struct list_limits){ 0 }, &q, &p));
        assert_true(str_is(p.details->reason, "is not a known parameter"));
        arena_done(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split_and_decode), cmocka_unit_test(test_too_many_parameters), cmocka_unit_test(test_value_by_name),
        cmocka_unit_test(test_bad_lists_name_every_fault), cmocka_unit_test(test_good_lists), cmocka_unit_test(test_a_list_may_span_a_time),
        cmocka_unit_test(test_allowed_values_are_told),
        cmocka_unit_test(test_a_resource_without_dates_or_search_has_no_such_parameters),
    };
    return cmocka_run_group_tests(tests, sample_setup, NULL);
}
