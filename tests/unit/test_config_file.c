#include "base/config_file.h"

#include "base/config.h"
#include "base/limits.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct settings {
    const char *name, *note;
    int size;
};

#define AT(member) offsetof(struct settings, member)
static const struct opt opts[] = {
    { "F_NAME", O_STR, AT(name), "crm", 0, 2, 0, "a name" },
    { "F_NOTE", O_STR, AT(note), NULL, O_REQUIRED, 1, 0, "a note" },
    { "F_SIZE", O_INT, AT(size), "3", 0, 0, 5, "a size" },
    { 0 },
};

static char dir[] = "/tmp/test_config_file_XXXXXX", path[64], faults[64 * 1024];

static void write_bytes(const char *bytes, size_t len)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    fclose(f);
}

/* As a process does it: the file, the table, what is left over. The faults are in `faults`, without the path. */
static bool load(struct settings *s, struct config_file **ret_file)
{
    struct buf b;
    buf_init(&b, sizeof faults - 1);
    struct config_file *f = config_file_read(path, &b);
    bool ok = f && config_load(opts, f, s, &b);
    if (f) ok = config_file_all_known(f, &b) && ok;
    size_t n = 0;
    for (struct str rest = buf_str(&b); rest.len;) {
        struct str line = str_cut(&rest, '\n'), prefix = str_of(path);
        if (str_has_prefix(line, prefix)) line = str_sub(line, prefix.len, line.len);
        n += (size_t)snprintf(faults + n, sizeof faults - n, "%.*s\n", STR_ARG(line));
    }
    faults[n] = 0;
    buf_done(&b);
    *ret_file = f;
    return ok;
}

