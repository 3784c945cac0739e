/* What roles may hold: proto-json-schemas/permissions.json. */
#include "auth-service_routes.h"
#include "http/reply.h"
#include "schemas.h"

void permission_index(struct req *r)
{
    struct jw w = reply_begin(r);
    jw_array(&w);
    for (size_t i = 0; i < dictionary_permission.count; i++) {
        jw_object(&w);
        jw_key(&w, STR("name"));
        jw_str(&w, dictionary_permission.choices[i].code);
        jw_key(&w, STR("title"));
        jw_str(&w, dictionary_permission.choices[i].label);
        jw_object_end(&w);
    }
    jw_array_end(&w);
    reply_end(r, &w);
}
