#include "crm.h"

#include "expect.h"
#include "pool.h"
#include "sql.h"
#include "stack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

const char *unique(const char *prefix)
{
    static unsigned run, n;
    if (!run && getrandom(&run, sizeof run, 0) != sizeof run) abort();
    return text("%s-%08x-%u", prefix, run, ++n);
}

char *token_of(const char *username, const char *password)
{
    struct reply *r =
        http_send(&(struct request){ .method = "POST",
                                     .url = text("%s/api/v1/auth/login", stack.auth_url),
                                     .body = text("{\"username\":\"%s\",\"password\":\"%s\"}", username, password) });
    const char *token = text_at(r, "access_token");
    return text("%s", token ? token : "");
}

int auth_service(const char *settings, const char *arguments)
{
    const char *bin = getenv("BIN_DIR");
    return system(text("DATABASE_URL='%s' %s %s/auth-service %s", stack.auth_db, settings, bin ? bin : "build/release/bin", arguments));
}

static const char password[] = "correct horse battery";

char *role_with(const char *scope, const char *permissions)
{
    const char *name = unique("ROLE");
    sql(stack.auth_db, "INSERT INTO roles VALUES ('%s', '试', '{%s}', '%s')", name, permissions, scope);
    return text("%s", name);
}

char *department_below(const char *parent)
{
    return sql(stack.auth_db, "INSERT INTO departments (department_id, department_name, parent_id) VALUES (gen_random_uuid(), '%s', "
                              "nullif('%s', '')::uuid) RETURNING department_id", unique("部门"), parent ? parent : "");
}

char *user_with_role(const char *role)
{
    return user_in(role, NULL).token;
}

/* As an operator would: the administrator's command, then another role. */
struct user user_in(const char *role, const char *department_id)
{
    const char *name = unique("user"), *settings = text("ADMIN_PASSWORD='%s' ADMIN_MUST_CHANGE_PASSWORD=0", password);
    expect(auth_service(settings, text("create-admin --username %s", name)) == 0, "create-admin %s", name);
    struct user u = { .name = name };
    u.id = sql(stack.auth_db,
               "UPDATE users SET name = '%s', roles = to_jsonb(array_remove(ARRAY['%s'], '')), department_id = nullif('%s', '')::uuid "
               "WHERE username = '%s' RETURNING user_id",
               name, role, department_id ? department_id : "", name);
    user_log_in(&u);
    return u;
}

void user_log_in(struct user *u)
{
    u->token = token_of(u->name, password);
    expect(*u->token, "%s cannot log in", u->name);
}

struct reply *call_as(const char *token, const char *method, const char *path, const char *body)
{
    const char *before = current_token();
    as(token);
    struct reply *r = call(method, path, body, NULL);
    as(before);
    return r;
}

static char *made(const char *collection, const char *id_name, const char *body)
{
    struct reply *r = POST(collection, body);
    expect_status(r, 200);
    return text("%s", text_at(r, text("data.%s", id_name)));
}

char *customer(const char *name, const char *more)
{
    return made(
        "/api/v1/customers", "customer_id",
        text("{\"customer_name\":\"%s\",\"customer_type\":\"企业\"%s%s}", name, more ? "," : "", more ? more : ""));
}

char *contact(const char *name, const char *more)
{
    return made("/api/v1/contacts", "contact_id",
                text("{\"contact_name\":\"%s\"%s%s}", name, more ? "," : "", more ? more : ""));
}

char *industry(const char *name)
{
    return made("/api/v1/industries", "industry_id",
                text("{\"industry_code\":\"%s\",\"industry_name\":\"%s\"}", unique("I"), name));
}

char *region(const char *name)
{
    return made("/api/v1/regions", "region_id",
                text("{\"region_code\":\"%s\",\"region_name\":\"%s\",\"level\":\"大区\"}", unique("R"), name));
}

char *customer_path(const char *id)
{
    return text("/api/v1/customers/%s", id);
}

char *customers_in_bulk(int count)
{
    char *id = industry(unique("行业"));
    sql(stack.customer_db,
        "INSERT INTO customers (customer_id, customer_code, customer_name, customer_type, status, industry_id, pinyin, "
        "created_time) "
        "SELECT gen_random_uuid(), '%s-' || n, CASE n %% 3 WHEN 0 THEN '东方制药' ELSE '西部医院' END || n, "
        "CASE n %% 2 WHEN 0 THEN '企业' ELSE '医院' END, '活跃', '%s', '', now() - n / 4 * interval '1 second' FROM "
        "generate_series(1, %d) n",
        unique("B"), id, count);
    return id;
}
