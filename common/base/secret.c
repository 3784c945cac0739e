#include "base/secret.h"

enum { DISTINCT_MIN = 10 }; /* 32 random hexadecimal digits have fewer once in 200 */

static size_t distinct_bytes(struct str s)
{
    bool seen[256] = { false };
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        n += !seen[(unsigned char)s.p[i]];
        seen[(unsigned char)s.p[i]] = true;
    }
    return n;
}

/* "abcabcabc", a cut-off end too */
static bool repeats(struct str s)
{
    for (size_t period = 1; period <= s.len / 2; period++)
        if (!memcmp(s.p, s.p + period, s.len - period)) return true;
    return false;
}

/* "abcdefgh", "76543210": most bytes are their neighbour's successor. */
static bool counts(struct str s)
{
    size_t steps = 0;
    for (size_t i = 1; i < s.len; i++) steps += s.p[i] == s.p[i - 1] + 1 || s.p[i] == s.p[i - 1] - 1;
    return steps * 2 > s.len;
}

static bool has_word(struct str s, struct str word)
{
    for (size_t i = 0; i + word.len <= s.len; i++)
        if (str_ieq(str_sub(s, i, i + word.len), word)) return true;
    return false;
}

const char *secret_weakness(struct str secret)
{
    static const struct str words[] = { STR("secret"), STR("password"), STR("passwd"), STR("changeme"), STR("change-me"), STR("change_me"),
                                        STR("example"), STR("default"), STR("12345678"), STR("qwerty"), STR("your-256-bit") };
    if (secret.len < SECRET_MIN) return "shorter than 32 bytes";
    if (distinct_bytes(secret) < DISTINCT_MIN) return "of too few different characters";
    if (repeats(secret)) return "a repetition";
    if (counts(secret)) return "a sequence";
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (has_word(secret, words[i])) return "a well-known word";
    return NULL;
}
