#include "unit.h"

#include "../../gateway/rates.h"
#include "permissions.h"
#include "registry.c"

/* The settings as they are without any of their own, but `index` (of rates_opts) with `value`. */
static bool make_with(int index, const char *value, struct buf *faults)
{
    struct rates r = { 0 };
    for (int i = 0; rates_opts[i].name; i++)
        if (rates_opts[i].type == O_STR) *(const char **)((char *)&r + rates_opts[i].offset) = i == index ? value : rates_opts[i].fallback;
    buf_clear(faults);
    return rates_make(&r, faults);
}

static int index_of(const char *name)
{
    int i = 0;
    while (strcmp(rates_opts[i].name, name)) i++;
    return i;
}

static void test_settings_are_good_or_named(void **state)
{
    static const struct { const char *name, *value, *fault; } cases[] = {
        { "RATE_USER", "1/s", NULL },
        { "RATE_USER", "600", "RATE_USER is not a rate such as 600/min: 600\n" },
        { "RATE_REPORT", "many/h", "RATE_REPORT is not a rate such as 600/min: many/h\n" },
        { "RATE_ROLES", " ADMIN=5/s , A=1/min", NULL },
        { "RATE_ROLES", "ADMIN", "RATE_ROLES: not up to 16 of ROLE=600/min: ADMIN\n" },
        { "RATE_ROLES", "=5/s", "RATE_ROLES: not up to 16 of ROLE=600/min: \n" },
        { "RATE_ROLES", "A=1/s,A=1/s,A=1/s,A=1/s,A=1/s,A=1/s,A=1/s,A=1/s,A=1/s,A=1/s,A=1/s,A=1/s,A=1/s,A=1/s,A=1/s,A=1/s,B=1/s",
          "RATE_ROLES: not up to 16 of ROLE=600/min: B\n" },
        { "RATE_OPEN", "getJwks, listErrors", NULL },
        { "RATE_OPEN", "getJwks,listNothing", "RATE_OPEN: no such operation: listNothing\n" },
        { "RATE_CLOSED", ",", "RATE_CLOSED: no such operation: \n" },
    };
    (void)state;
    struct buf faults;
    buf_init(&faults, 4096);
    for (size_t i = 0; i < COUNT(cases); i++) {
        bool is_good = make_with(index_of(cases[i].name), cases[i].value, &faults);
        struct str said = buf_str(&faults);
        if (is_good != !cases[i].fault || !str_is(said, cases[i].fault ? cases[i].fault : ""))
            fail_msg("%s=%s: %.*s", cases[i].name, cases[i].value, STR_ARG(said));
    }
    buf_done(&faults);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_settings_are_good_or_named) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
