/* The command that makes a client. Its secret is shown once, here, and nowhere kept. */
#include "auth.h"
#include "app/command.h"

#include "auth/claims.h"
#include "base/base64.h"
#include "base/uuid.h"
#include "permissions.h"

#include <stdio.h>
#include <stdlib.h>

enum { SECRET_BYTES = 32 };

static const struct pg_stmt stmt_client_add = {
    "client_add",
    "INSERT INTO clients (client_id, client_name, secret_hash, audiences, permissions, data_scope) "
    "VALUES ($1::uuid, $2, $3, string_to_array($4, ','), string_to_array($5, ','), $6)"
};

static bool is_audience(struct str name)
{
    bool ok = str_is(name, TOKEN_AUDIENCE);
    for (size_t i = 0; i < SERVICE_COUNT; i++) ok |= str_eq(name, service_names[i]);
    return ok;
}

static bool is_permission(struct str name)
{
    for (unsigned i = PERM_AUTHENTICATED + 1; i < PERM_COUNT; i++)
        if (str_eq(name, permission_names[i])) return true;
    return false;
}

static bool is_scope(struct str name)
{
    enum data_scope scope;
    return scope_read(name, &scope);
}

static bool is_name(struct str name)
{
    return name.len > 0 && name.len <= 100 && !memchr(name.p, '"', name.len) && !memchr(name.p, '\\', name.len);
}

/* Options by name, in the order of $2 and what follows. */
static const struct {
    const char *name, *fallback;
    bool (*is_good)(struct str one);
    bool is_list;
} options[] = {
    { "--name", NULL, is_name, false },
    { "--audience", NULL, is_audience, true },
    { "--permissions", NULL, is_permission, true },
    { "--scope", "all", is_scope, false },
};
enum { OPTIONS = sizeof options / sizeof *options };

static bool read_options(int argc, char **argv, const char *values[OPTIONS])
{
    for (int i = 0; i < OPTIONS; i++) values[i] = options[i].fallback;
    for (int i = 2; i < argc; i += 2) {
        int k = 0;
        while (k < OPTIONS && strcmp(argv[i], options[k].name)) k++;
        if (k == OPTIONS || i + 1 == argc) return false;
        values[k] = argv[i + 1];
    }
    for (int i = 0; i < OPTIONS; i++)
        if (!values[i]) return false;
    return true;
}

static bool check_options(const char *const values[OPTIONS])
{
    bool ok = true;
    for (int i = 0; i < OPTIONS; i++) {
        struct str rest = str_of(values[i]);
        while (!str_is_none(rest)) {
            struct str one = options[i].is_list ? str_cut(&rest, ',') : rest;
            if (!options[i].is_list) rest = STR_NONE;
            if (options[i].is_good(one)) continue;
            fprintf(stderr, "create-client: %s: \"%.*s\" is none\n", options[i].name, STR_ARG(one));
            ok = false;
        }
    }
    return ok;
}

int client_create(int argc, char **argv)
{
    const char *url = getenv("DATABASE_URL"), *given[OPTIONS];
    if (!url || !read_options(argc, argv, given)) {
        fprintf(stderr, "usage: DATABASE_URL=... auth-service create-client --name NAME --audience SERVICE,... "
                        "--permissions PERMISSION,... [--scope own|department|department_and_below|all]\n");
        return EXIT_FAILURE;
    }
    if (!check_options(given)) return EXIT_FAILURE;
    struct arena a;
    arena_init(&a);
    char id[UUID_LEN + 1];
    unsigned char bytes[SECRET_BYTES];
    uuid_v7(id);
    random_bytes(bytes, sizeof bytes);
    struct str secret = base64url_encode(&a, (struct str){ (char *)bytes, sizeof bytes });
    const char *hash = arena_cstr(&a, client_secret_hash(&a, secret));
    struct command c = { .name = "create-client", .url = url, .stmt = &stmt_client_add, .count = 6,
                         .values = { id, given[0], hash, given[1], given[2], given[3] } };
    bool ok = command_run(&c), exists = !strcmp(c.sqlstate, "23505");
    if (ok) printf("client_id=%s\nclient_secret=%.*s\n", id, STR_ARG(secret));
    else if (*c.sqlstate) fprintf(stderr, "create-client: %s\n", exists ? "a client of this name exists" : "the database refused");
    arena_done(&a);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
