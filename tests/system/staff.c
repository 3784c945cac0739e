#include "staff.h"

#include "expect.h"
#include "pool.h"
#include "sql.h"
#include "stack.h"

static char *made(const char *collection, const char *id_name, const char *body)
{
    char *before = text("%s", current_target());
    target(stack.auth_url);
    struct reply *r = expect_status(POST(collection, body), 200);
    target(before);
    return text("%s", text_at(r, text("data.%s", id_name)));
}

char *user(const char *username, const char *more)
{
    return made("/api/v1/users", "user_id",
                text("{\"username\":\"%s\",\"name\":\"张三\",\"password\":\"%s\",\"must_change_password\":false%s%s}", username,
                     STAFF_PASSWORD, more ? "," : "", more ? more : ""));
}

char *department(const char *name, const char *parent)
{
    const char *below = parent ? text(",\"parent_id\":\"%s\"", parent) : "";
    return made("/api/v1/departments", "department_id", text("{\"department_name\":\"%s\"%s}", name, below));
}

char *role(const char *role_name, const char *permissions)
{
    return made("/api/v1/roles", "role_id",
                text("{\"role_name\":\"%s\",\"title\":\"角色\",\"permissions\":[%s],\"data_scope\":\"全部\"}", role_name, permissions));
}

char *user_path(const char *id)
{
    return text("/api/v1/users/%s", id);
}

struct request staff_request(const char *method, const char *path, const char *body)
{
    return (struct request){ .method = method, .url = text("%s%s", stack.auth_url, path), .token = stack.admin_token, .body = body };
}

const char *detail_text(struct reply *r, const char *field, const char *member)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(detail_of(r, field), member));
}

long revocations_of(const char *user_id)
{
    return sql_count(stack.auth_db, "SELECT count(*) FROM revocations WHERE user_id = '%s'", user_id);
}
