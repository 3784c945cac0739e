#include "schema/sql.h"

#include "sample.h"
#include "schema/seal.h"

#include <stdlib.h>

enum { SQL_MAX = 64 * 1024 };

#define RING        "1:QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=,index:Q0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0M="
#define INDEX_12345 "\\xf10be5ebe74b3e35a885bc525fe3bab0" /* by another implementation */

static char text[SQL_MAX];
static struct vault *vault;

static const char *made(struct buf *b)
{
    assert_true(buf_ok(b) && b->len < sizeof text);
    if (b->len) memcpy(text, b->data, b->len);
    text[b->len] = 0;
    buf_done(b);
    return text;
}

static const char *make(void (*fn)(struct buf *, const struct resource *), const struct resource *r)
{
    struct buf b;
    buf_init(&b, SQL_MAX);
    fn(&b, r);
    return made(&b);
}

static const struct field plain_fields[] = {
    { .name = STR("id"), .type = T_UUID, .flags = F_READONLY, .from = -1 },
    { .name = STR("n"), .type = T_INT, .from = -1 },
};
static const struct resource plain = {
    .name = STR("plain"), .table = "plains", .fields = plain_fields, .field_count = 2, .version = -1, .dates = -1, .owner = -1
};

static void test_insert(void **state)
{
    (void)state;
    assert_string_equal(make(sql_insert, &sample), "INSERT INTO samples AS t (sample_id, created_by, updated_by, "
                                                   "pinyin, code, name, note, kind, owner_id, contact_id, amount, "
                                                   "pieces, active, day, moment, tags, phone, phone_index, email) SELECT $1::uuid, "
                                                   "$2::uuid, $2::uuid, coalesce($3::text, ''), $4::text, "
                                                   "$5::text, $6::text, $7::text, $8::uuid, $9::uuid, $10::numeric, "
                                                   "$11::integer, $12::boolean, $13::date, $14::timestamptz, "
                                                   "$15::json, $16::bytea, $17::bytea, $18::text");
    assert_string_equal(make(sql_insert, &plain),
        "INSERT INTO plains AS t (id, created_by, updated_by, n) SELECT $1::uuid, $2::uuid, $2::uuid, $4::integer "
        "WHERE $3::text IS NOT DISTINCT FROM $3::text");
}

static void test_update(void **state)
{
    (void)state;
    assert_string_equal(make(sql_update, &plain),
        "UPDATE plains AS t SET updated_by = $2::uuid, updated_time = now(), version = t.version + 1, "
        "n = CASE WHEN ($4::bigint >> 0) & 1 = 1 THEN $6::integer ELSE t.n::integer END WHERE t.id = $1::uuid AND t.deleted_time IS NULL "
        "AND ($5::int[] IS NULL OR t.version = ANY ($5::int[])) AND $3::text IS NOT DISTINCT FROM $3::text");
    const char *sql = make(sql_update, &sample);
    assert_non_null(strstr(sql, "pinyin = coalesce($3::text, t.pinyin)"));
    assert_non_null(strstr(sql, "code = CASE WHEN ($4::bigint >> 0) & 1 = 1 THEN $6::text ELSE t.code::text END"));
    assert_non_null(strstr(sql, "phone = CASE WHEN ($4::bigint >> 12) & 1 = 1 THEN $18::bytea ELSE t.phone::bytea END, "
                                "phone_index = CASE WHEN ($4::bigint >> 12) & 1 = 1 THEN $19::bytea ELSE t.phone_index::bytea END"));
    assert_non_null(strstr(sql, "email = CASE WHEN ($4::bigint >> 13) & 1 = 1 THEN $20::text ELSE t.email::text END"));
    assert_null(strstr(sql, "owner_name"));
    assert_null(strstr(sql, "created_time"));
}

/* Every field is given, or none; how many are checked. */
static const char *refuse(const struct resource *r, const char *given, bool is_new, int *ret_checked)
{
    struct sql_params params = { .values = { "id", "user", NULL }, .count = 3 };
    const char *values[FIELDS_MAX];
    struct buf b;
    for (int i = 0; i < FIELDS_MAX; i++) values[i] = given;
    buf_init(&b, SQL_MAX);
    sql_refuse(&b, &params, r, values, is_new);
    for (int i = 3; i < params.count; i++) assert_ptr_equal(params.values[i], given);
    *ret_checked = params.count - 3;
    return made(&b);
}

