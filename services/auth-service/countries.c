/* The command that loads the countries of addresses: all of them at once, or none (0018_countries.sql). */
#include "auth.h"
#include "app/command.h"

#include "base/buf.h"
#include "base/cidr.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINES_MAX = 256 << 20, LOAD_TIMEOUT_MS = 10 * 60 * 1000, COUNTRY_LEN = 2 };

static const struct pg_stmt stmt_load = { "countries_load", "SELECT address_countries_load($1)" };

static bool is_country(struct str s)
{
    return s.len == COUNTRY_LEN && isupper((unsigned char)s.p[0]) && isupper((unsigned char)s.p[1]);
}

/* "10.0.0.0/8,CN": NULL, or why it is malformed. */
static const char *line_add(struct buf *lines, struct str line)
{
    struct str prefix = str_trim(str_cut(&line, ',')), country = str_trim(line);
    struct cidr c;
    const char *why = cidr_read(prefix, &c);
    if (why) return why;
    if (!is_country(country)) return "a country is two capital letters (ISO 3166-1)";
    buf_addf(lines, "%.*s %.*s\n", STR_ARG(prefix), STR_ARG(country));
    return buf_ok(lines) ? NULL : "the prefixes are too many";
}

/* What is not empty or a comment ("#"). How many; -1: standard error says which line is malformed. */
static long lines_read(FILE *from, struct buf *lines)
{
    char *line = NULL;
    const char *why = NULL;
    size_t room = 0;
    long number = 0, count = 0;
    for (ssize_t len; !why && (len = getline(&line, &room, from)) >= 0; number++) {
        struct str text = str_trim((struct str){ line, strcspn(line, "\r\n") });
        if (!text.len || *text.p == '#') continue;
        why = strlen(line) == (size_t)len ? line_add(lines, text) : "a NUL byte";
        count++;
    }
    free(line);
    if (why) fprintf(stderr, "load-countries: line %ld: %s\n", number, why);
    return why ? -1 : count;
}

static bool load(const char *url, const struct buf *lines)
{
    struct command c = { .name = "load-countries", .url = url, .stmt = &stmt_load, .values = { lines->data }, .count = 1,
                         .timeout_ms = LOAD_TIMEOUT_MS };
    bool ok = command_run(&c);
    if (ok) printf("%s prefixes\n", c.value);
    else if (*c.sqlstate) fprintf(stderr, "load-countries: the database refused (%s)\n", c.sqlstate);
    return ok;
}

int countries_load(int argc, char **argv)
{
    (void)argv;
    const char *url = getenv("DATABASE_URL");
    if (!url || argc != 2) {
        fprintf(stderr, "usage: DATABASE_URL=... auth-service load-countries < FILE\n");
        return EXIT_FAILURE;
    }
    struct buf lines;
    buf_init(&lines, LINES_MAX);
    long count = lines_read(stdin, &lines);
    if (!count) fprintf(stderr, "load-countries: no prefixes\n");
    buf_addc(&lines, '\0');
    bool ok = count > 0 && load(url, &lines);
    buf_done(&lines);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
