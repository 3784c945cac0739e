/* The generated field tables say what the requirement document says (3.1, 4.1, 5.1). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "json/json_read.h"

#include "schemas.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct resource *const stored[] = { &customer_resource, &contact_resource, &industry_resource,
                                                 &region_resource, &user_resource, &department_resource, &role_resource };

static const struct field *field_named(const struct resource *r, const char *name)
{
    for (size_t i = 0; i < r->field_count; i++)
        if (str_is(r->fields[i].name, name)) return &r->fields[i];
    fail_msg("%s has no field %s", r->table ? r->table : "message", name);
    return NULL;
}

static void assert_str(struct str got, const char *want)
{
    char text[256];
    snprintf(text, sizeof text, "%.*s", STR_ARG(got));
    assert_string_equal(text, want);
}

static void assert_view(const struct resource *r, enum view view, const char *const *names, size_t count)
{
    assert_int_equal(r->views[view].count, count);
    for (size_t i = 0; i < count; i++) assert_str(r->fields[r->views[view].at[i]].name, names[i]);
}

/* The names of the fields with `flag`, and no others, in order. */
static void assert_flagged(const struct resource *r, unsigned flag, const char *const *names, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < r->field_count; i++) {
        if (!(r->fields[i].flags & flag)) continue;
        assert_true(n < count);
        assert_str(r->fields[i].name, names[n++]);
    }
    assert_int_equal(n, count);
}

/* --- customer ----------------------------------------------------------------------------------------------------- */
static void test_customer_list_has_the_fields_of_3_1_1(void **state)
{
    static const char *const names[] = { "customer_id",     "customer_code", "customer_name", "customer_type",
                                         "primary_contact", "phone",         "email",         "address",
                                         "customer_level",  "industry_name", "status",        "created_time" };
    (void)state;
    assert_view(&customer_resource, VIEW_LIST, names, COUNT(names));
}

static void test_customer_detail_has_the_fields_of_3_1_2_then_ours(void **state)
{
    static const char *const names[] = {
        "customer_id",     "customer_code",   "customer_name",  "customer_type", "primary_contact_id",
        "primary_contact", "phone",           "email",          "address",       "customer_level",
        "industry_id",     "industry_name",   "company_size",   "credit_limit",  "payment_terms",
        "region_id",       "region_name",     "source_channel", "tags",          "status",
        "created_by",      "created_by_name", "created_time",   "updated_by",    "updated_by_name",
        "updated_time",    "description",     "last_contact_time", "version"
    };
    (void)state;
    assert_view(&customer_resource, VIEW_DETAIL, names, COUNT(names));
}

static void test_customer_create_takes_the_fields_of_3_1_3(void **state)
{
    static const char *const names[] = { "customer_code", "customer_name",  "customer_type", "primary_contact_id",
                                         "phone",         "email",          "address",       "customer_level",
                                         "industry_id",   "company_size",   "credit_limit",  "payment_terms",
                                         "region_id",     "source_channel", "tags",          "status",
                                         "description" };
    size_t n = 0;
    (void)state;
    for (size_t i = 0; i < CUSTOMER_COUNT; i++) {
        if (customer_resource.fields[i].flags & F_READONLY) continue;
        assert_true(n < COUNT(names));
        assert_str(customer_resource.fields[i].name, names[n++]);
    }
    assert_int_equal(n, COUNT(names));
}

static void test_customer_writes_answer_as_in_3_1_3_and_3_1_4(void **state)
{
    static const char *const created[] = { "customer_id", "customer_code", "customer_name", "created_time" };
    static const char *const updated[] = { "customer_id", "updated_time" };
    (void)state;
    assert_view(&customer_resource, VIEW_CREATED, created, COUNT(created));
    assert_view(&customer_resource, VIEW_UPDATED, updated, COUNT(updated));
}