static void test_refuse(void **state)
{
    (void)state;
    int checked;
    assert_string_equal(refuse(&sample, "x", false, &checked),
                        "SELECT refuse(jsonb_strip_nulls(jsonb_build_object('code', (SELECT t.sample_id::text FROM "
                        "samples t WHERE t.code = $4::text "
                        "AND t.deleted_time IS NULL AND t.sample_id <> $1::uuid), 'owner_id', CASE WHEN NOT EXISTS (SELECT FROM "
                        "people x WHERE x.person_id = $5::uuid AND x.deleted_time IS NULL) AND NOT EXISTS (SELECT FROM samples t WHERE "
                        "t.sample_id = $1::uuid AND t.owner_id = $5::uuid) THEN 'missing' END, "
                        "'contact_id', CASE WHEN NOT EXISTS (SELECT FROM contacts x WHERE x.contact_id = $6::uuid AND x.deleted_time "
                        "IS NULL AND (x.sample_id IS NULL OR "
                        "x.sample_id = $1::uuid)) AND NOT EXISTS (SELECT FROM samples t WHERE t.sample_id = $1::uuid AND "
                        "t.contact_id = $6::uuid) THEN 'missing' END))) WHERE $1::uuid IS NOT NULL AND $2::uuid IS NOT NULL "
                        "AND $3::text IS NOT DISTINCT FROM $3::text");
    assert_int_equal(checked, 3);
    assert_null(strstr(refuse(&sample, "x", true, &checked), "SELECT FROM samples t")); /* nothing that it has already */
    assert_int_equal(checked, 3);
    assert_string_equal(refuse(&sample, NULL, false, &checked), ""); /* what is not given is not looked for */
    assert_string_equal(refuse(&plain, "x", false, &checked), "");
    assert_int_equal(checked, 0);
}

static void test_columns(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, SQL_MAX);
    struct columns few, all;
    sql_columns_of(&few, &sample, &sample.views[VIEW_LIST]);
    sql_columns(&b, &sample, &few);
    assert_string_equal(made(&b), "t.sample_id, t.name, t.owner_id"); /* the owner's name is looked up by its id */
    assert_int_equal(few.at[S_OWNER_ID], 2);
    assert_int_equal(few.at[S_CODE], COLUMN_NONE);
    sql_columns_of(&all, &sample, &sample.views[VIEW_DETAIL]);
    assert_int_equal(all.count, S_COUNT - 1); /* that id once, though the view has id and name */
    const unsigned char secret[] = { S_PHONE };
    sql_columns_of(&few, &sample, &(struct field_list){ secret, 1 });
    assert_int_not_equal(few.at[S_ID], COLUMN_NONE); /* a sealed value opens with its record's id */
    for (size_t i = 0; i < all.count; i++) assert_int_equal(all.at[all.field[i]], i);
}

/* --- lists ---------------------------------------------------------------------------------------------------------------- */

static const struct { const char *query, *sql, *values;
} wheres[] = {
    /* values: each followed by '|' */
    { "", "", "" },
    { "kind=company", " AND t.kind = $1::text", "企业|" },
    { "active=true&owner_id=" UUID_A "&pieces=3",
      " AND t.owner_id = $1::uuid AND t.pieces = $2::integer AND t.active = $3::boolean", UUID_A "|3|true|" },
    { "start_date=2023-01-02&end_date=2023-01-03",
      " AND t.created_time >= $1::timestamptz AND t.created_time < $2::timestamptz",
      "2023-01-01 16:00:00+00|2023-01-03 16:00:00+00|" },
    { "end_date=2023-01-03", " AND t.created_time < $1::timestamptz", "2023-01-03 16:00:00+00|" },
    { "keyword=abc", " AND (t.search_text LIKE (SELECT lower($1::text)))", "%abc%|" },
    { "keyword=%25_%5C'%22", " AND (t.search_text LIKE lower($1::text))", "%\\%\\_\\\\'\"%|" },
    { "keyword=%E5%8C%97%E4%BA%AC", " AND (search_grams(t.search_text) @> ARRAY[(SELECT lower($1::text))])", "北京|" },
    { "keyword=%E5%8C%97", " AND (search_grams(t.search_text) @> ARRAY[(SELECT lower($1::text))])", "北|" },
    { "keyword=ab", " AND (search_grams(t.search_text) @> ARRAY[(SELECT lower($1::text))])", "ab|" },
    { "keyword=a", " AND (t.search_text LIKE lower($1::text))", "%a%|" },
    { "keyword=%EF%BC%8C%EF%BC%8C%EF%BC%8C", " AND (t.search_text LIKE lower($1::text))", "%，，，%|" }, /* no trigram has it */
    { "keyword=12345", " AND (t.search_text LIKE (SELECT lower($1::text)) OR t.phone_index = $2::bytea)", "%12345%|" INDEX_12345 "|" },
    { "keyword=12-345", " AND (t.search_text LIKE (SELECT lower($1::text)) OR t.phone_index = $2::bytea)", "%12-345%|" INDEX_12345 "|" },
    { "keyword=C12345", " AND (t.search_text LIKE (SELECT lower($1::text)))", "%C12345%|" }, /* a code is no telephone number */
    { "keyword=1234", " AND (t.search_text LIKE (SELECT lower($1::text)))", "%1234%|" },
    { "keyword=C_12345678", " AND (t.search_text LIKE (SELECT lower($1::text)) AND t.search_text || '' LIKE (SELECT lower($2::text)))",
      "%12345678%|%C\\_12345678%|" },
    { "keyword=abcde", " AND (t.search_text LIKE (SELECT lower($1::text)))", "%abcde%|" },
    { "keyword=abcdef", " AND (t.search_text LIKE (SELECT lower($1::text)) AND t.search_text || '' LIKE (SELECT lower($2::text)))",
      "%abc%def%|%abcdef%|" },
    { "keyword=WangFang", " AND (t.search_text LIKE (SELECT lower($1::text)) AND t.search_text || '' LIKE (SELECT lower($2::text)))",
      "%Wan%gFa%|%WangFang%|" },
    { "keyword=wang+fan", " AND (t.search_text LIKE (SELECT lower($1::text)))", "%wang fan%|" }, /* the index knows words */
    { "keyword=A@b.c", " AND (t.search_text LIKE lower($1::text) OR lower(t.email) = lower($2::text))",
      "%A@b.c%|A@b.c|" },
    { "keyword=12345@x.y&kind=person&start_date=2023-01-02",
      " AND t.kind = $1::text AND t.created_time >= $2::timestamptz AND (t.search_text LIKE (SELECT lower($3::text)) OR "
      "lower(t.email) = lower($4::text))",
      "个人|2023-01-01 16:00:00+00|%12345@x.y%|12345@x.y|" },
};

