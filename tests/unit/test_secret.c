#include "base/secret.h"

#include "base/uuid.h"

#include "unit.h"

#include <stdio.h>

#define SHORT    "shorter than 32 bytes"
#define POOR     "of too few different characters"
#define REPEATS  "a repetition"
#define SEQUENCE "a sequence"
#define WORD     "a well-known word"

static void test_weaknesses(void **state)
{
    (void)state;
    static const struct { const char *secret, *want; } cases[] = {
        { "", SHORT },
        { "kV7p-2mQx9Lr4Tz8Wc1Nb6Yd3Hf5Js0", SHORT },
        { "kV7p-2mQx9Lr4Tz8Wc1Nb6Yd3Hf5Js0G", NULL },
        { "00000000000000000000000000000000", POOR },
        { "abababababababababababababababababab", POOR },
        { "0123456789abcdef0123456789abcdef", REPEATS },
        { "kV7p-2mQx9LrkV7p-2mQx9LrkV7p-2mQx9Lr", REPEATS },
        { "kV7p-2mQx9LrkV7p-2mQx9LrkV7p-2mQx", REPEATS }, /* cut off */
        { "abcdefghijklmnopqrstuvwxyzABCDEF", SEQUENCE },
        { "zyxwvutsrqponmlkjihgfedcba987654", SEQUENCE },
        { "kV7p-2mQx9Lr4-SeCrEt-Wc1Nb6Yd3Hf5Js0G", WORD },
        { "kV7p-2mQx9Lr4Tz8Wc1Nb6Yd3-password", WORD },
        { "your-256-bit-key-goes-in-here-soon", WORD },
        { "正确的马电池订书钉，一共三十二个字节以上", NULL },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *got = secret_weakness(str_of(cases[i].secret));
        const char *want = cases[i].want;
        expect(got == want || (got && want && !strcmp(got, want)), "%s: %s", cases[i].secret, got ? got : "good");
    }
}

/* What `openssl rand -hex 32` prints is good: of many, none is refused. */
static void test_random_ones_are_good(void **state)
{
    (void)state;
    for (int i = 0; i < 10000; i++) {
        unsigned char bytes[32];
        char hex[65];
        random_bytes(bytes, sizeof bytes);
        for (int k = 0; k < 32; k++) snprintf(hex + 2 * k, 3, "%02x", bytes[k]);
        const char *got = secret_weakness(str_of(hex));
        expect(!got, "%s: %s", hex, got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_weaknesses), cmocka_unit_test(test_random_ones_are_good) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
