/* The first administrator, made by a command so that no default password ever exists. */
#include "auth.h"
#include "command.h"
#include "password.h"

#include "base/uuid.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>

static const struct pg_stmt stmt_admin_add = {
    "admin_add",
    "INSERT INTO users (user_id, username, password_hash, name, roles) VALUES ($1::uuid, $2, $3, '管理员', '[\"ADMIN\", \"SALES_MANAGER\"]')"
};

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
    const char *values[] = { id, argv[3], arena_cstr(&a, password_hash(&a, str_of(password))) };
    int status = command_run("create-admin", url, &stmt_admin_add, values, 3, "a user of this name exists");
    arena_done(&a);
    return status;
}