static struct str where_by(void (*fn)(struct buf *, struct sql_params *, struct arena *, const struct resource *,
                                      const struct list_query *), struct arena *a, const char *query, struct sql_params *params)
{
    struct problem p = { 0 };
    struct list_query q;
    struct buf b;
    *params = (struct sql_params){ 0 };
    expect(list_query_read(a, &sample, str_of(query), (struct list_limits){ 0 }, &q, &p), "%s", query);
    buf_init(&b, SQL_MAX);
    q.by_secrets = true;
    fn(&b, params, a, &sample, &q);
    struct str sql = arena_dup(a, buf_str(&b));
    assert_true(buf_ok(&b));
    buf_done(&b);
    return sql;
}

static struct str where(struct arena *a, const char *query, struct sql_params *params)
{
    return where_by(sql_where, a, query, params);
}

static void test_where(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(wheres); i++) {
        struct arena a;
        arena_init(&a);
        struct sql_params params;
        struct str sql = where(&a, wheres[i].query, &params), values = STR("");
        for (int k = 0; k < params.count; k++) values = arena_printf(&a, "%.*s%s|", STR_ARG(values), params.values[k]);
        expect(str_is(sql, wheres[i].sql), "%s: %.*s", wheres[i].query, STR_ARG(sql));
        expect(str_is(values, wheres[i].values), "%s: %.*s", wheres[i].query, STR_ARG(values));
        arena_done(&a);
    }
}

static void test_where_of_a_list_that_is_narrowed(void **state)
{
    (void)state;
    static const struct {
        const char *query, *sql;
        bool spans;
    } cases[] = {
        { "kind=person", " AND t.kind = $1::text AND is_in(t)", false },
        { "from=2023-01-01&to=2023-01-02", " AND is_in(t, $1::timestamptz, $2::timestamptz)", true },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena a;
        struct problem p = { 0 };
        struct list_query q;
        struct sql_params params = { 0 };
        struct buf b;
        arena_init(&a);
        buf_init(&b, SQL_MAX);
        assert_true(list_query_read(&a, &sample, str_of(cases[i].query), (struct list_limits){ "is_in", cases[i].spans }, &q, &p));
        sql_where(&b, &params, &a, &sample, &q);
        expect(str_is(buf_str(&b), cases[i].sql), "%.*s", STR_ARG(buf_str(&b)));
        buf_done(&b);
        arena_done(&a);
    }
}

static void bounds_of_walk(struct buf *b, struct sql_params *params, struct arena *a, const struct resource *r, const struct list_query *q)
{
    struct buf each;
    buf_init(&each, SQL_MAX);
    sql_where_walk(b, &each, params, a, r, q, SEEK_EACH);
    buf_done(&each);
}

