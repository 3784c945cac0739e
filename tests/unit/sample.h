/* sample: a resource with a field of every type and every flag, for the tests of schema and rest. */
#ifndef TESTS_SAMPLE_H
#define TESTS_SAMPLE_H

#include "schema/schema.h"
#include "schema/type.h"

#include "unit.h"

enum {
    S_ID, S_CODE, S_NAME, S_NOTE, S_KIND, S_OWNER_ID, S_OWNER_NAME, S_CONTACT_ID, S_AMOUNT, S_PIECES, S_ACTIVE, S_DAY, S_MOMENT,
    S_TAGS, S_PHONE, S_EMAIL, S_VERSION, S_CREATED_TIME, S_COUNT
};

static const struct choice sample_choices[] = { { STR("company"), STR("企业") }, { STR("person"), STR("个人") } };
static const struct dictionary sample_kinds = { STR("kind"), STR("类型"), sample_choices, COUNT(sample_choices) };
static const struct ref sample_owner = { "people", "person_id", "person_name", NULL, NULL };
static const struct ref sample_contact = { "contacts", "contact_id", "contact_name", "sample_id", NULL };

#define ROW(n, t, f, lo, hi, ...) { .name = STR(n), .type = t, .flags = f, .min = lo, .max = hi, .from = -1, ##__VA_ARGS__ }
static const struct field sample_fields[S_COUNT] = {
    [S_ID] = ROW("sample_id", T_UUID, F_READONLY, 0, 0),
    [S_CODE] = ROW("code", T_CODE, F_UNIQUE | F_SEARCH | F_SORT, 1, 10),
    [S_NAME] = ROW("name", T_TEXT, F_REQUIRED | F_SEARCH | F_PINYIN | F_SORT, 1, 20),
    [S_NOTE] = ROW("note", T_TEXT, F_MULTILINE, 0, 30),
    [S_KIND] = ROW("kind", T_ENUM, F_FILTER, 0, 0, .dictionary = &sample_kinds, .fallback = STR("企业")),
    [S_OWNER_ID] = ROW("owner_id", T_UUID, F_FILTER, 0, 0, .ref = &sample_owner),
    [S_OWNER_NAME] = { .name = STR("owner_name"), .type = T_TEXT, .flags = F_READONLY | F_JOINED, .from = S_OWNER_ID },
    [S_CONTACT_ID] = ROW("contact_id", T_UUID, 0, 0, 0, .ref = &sample_contact),
    [S_AMOUNT] = ROW("amount", T_MONEY, F_SECRET, 0, 0),
    [S_PIECES] = ROW("pieces", T_INT, F_REQUIRED | F_FILTER, -5, 10),
    [S_ACTIVE] = ROW("active", T_BOOL, F_FILTER, 0, 0),
    [S_DAY] = ROW("day", T_DATE, F_FILTER, 0, 0),
    [S_MOMENT] = ROW("moment", T_TIME, 0, 0, 0),
    [S_TAGS] = ROW("tags", T_TAGS, 0, 0, 3, .item_max = 4),
    [S_PHONE] = ROW("phone", T_PHONE, F_EXACT | F_SECRET | F_SEALED, 0, 20),
    [S_EMAIL] = ROW("email", T_EMAIL, F_EXACT | F_SECRET, 0, 30),
    [S_VERSION] = ROW("version", T_INT, F_READONLY, 1, 1000),
    [S_CREATED_TIME] = ROW("created_time", T_TIME, F_READONLY | F_SORT, 0, 0),
};
#undef ROW

static const unsigned char sample_all[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17 };
static const unsigned char sample_few[] = { S_ID, S_NAME, S_OWNER_NAME };

static const struct resource sample = {
    .name = STR("sample"), .table = "samples", .fields = sample_fields, .field_count = S_COUNT,
    .id = S_ID, .version = S_VERSION, .dates = S_CREATED_TIME, .sort = S_CREATED_TIME, .sort_ascending = false, .owner = -1,
    .views = { [VIEW_DETAIL] = { sample_all, S_COUNT }, [VIEW_LIST] = { sample_few, 3 }, [VIEW_CREATED] = { sample_all, 2 },
               [VIEW_UPDATED] = { sample_all, 1 } },
};

#define UUID_A "018f3c5e-7a10-7c3e-9b1a-2f6d8e4c1a01"
#define UUID_B "018f3c5e-7a10-7c3e-9b1a-2f6d8e4c1a02"

static inline int sample_setup(void **state)
{
    (void)state;
    type_set_zone(zone_load("Asia/Shanghai"));
    return type_zone() ? 0 : -1;
}

#endif