static void test_customer_filters_sorts_and_searches(void **state)
{
    static const char *const filters[] = { "customer_type", "customer_level", "industry_id", "company_size",
                                           "region_id",     "source_channel", "status",      "created_by" };
    static const char *const sorts[] = { "customer_code", "customer_name", "created_time", "updated_time" };
    static const char *const words[] = { "customer_code", "customer_name", "primary_contact", "phone", "email" };
    static const char *const pinyin[] = { "customer_name" }, *const exact[] = { "phone", "email" };
    (void)state;
    assert_flagged(&customer_resource, F_FILTER, filters, COUNT(filters));
    assert_flagged(&customer_resource, F_SORT, sorts, COUNT(sorts));
    assert_flagged(&customer_resource, F_SEARCH, words, COUNT(words));
    assert_flagged(&customer_resource, F_PINYIN, pinyin, COUNT(pinyin));
    assert_flagged(&customer_resource, F_EXACT, exact, COUNT(exact));
    assert_int_equal(customer_resource.sort, CUSTOMER_created_time);
    assert_false(customer_resource.sort_ascending);
    assert_int_equal(customer_resource.dates, CUSTOMER_created_time);
}

static void test_customer_secrets_and_required_fields(void **state)
{
    static const char *const secrets[] = { "phone", "email", "address", "credit_limit" };
    static const char *const required[] = { "customer_name", "customer_type" }, *const unique[] = { "customer_code" };
    (void)state;
    assert_flagged(&customer_resource, F_SECRET, secrets, COUNT(secrets));
    assert_flagged(&customer_resource, F_REQUIRED, required, COUNT(required));
    assert_flagged(&customer_resource, F_UNIQUE, unique, COUNT(unique));
}

static void test_customer_fields_have_types_and_limits(void **state)
{
    static const struct {
        int field;
        enum field_type type;
        int min, max;
    } rows[] = {
        { CUSTOMER_customer_id, T_UUID, 36, 36 },   { CUSTOMER_customer_code, T_CODE, 1, 50 },
        { CUSTOMER_customer_name, T_TEXT, 1, 200 }, { CUSTOMER_customer_type, T_ENUM, 0, 0 },
        { CUSTOMER_phone, T_PHONE, 0, 32 },         { CUSTOMER_email, T_EMAIL, 0, 254 },
        { CUSTOMER_address, T_TEXT, 0, 500 },       { CUSTOMER_credit_limit, T_MONEY, 0, 0 },
        { CUSTOMER_tags, T_TAGS, 0, 20 },           { CUSTOMER_description, T_TEXT, 0, 5000 },
        { CUSTOMER_created_time, T_TIME, 0, 25 },   { CUSTOMER_version, T_INT, 1, INT32_MAX },
        { CUSTOMER_payment_terms, T_TEXT, 0, 100 },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct field *f = &customer_resource.fields[rows[i].field];
        assert_int_equal(f->type, rows[i].type);
        assert_int_equal(f->min, rows[i].min);
        assert_int_equal(f->max, rows[i].max);
    }
    assert_int_equal(customer_resource.fields[CUSTOMER_tags].item_max, 32);
    assert_true(customer_resource.fields[CUSTOMER_description].flags & F_MULTILINE);
    assert_str(customer_resource.fields[CUSTOMER_status].fallback, "活跃");
    assert_true(str_is_none(customer_resource.fields[CUSTOMER_customer_level].fallback));
}

static void test_customer_references_and_their_names(void **state)
{
    static const struct {
        int field, name;
        const char *table, *id, *column;
    } rows[] = {
        { CUSTOMER_industry_id, CUSTOMER_industry_name, "industries", "industry_id", "industry_name" },
        { CUSTOMER_region_id, CUSTOMER_region_name, "regions", "region_id", "region_name" },
        { CUSTOMER_created_by, CUSTOMER_created_by_name, "user_ref", "user_id", "name" },
        { CUSTOMER_updated_by, CUSTOMER_updated_by_name, "user_ref", "user_id", "name" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct ref *ref = customer_resource.fields[rows[i].field].ref;
        assert_string_equal(ref->table, rows[i].table);
        assert_string_equal(ref->id, rows[i].id);
        assert_string_equal(ref->name, rows[i].column);
        assert_null(ref->owner);
        assert_int_equal(customer_resource.fields[rows[i].name].from, rows[i].field);
        assert_int_equal(customer_resource.fields[rows[i].name].flags, F_READONLY | F_JOINED);
    }
    assert_string_equal(customer_resource.fields[CUSTOMER_primary_contact_id].ref->owner, "customer_id");
    assert_int_equal(customer_resource.fields[CUSTOMER_primary_contact].from, -1);
}

/* --- every stored resource ---------------------------------------------------------------------------------------- */
static void test_stored_resources_share_their_audit_columns(void **state)
{
    static const char *const names[] = { "created_by", "created_time", "updated_by", "updated_time", "version" };
    (void)state;
    for (size_t i = 0; i < COUNT(stored); i++) {
        for (size_t j = 0; j < COUNT(names); j++) assert_true(field_named(stored[i], names[j])->flags & F_READONLY);
        assert_str(stored[i]->fields[stored[i]->version].name, "version");
        assert_int_equal(stored[i]->version, stored[i]->field_count - 1);
        assert_int_equal(stored[i]->id, 0);
        assert_int_equal(stored[i]->views[VIEW_DETAIL].count, stored[i]->field_count - (stored[i] == &user_resource));
    }
}

static void test_secrets_are_neither_filtered_nor_sorted(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stored); i++)
        for (size_t j = 0; j < stored[i]->field_count; j++) {
            unsigned flags = stored[i]->fields[j].flags;
            assert_false((flags & F_SECRET) && (flags & (F_FILTER | F_SORT)));
        }
}