static void each_of_walk(struct buf *b, struct sql_params *params, struct arena *a, const struct resource *r, const struct list_query *q)
{
    struct buf bounds;
    buf_init(&bounds, SQL_MAX);
    sql_where_walk(&bounds, b, params, a, r, q, SEEK_EACH);
    buf_done(&bounds);
}

/* Rows are looked at one after another: neither grams nor an index of any kind. */
static void test_where_of_a_walk_uses_no_keyword_index(void **state)
{
    (void)state;
    static const char *const keywords[] = { "a", "ab", "abc", "%E5%8C%97", "%E5%8C%97%E4%BA%AC", "%25_" };
    static const char *const patterns[] = { "%a%", "%ab%", "%abc%", "%北%", "%北京%", "%\\%\\_%" };
    for (size_t i = 0; i < COUNT(keywords); i++) {
        struct arena a;
        arena_init(&a);
        struct sql_params params;
        struct str query = arena_printf(&a, "kind=person&keyword=%s", keywords[i]);
        struct str bounds = where_by(bounds_of_walk, &a, query.p, &params), each = where_by(each_of_walk, &a, query.p, &params);
        expect(str_is(bounds, " AND t.kind = $1::text"), "%.*s", STR_ARG(bounds));
        expect(str_is(each, " AND (t.search_text COLLATE \"C\" LIKE (SELECT lower($2::text)))"), "%.*s", STR_ARG(each));
        assert_int_equal(params.count, 2);
        assert_string_equal(params.values[1], patterns[i]);
        arena_done(&a);
    }
}

/* The text of a statement is its name: the same filters give the same text, whatever their values. */
static void test_the_shape_depends_on_what_is_asked_not_on_values(void **state)
{
    (void)state;
    static const struct { const char *one, *other; bool same; } cases[] = {
        { "kind=company&pieces=1", "pieces=-5&kind=person", true },
        { "keyword=abc", "keyword=xyz%27%20OR%201=1--", true },
        { "keyword=abc", "keyword=ab", false },
        { "keyword=12345", "keyword=99999999", true },
        { "keyword=SO12345678", "keyword=AB-99999999", true },
        { "keyword=SO1234567", "keyword=SO12345678", false }, /* the index is asked for the end */
        { "kind=company", "active=true", false },
        { "start_date=2023-01-01", "start_date=2024-05-06+07:08:09", true },
        { "start_date=2023-01-01", "end_date=2023-01-01", false },
        { "page=1&size=10", "page=7&size=20", true },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena a;
        arena_init(&a);
        struct sql_params params;
        struct str one = where(&a, cases[i].one, &params), other = where(&a, cases[i].other, &params);
        expect(str_eq(one, other) == cases[i].same, "%s", cases[i].other);
        arena_done(&a);
    }
}

/* $1 to $n all occur, and none beyond. */
static void parameters_are(const char *sql, int want)
{
    bool seen[64] = { false };
    int most = 0;
    for (const char *at = sql; (at = strchr(at, '$')); at++) {
        int n = atoi(at + 1);
        assert_in_range(n, 1, 63);
        seen[n] = true;
        if (n > most) most = n;
    }
    expect(most == want, "%d of %d: %s", most, want, sql);
    for (int n = 1; n <= want; n++) expect(seen[n], "$%d: %s", n, sql);
}

static void test_every_parameter_is_used(void **state)
{
    (void)state;
    int writable = 0;
    for (int i = 0; i < S_COUNT; i++) writable += sql_is_writable(&sample_fields[i]);
    parameters_are(make(sql_insert, &sample), SQL_INSERT_FIRST + writable + 1); /* and the index of the phone */
    parameters_are(make(sql_update, &sample), SQL_UPDATE_FIRST + writable + 1);
    int checked;
    parameters_are(refuse(&sample, "x", false, &checked), 3 + 3);
    parameters_are(make(sql_insert, &plain), SQL_INSERT_FIRST + 1);
    parameters_are(make(sql_update, &plain), SQL_UPDATE_FIRST + 1);
}

static int begin(void **state)
{
    struct buf faults;
    buf_init(&faults, 1024);
    vault = vault_new(STR(RING), &faults);
    seal_set_vault(vault);
    return vault ? sample_setup(state) : -1;
}

static int end(void **state)
{
    (void)state;
    vault_free(vault);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_insert),
        cmocka_unit_test(test_update),
        cmocka_unit_test(test_refuse),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_where), cmocka_unit_test(test_where_of_a_list_that_is_narrowed),
        cmocka_unit_test(test_where_of_a_walk_uses_no_keyword_index),
        cmocka_unit_test(test_the_shape_depends_on_what_is_asked_not_on_values),
        cmocka_unit_test(test_every_parameter_is_used),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
