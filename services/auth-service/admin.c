/* The first administrator, made by a command so that no default password ever exists. */
#include "auth.h"
#include "app/command.h"
#include "password.h"

#include "base/utf8.h"
#include "base/uuid.h"

#include <stdio.h>
#include <stdlib.h>

static const struct pg_stmt stmt_admin_add = {
    "admin_add", "INSERT INTO users (user_id, username, password_hash, name, roles, must_change_password) "
                 "VALUES ($1::uuid, $2, $3, '管理员', '[\"ADMIN\", \"SALES_MANAGER\"]', $4::boolean)"
};

/* Whoever typed the password knows it, and so may others: it has to be changed unless it is said that it need not. */
static bool must_change(void)
{
    const char *says = getenv("ADMIN_MUST_CHANGE_PASSWORD");
    return !says || strcmp(says, "0") != 0;
}

int admin_create(int argc, char **argv)
{
    const char *password = getenv("ADMIN_PASSWORD"), *url = getenv("DATABASE_URL");
    if (argc != 4 || strcmp(argv[2], "--username") || !*argv[3] || !password || !url) {
        fprintf(stderr, "usage: DATABASE_URL=... ADMIN_PASSWORD=... auth-service create-admin --username NAME\n");
        return EXIT_FAILURE;
    }
    size_t length = utf8_valid(str_of(password)) ? utf8_count(str_of(password)) : 0;
    if (length < PASSWORD_MIN || length > PASSWORD_MAX) {
        fprintf(stderr, "create-admin: the password must have %d to %d characters\n", PASSWORD_MIN, PASSWORD_MAX);
        return EXIT_FAILURE;
    }
    struct arena a;
    arena_init(&a);
    char id[UUID_LEN + 1];
    uuid_v7(id);
    struct command c = {
        .name = argv[1], .url = url, .stmt = &stmt_admin_add, .count = 4,
        .values = { id, argv[3], arena_cstr(&a, password_hash(&a, str_of(password))), must_change() ? "true" : "false" },
    };
    bool ok = command_run(&c);
    bool exists = !strcmp(c.sqlstate, "23505") || !strcmp(c.sqlstate, "CR003");
    if (*c.sqlstate) fprintf(stderr, "create-admin: %s\n", exists ? "a user of this name exists" : "the database refused");
    arena_done(&a);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
