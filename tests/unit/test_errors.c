/* The error table is sound, and docs/errors.md says the same: one row for each entry, word for word. */
#include "unit.h"

#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>

/* Tests run in the top folder (tests/run.sh). */
static const char catalogue[] = "docs/errors.md";

static char *catalogue_text(void)
{
    static char text[64 * 1024];
    FILE *f = fopen(catalogue, "r");
    expect(f, "%s cannot be read", catalogue);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return text;
}

static void row_of(const struct err_row *row, char *out, size_t size)
{
    snprintf(out, size, "\n| `%s` | %d | %s | %s |", row->slug, row->http, row->zh, row->en);
}

static int count(const char *text, const char *what)
{
    int n = 0;
    for (const char *at = strstr(text, what); at; at = strstr(at + 1, what)) n++;
    return n;
}

static void test_slugs_are_unique(void **state)
{
    (void)state;
    for (int i = 0; i < E_COUNT; i++)
        for (int j = 0; j < i; j++) expect(strcmp(err_table[i].slug, err_table[j].slug) != 0, "%s", err_table[i].slug);
}

static void test_slugs_are_upper_case_words(void **state)
{
    (void)state;
    for (int i = 0; i < E_COUNT; i++) {
        const char *slug = err_table[i].slug;
        expect(*slug && strspn(slug, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == strlen(slug), "%s", slug);
    }
}

static void test_each_entry_has_an_error_status_and_both_messages(void **state)
{
    (void)state;
    for (int i = E_OK + 1; i < E_COUNT; i++) {
        const struct err_row *row = &err_table[i];
        expect(row->http >= 400 && row->http <= 599, "%s: %d", row->slug, row->http);
        expect(*row->zh && *row->en, "%s", row->slug);
    }
}

static void test_the_catalogue_has_one_row_per_entry(void **state)
{
    (void)state;
    const char *text = catalogue_text();
    for (int i = E_OK + 1; i < E_COUNT; i++) {
        char row[512];
        row_of(&err_table[i], row, sizeof row);
        expect(count(text, row) == 1, "%s: wants one row that begins %s", catalogue, row + 1);
    }
}

static void test_the_catalogue_has_no_other_rows(void **state)
{
    (void)state;
    expect(count(catalogue_text(), "\n| `") == E_COUNT - 1, "%s has a row that is no entry of err_table", catalogue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slugs_are_unique),
        cmocka_unit_test(test_slugs_are_upper_case_words),
        cmocka_unit_test(test_each_entry_has_an_error_status_and_both_messages),
        cmocka_unit_test(test_the_catalogue_has_one_row_per_entry),
        cmocka_unit_test(test_the_catalogue_has_no_other_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