static void test_a_password_is_in_no_view(void **state)
{
    (void)state;
    assert_int_equal(user_resource.fields[USER_password].flags, F_REQUIRED | F_WRITEONLY);
    for (int v = 0; v < VIEW_COUNT; v++)
        for (size_t i = 0; i < user_resource.views[v].count; i++) assert_int_not_equal(user_resource.views[v].at[i], USER_password);
}

static void test_deletion_time_is_never_shown(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stored); i++)
        for (size_t j = 0; j < stored[i]->field_count; j++)
            assert_false(str_is(stored[i]->fields[j].name, "deleted_time"));
}

static void test_a_message_has_no_table(void **state)
{
    (void)state;
    assert_null(login_resource.table);
    assert_int_equal(login_resource.id, -1);
    assert_int_equal(login_resource.field_count, 3);
    assert_int_equal(login_resource.fields[LOGIN_password].flags, F_REQUIRED | F_SECRET | F_WRITEONLY);
}

/* --- dictionaries ------------------------------------------------------------------------------------------------- */
static void test_dictionaries_hold_the_documents_words(void **state)
{
    static const struct {
        const struct dictionary *dictionary;
        const char *code, *label;
    } rows[] = {
        { &dictionary_customer_type, "ENTERPRISE", "企业" }, { &dictionary_customer_level, "A", "A" },
        { &dictionary_company_size, "LARGE", "大型" },       { &dictionary_source_channel, "EXHIBITION", "展会" },
        { &dictionary_customer_status, "ACTIVE", "活跃" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_str(dictionary_label(rows[i].dictionary, str_of(rows[i].code)), rows[i].label);
        assert_str(dictionary_label(rows[i].dictionary, str_of(rows[i].label)), rows[i].label);
    }
    assert_true(str_is_none(dictionary_label(&dictionary_customer_type, STR("外星人"))));
    assert_ptr_equal(customer_resource.fields[CUSTOMER_status].dictionary, &dictionary_customer_status);
    for (size_t i = 0; i < dictionary_count; i++) assert_true(dictionaries[i]->count > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_customer_list_has_the_fields_of_3_1_1),
        cmocka_unit_test(test_customer_detail_has_the_fields_of_3_1_2_then_ours),
        cmocka_unit_test(test_customer_create_takes_the_fields_of_3_1_3),
        cmocka_unit_test(test_customer_writes_answer_as_in_3_1_3_and_3_1_4),
        cmocka_unit_test(test_customer_filters_sorts_and_searches),
        cmocka_unit_test(test_customer_secrets_and_required_fields),
        cmocka_unit_test(test_customer_fields_have_types_and_limits),
        cmocka_unit_test(test_customer_references_and_their_names),
        cmocka_unit_test(test_stored_resources_share_their_audit_columns),
        cmocka_unit_test(test_secrets_are_neither_filtered_nor_sorted),
        cmocka_unit_test(test_a_password_is_in_no_view),
        cmocka_unit_test(test_deletion_time_is_never_shown),
        cmocka_unit_test(test_a_message_has_no_table),
        cmocka_unit_test(test_dictionaries_hold_the_documents_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
