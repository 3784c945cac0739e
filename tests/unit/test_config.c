#include "base/config.h"
#include "base/log.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct settings {
    const char *name, *secret, *note;
    int port, size;
    bool on;
    enum log_level level;
};

#define AT(member) offsetof(struct settings, member)
static const struct opt opts[] = {
    { "T_NAME", O_STR, AT(name), "crm", 0, 2, 0, "a name" },
    { "T_SECRET", O_STR, AT(secret), NULL, O_REQUIRED | O_SECRET, 8, 0, "a secret" },
    { "T_NOTE", O_STR, AT(note), NULL, O_LIVE, 0, 0, "a note" },
    { "T_PORT", O_INT, AT(port), NULL, O_REQUIRED, 1, 65535, "a port" },
    { "T_SIZE", O_INT, AT(size), "-3", O_LIVE, -5, 5, "a size" },
    { "T_ON", O_BOOL, AT(on), "1", 0, 0, 0, "a switch" },
    { "T_LEVEL", O_LEVEL, AT(level), "info", 0, 0, 0, "a level" },
    { 0 },
};

/* Only what `assignments` says ("A=1 B=2") is set. */
static void environment(const char *assignments)
{
    char copy[256];
    for (const struct opt *o = opts; o->name; o++) unsetenv(o->name);
    snprintf(copy, sizeof copy, "%s", assignments);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
        char *value = strchr(word, '=');
        *value = 0;
        setenv(word, value + 1, 1);
    }
}

static bool load(const char *assignments, struct settings *s, char faults[1024])
{
    struct buf b;
    environment(assignments);
    buf_init(&b, 1023);
    bool ok = config_load(opts, NULL, s, &b);
    memcpy(faults, buf_str(&b).p, b.len);
    faults[b.len] = 0;
    buf_done(&b);
    return ok;
}

#define GOOD "T_SECRET=12345678 T_PORT=80 "

static void test_values_and_fallbacks(void **state)
{
    (void)state;
    struct settings s = { .note = NULL };
    char faults[1024];
    assert_true(load(GOOD, &s, faults));
    assert_string_equal(s.name, "crm");
    assert_string_equal(s.secret, "12345678");
    assert_null(s.note);
    assert_int_equal(s.port, 80);
    assert_int_equal(s.size, -3);
    assert_true(s.on);
    assert_int_equal(s.level, LOG_INFO);
    assert_true(load(GOOD "T_NAME=xy T_NOTE=n T_SIZE=5 T_ON=false T_LEVEL=error", &s, faults));
    assert_int_equal(s.level, LOG_ERROR);
    assert_string_equal(s.name, "xy");
    assert_string_equal(s.note, "n");
    assert_int_equal(s.size, 5);
    assert_false(s.on);
    assert_string_equal(faults, "");
}

static void test_faults(void **state)
{
    (void)state;
    static const struct { const char *environment, *faults;
    } cases[] = {
        { "", "T_SECRET is required: a secret\nT_PORT is required: a port\n" },
        { "T_SECRET= T_PORT=80", "T_SECRET is required: a secret\n" }, /* empty is absent */
        { "T_SECRET=1234567 T_PORT=80", "T_SECRET has no valid value: a secret\n" },
        { GOOD "T_PORT=0", "T_PORT has no valid value: a port\n" },
        { GOOD "T_PORT=65536", "T_PORT has no valid value: a port\n" },
        { GOOD "T_PORT=80x", "T_PORT has no valid value: a port\n" },
        { GOOD "T_PORT=0x50", "T_PORT has no valid value: a port\n" },
        { GOOD "T_PORT=99999999999999999999", "T_PORT has no valid value: a port\n" },
        { GOOD "T_NAME=x T_SIZE=6 T_ON=yes",
          "T_NAME has no valid value: a name\nT_SIZE has no valid value: a size\nT_ON has no valid value: a switch\n" },
        { GOOD "T_ON=TRUE", "T_ON has no valid value: a switch\n" },
        { GOOD "T_LEVEL=INFO", "T_LEVEL has no valid value: a level\n" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct settings s = { .note = NULL };
        char faults[1024];
        expect(!load(cases[i].environment, &s, faults) && !strcmp(faults, cases[i].faults), "%s: %s",
               cases[i].environment, faults);
        assert_null(strstr(faults, "1234567")); /* a fault never shows the value */
    }
}

static void test_the_log_line_hides_secrets(void **state)
{
    (void)state;
    struct settings s;
    char faults[1024], line[2048], path[] = "/tmp/test_config_XXXXXX";
    int file = mkstemp(path), saved = dup(STDERR_FILENO);
    assert_true(file >= 0 && saved >= 0);
    unlink(path);
    assert_true(load(GOOD "T_NOTE=seen", &s, faults));
    dup2(file, STDERR_FILENO);
    config_log(opts, &s);
    dup2(saved, STDERR_FILENO);
    ssize_t n = pread(file, line, sizeof line - 1, 0);
    assert_true(n > 0);
    line[n] = 0;
    assert_non_null(strstr(line, "\"T_SECRET\":\"***\""));
    assert_non_null(strstr(line, "\"T_NOTE\":\"seen\""));
    assert_null(strstr(line, "12345678"));
    close(file);
    close(saved);
}

static void test_document(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4096);
    config_document(opts, "Title", &b);
    expect(str_is(buf_str(&b), "## Title\n\n| variable | default | live | meaning |\n|---|---|---|---|\n"
                               "| `T_NAME` | crm |  | a name |\n| `T_SECRET` | required |  | a secret (secret) |\n"
                               "| `T_NOTE` | none | yes | a note |\n| `T_PORT` | required |  | a port |\n| `T_SIZE` | -3 | yes | a size |\n"
                               "| `T_ON` | 1 |  | a switch |\n| `T_LEVEL` | info |  | a level |\n\n"), "%.*s", STR_ARG(buf_str(&b)));
    buf_done(&b);
}

static void test_only_what_is_live_changes(void **state)
{
    (void)state;
    struct settings old = { .note = NULL }, s = { .note = NULL };
    char faults[1024];
    log_init("test", LOG_ERROR);
    assert_true(load(GOOD "T_NAME=one T_NOTE=one T_SIZE=1", &old, faults));
    assert_true(load("T_SECRET=87654321 T_PORT=81 T_NAME=two T_NOTE=two T_SIZE=2 T_ON=0 T_LEVEL=warn", &s, faults));
    config_take_over(opts, &old, &s);
    assert_ptr_equal(s.name, old.name);
    assert_ptr_equal(s.secret, old.secret);
    assert_int_equal(s.port, 80);
    assert_true(s.on);
    assert_int_equal(s.level, LOG_INFO);
    assert_string_equal(s.note, "two");
    assert_int_equal(s.size, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_and_fallbacks),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_the_log_line_hides_secrets),
        cmocka_unit_test(test_document),
        cmocka_unit_test(test_only_what_is_live_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