static void test_lines(void **state)
{
    (void)state;
    static const struct { const char *text, *name, *note; int size; } cases[] = {
        { "F_NOTE=n", "crm", "n", 3 },
        { "F_NOTE=n\n", "crm", "n", 3 },
        { "\n\n# F_NOTE=no\n  # neither\n\t\nF_NOTE=n\n#", "crm", "n", 3 },
        { "F_NOTE=n\r\nF_SIZE=4\r\n", "crm", "n", 4 },
        { "  F_NOTE=n \t\n\tF_NAME=  xy  ", "xy", "n", 3 },
        { "F_NOTE=a b\tc = d # no comment", "crm", "a b\tc = d # no comment", 3 },
        { "F_NOTE=5\" x 3' \\n $HOME", "crm", "5\" x 3' \\n $HOME", 3 },
        { "F_NOTE=客户", "crm", "客户", 3 },
        { "F_NAME=\nF_NOTE=n\nF_SIZE= ", "crm", "n", 3 }, /* empty is absent */
        { "F_SIZE=0\nF_NAME=xy\nF_NOTE==\n", "xy", "=", 0 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct settings s = { 0 };
        struct config_file *f;
        write_bytes(cases[i].text, strlen(cases[i].text));
        expect(load(&s, &f), "%s: %s", cases[i].text, faults);
        assert_string_equal(faults, "");
        assert_string_equal(s.name, cases[i].name);
        assert_string_equal(s.note, cases[i].note);
        assert_int_equal(s.size, cases[i].size);
        config_file_free(f);
    }
}

#define LINE  "is not NAME=value, with a name of A to Z, 0 to 9 and _\n"
#define BYTE  "holds a control character\n"
#define QUOTE "the value begins with a quote: write it without\n"

static void test_faults(void **state)
{
    (void)state;
    static const struct { struct str text; const char *faults; } cases[] = {
        { STR(""), "F_NOTE is required: a note\n" },
        { STR("F_NOTE="), "F_NOTE is required: a note\n" },
        { STR("F_NOTE=n\nF_NOTE"), ":2: " LINE },
        { STR("=n"), ":1: " LINE },
        { STR("F_NOTE =n"), ":1: " LINE },
        { STR("export F_NOTE=n"), ":1: " LINE },
        { STR("f_note=n"), ":1: " LINE },
        { STR("1_NOTE=n"), ":1: " LINE },
        { STR("F-NOTE=n"), ":1: " LINE },
        { STR("\xEF\xBB\xBF" "F_NOTE=n"), ":1: " LINE },
        { STR("F_NOTE=a\0b"), ":1: " BYTE },
        { STR("F_NOTE=a\rb"), ":1: " BYTE },
        { STR("F_NOTE=a\x1B[0m"), ":1: " BYTE },
        { STR("F_NOTE=a\x7F"), ":1: " BYTE },
        { STR("F_NOTE=\"n\""), ":1: " QUOTE },
        { STR("F_NOTE= 'n'"), ":1: " QUOTE },
        { STR("F_NOTE=n\n#\nF_NOTE=m"), ":3: sets a name that was set before\n" },
        { STR("F_NOTE=n\n\nF_OTHER=1\nF_SIZE=6\nZ=\n"),
          ":4: F_SIZE has no valid value: a size\n:3: there is no setting F_OTHER\n:5: there is no setting Z\n" },
        { STR("junk\nF_NOTE=n\n\"\n"), ":1: " LINE ":3: " LINE },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct settings s = { 0 };
        struct config_file *f;
        write_bytes(cases[i].text.p, cases[i].text.len);
        expect(!load(&s, &f) && !strcmp(faults, cases[i].faults), "%s: %s", cases[i].text.p, faults);
        config_file_free(f);
    }
}

static void test_environment_wins(void **state)
{
    (void)state;
    static const char text[] = "F_NOTE=file\nF_NAME=x\nF_SIZE=9\n"; /* two of them would be faults */
    struct settings s = { 0 };
    struct config_file *f;
    write_bytes(text, sizeof text - 1);
    setenv("F_NAME", "environment", 1);
    setenv("F_SIZE", "1", 1);
    setenv("F_NOTE", "", 1); /* empty is absent */
    expect(load(&s, &f), "%s", faults);
    assert_string_equal(s.name, "environment");
    assert_string_equal(s.note, "file");
    assert_int_equal(s.size, 1);
    config_file_free(f);
    setenv("F_SIZE", "9", 1);
    assert_false(load(&s, &f));
    assert_string_equal(faults, "F_SIZE has no valid value: a size\n"); /* not the file's fault */
    config_file_free(f);
    unsetenv("F_NAME");
    unsetenv("F_SIZE");
    unsetenv("F_NOTE");
}

static void test_sizes(void **state)
{
    (void)state;
    struct settings s = { 0 };
    struct config_file *f;
    char *text = malloc(LIMIT_CONFIG_FILE + 1), *at = text;
    assert_non_null(text);
    memset(text, '#', LIMIT_CONFIG_FILE + 1);
    memcpy(text, "F_NOTE=n\n", 9);
    write_bytes(text, LIMIT_CONFIG_FILE);
    expect(load(&s, &f), "%s", faults);
    config_file_free(f);
    memset(text + 9, 'x', LIMIT_CONFIG_FILE - 9);
    text[8] = 'n'; /* one value up to the last byte */
    write_bytes(text, LIMIT_CONFIG_FILE);
    expect(load(&s, &f), "%s", faults);
    assert_int_equal(strlen(s.note), LIMIT_CONFIG_FILE - 7);
    config_file_free(f);
    write_bytes(text, LIMIT_CONFIG_FILE + 1);
    assert_false(load(&s, &f));
    assert_string_equal(faults, ": is longer than 64 KiB\n");
    for (int i = 0; i < 257; i++) at += snprintf(at, 16, "N_%d=1\n", i);
    write_bytes(text, (size_t)(at - text));
    assert_false(load(&s, &f));
    assert_string_equal(faults, ":257: is more than a file may hold: 256 settings\n");
    free(text);
}

static const char *fault_of(int made)
{
    struct settings s = { 0 };
    struct config_file *f;
    assert_int_equal(made, 0);
    assert_false(load(&s, &f));
    assert_null(f);
    return faults;
}

static void test_what_is_no_file(void **state)
{
    (void)state;
    assert_string_equal(fault_of(unlink(path)), ": No such file or directory\n");
    assert_string_equal(fault_of(mkdir(path, 0700)), ": is not a regular file\n");
    rmdir(path);
    assert_string_equal(fault_of(mkfifo(path, 0600)), ": is not a regular file\n");
    unlink(path);
    write_bytes("F_NOTE=n", 8);
    if (geteuid()) assert_string_equal(fault_of(chmod(path, 0)), ": Permission denied\n"); /* root may read all */
}

static int make_dir(void **state)
{
    (void)state;
    if (!mkdtemp(dir)) return -1;
    snprintf(path, sizeof path, "%s/crm.conf", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_environment_wins),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_what_is_no_file),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
