#include "rest/fingerprint.h"

#include "unit.h"

enum { NAME, NOTE, PIN, FIELDS };

#define FIELD(n, f) { .name = STR(n), .type = T_TEXT, .flags = f, .max = 20, .from = -1 }
static const struct field open_fields[] = { FIELD("name", 0), FIELD("note", 0), FIELD("pin", 0) };
static const struct field closed_fields[] = { FIELD("name", 0), FIELD("note", 0), FIELD("pin", F_WRITEONLY) };
static const struct resource opened = { .name = STR("open"), .fields = open_fields, .field_count = FIELDS };
static const struct resource closed = { .name = STR("closed"), .fields = closed_fields, .field_count = FIELDS };

static struct req *request(void)
{
    struct arena a;
    arena_init(&a);
    struct req *r = req_new(&a);
    r->method = METHOD_POST;
    r->path = STR("/api/v1/things");
    r->body = STR("{\"name\":\"n\", \"pin\":\"1234\"}");
    return r;
}

static const char *of(struct req *r, const struct resource *resource, const char *name, const char *note, const char *pin)
{
    struct values v = { .text = { name, note, pin }, .given = 1u << NAME | (note ? 1u << NOTE : 0) | 1u << PIN };
    return fingerprint_of(r, resource, resource, &v);
}

static void test_a_body_counts_byte_by_byte(void **state)
{
    (void)state;
    struct req *r = request();
    assert_string_equal(of(r, &opened, "n", NULL, "1234"), "POST /api/v1/things\n{\"name\":\"n\", \"pin\":\"1234\"}");
    req_release(r);
}

static void test_a_write_only_value_does_not_count(void **state)
{
    (void)state;
    struct req *r = request();
    const char *one = of(r, &closed, "n", NULL, "1234");
    assert_null(strstr(one, "1234"));
    assert_string_equal(one, of(r, &closed, "n", NULL, "4321"));
    r->path = STR("/api/v1/others");
    assert_string_not_equal(one, of(r, &closed, "n", NULL, "1234"));
    req_release(r);
}

static void test_no_two_sets_of_other_values_are_one(void **state)
{
    (void)state;
    static const char *const sets[][2] = { { "n", NULL }, { "m", NULL }, { NULL, NULL }, { "", NULL }, { "n", "" }, { "n", "x" },
                                           { "n\nnote 1 x", NULL }, { "n\nnote 1 x\n", NULL }, { "null", NULL } };
    struct req *r = request();
    for (size_t i = 0; i < COUNT(sets); i++)
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(of(r, &closed, sets[i][0], sets[i][1], "p"), of(r, &closed, sets[j][0], sets[j][1], "p"));
    req_release(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_body_counts_byte_by_byte),
        cmocka_unit_test(test_a_write_only_value_does_not_count),
        cmocka_unit_test(test_no_two_sets_of_other_values_are_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
