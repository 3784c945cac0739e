/* A new signing key, by command.
 *
 * Published at once, it signs when everybody who verifies tokens has fetched it: they ask every 30 s (auth/keys.c), so that the
 * default lets five such requests fail. The keys before it stay published until the last token that they signed has expired. */
#include "auth.h"
#include "app/command.h"

#include "auth/jwk.h"
#include "base/limits.h"

#include <stdio.h>
#include <stdlib.h>

enum { OVERLAP_S = 180, TIME_MAX_S = 7 * 86400 };

static const struct pg_stmt stmt_key_rotate = {
    "key_rotate", "SELECT signing_key_rotate($1, $2, $3, $4::integer, $5::integer)"
};

static int usage(void)
{
    fprintf(stderr, "usage: DATABASE_URL=... auth-service rotate-key [--overlap SECONDS] [--keep SECONDS]\n");
    return EXIT_FAILURE;
}

static bool read_seconds(int argc, char **argv, int64_t *ret_overlap, int64_t *ret_keep)
{
    for (int i = 2; i < argc; i += 2) {
        int64_t *to = !strcmp(argv[i], "--overlap") ? ret_overlap : !strcmp(argv[i], "--keep") ? ret_keep : NULL;
        if (!to || i + 1 == argc || !str_to_i64(str_of(argv[i + 1]), 0, TIME_MAX_S, to)) return false;
    }
    return true;
}

static int rotate(const char *url, int64_t overlap_s, int64_t keep_s)
{
    struct arena a;
    struct str pem, kid, jwk;
    arena_init(&a);
    if (!jwk_generate(&a, &pem, &kid, &jwk)) abort();
    struct command c = {
        .name = "rotate-key", .url = url, .stmt = &stmt_key_rotate, .count = 5,
        .values = { arena_cstr(&a, kid), arena_cstr(&a, pem), arena_cstr(&a, jwk), arena_printf(&a, "%d", (int)overlap_s).p,
                    arena_printf(&a, "%d", (int)keep_s).p },
    };
    bool ok = command_run(&c);
    if (ok) printf("%.*s signs from %s\n", STR_ARG(kid), c.value);
    else if (*c.sqlstate) fprintf(stderr, "rotate-key: the database refused\n");
    arena_done(&a);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int key_rotate(int argc, char **argv)
{
    int64_t overlap_s = OVERLAP_S, keep_s = LIMIT_TOKEN_LIFE_S + LIMIT_CLOCK_LEEWAY_S;
    const char *url = getenv("DATABASE_URL");
    if (!url || !read_seconds(argc, argv, &overlap_s, &keep_s)) return usage();
    return rotate(url, overlap_s, keep_s);
}
