#include "schema/mask.h"

#include "unit.h"

static const struct field phone = { .name = STR("phone"), .type = T_PHONE, .flags = F_SECRET };
static const struct field email = { .name = STR("email"), .type = T_EMAIL, .flags = F_SECRET };
static const struct field address = { .name = STR("address"), .type = T_TEXT, .flags = F_SECRET };
static const struct field amount = { .name = STR("amount"), .type = T_MONEY, .flags = F_SECRET };
static const struct field open_text = { .name = STR("open"), .type = T_TEXT };

static void test_each_type_keeps_what_it_may(void **state)
{
    (void)state;
    static const struct { const struct field *f; const char *clear, *want; } cases[] = {
        { &phone, "13800138000", "138****8000" },
        { &phone, "+86 138-0013-8000", "+86****8000" },
        { &phone, "010-65123456", "010****3456" },
        { &phone, "6512345678", "****" }, /* three and four of ten would leave three */
        { &phone, "12345", "****" },
        { &phone, "", "****" },
        { &email, "contact@example.com", "c***@example.com" },
        { &email, "ab@example.com", "a***@example.com" },
        { &email, "a@example.com", "***@example.com" }, /* one character would be all of it */
        { &email, "张三@example.com", "张***@example.com" },
        { &email, "nonsense", "***" },
        { &address, "广东省深圳市南山区科技路1号", "广东省深圳市***" },
        { &address, "北京市朝阳区建国路88号", "北京市***" },
        { &address, "深圳市", "深圳市***" },
        { &address, "内蒙古自治区呼和浩特市新城区", "内蒙古自治区呼和浩特市***" },
        { &address, "云南省大理白族自治州大理市古城", "云南省大理白族自治州***" },
        { &address, "新疆维吾尔自治区阿克苏地区温宿县", "新疆维吾尔自治区阿克苏地区***" },
        { &address, "香港特别行政区中环", "香港特别行政区***" },
        { &address, "浙江省温岭城东街道", "浙江省***" },
        { &address, "朝阳区市场路5号", "***" }, /* 朝阳区市 is no city */
        { &address, "建国路88号上海市", "***" },
        { &address, "5号楼北京市", "***" },
        { &address, "南山区科技路1号", "***" },
        { &address, "市", "***" },
        { &address, "1 Main Street, London", "***" },
        { &address, "", "***" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char room[MASK_MAX];
        struct str got = mask(cases[i].f, str_of(cases[i].clear), room);
        expect(str_is(got, cases[i].want), "%s: %.*s", cases[i].clear, STR_ARG(got));
        expect(mask_marks(cases[i].f, got), "%s is not known as a mask", cases[i].want);
        expect(!mask_marks(cases[i].f, str_of(cases[i].clear)), "%s is taken for a mask", cases[i].clear);
    }
}

static void test_nothing_is_shown_of_numbers(void **state)
{
    (void)state;
    char room[MASK_MAX];
    assert_true(mask_is_null(&amount));
    assert_true(str_is_none(mask(&amount, STR("1000000.00"), room)));
    assert_false(mask_marks(&amount, STR("***")));
}

static void test_what_is_not_there_has_no_mask(void **state)
{
    (void)state;
    char room[MASK_MAX];
    assert_true(str_is_none(mask(&phone, STR_NONE, room)));
    assert_true(str_is_none(mask(&address, STR_NONE, room)));
}

static void test_only_secrets_have_masks(void **state)
{
    (void)state;
    assert_false(mask_marks(&open_text, STR("five *** hotel")));
}

/* However long what would be kept is. */
static void test_a_mask_never_leaves_its_room(void **state)
{
    (void)state;
    char room[MASK_MAX], clear[1000] = "c@";
    memset(clear + 2, 'x', sizeof clear - 3);
    assert_true(str_is(mask(&email, str_of(clear), room), MASK_MARK));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_type_keeps_what_it_may), cmocka_unit_test(test_nothing_is_shown_of_numbers),
        cmocka_unit_test(test_what_is_not_there_has_no_mask), cmocka_unit_test(test_only_secrets_have_masks),
        cmocka_unit_test(test_a_mask_never_leaves_its_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
