/* Dictionaries: the enumerations of proto-json-schemas/dictionaries.json, for clients that offer choices. */
#include "customer-service_routes.h"
#include "http/reply.h"
#include "schemas.h"

static void write_items(struct jw *w, const struct dictionary *d)
{
    jw_array(w);
    for (size_t i = 0; i < d->count; i++) {
        jw_object(w);
        jw_key(w, STR("code"));
        jw_str(w, d->choices[i].code);
        jw_key(w, STR("label"));
        jw_str(w, d->choices[i].label);
        jw_object_end(w);
    }
    jw_array_end(w);
}

static void write_dictionary(struct jw *w, const struct dictionary *d)
{
    jw_object(w);
    jw_key(w, STR("type"));
    jw_str(w, d->name);
    jw_key(w, STR("title"));
    jw_str(w, d->title);
    jw_key(w, STR("items"));
    write_items(w, d);
    jw_object_end(w);
}

void dictionary_index(struct req *r)
{
    struct jw w = reply_begin(r);
    jw_array(&w);
    for (size_t i = 0; i < dictionary_count; i++) write_dictionary(&w, dictionaries[i]);
    jw_array_end(&w);
    reply_end(r, &w);
}

void dictionary_get(struct req *r)
{
    for (size_t i = 0; i < dictionary_count; i++) {
        if (!str_eq(dictionaries[i]->name, r->params[0])) continue;
        struct jw w = reply_begin(r);
        write_dictionary(&w, dictionaries[i]);
        reply_end(r, &w);
        return;
    }
    reply_fail(r, E_NOT_FOUND);
}

/* Every error slug (contract of the error envelope), from the one table. */
void errors_index(struct req *r)
{
    struct jw w = reply_begin(r);
    jw_array(&w);
    for (int i = E_OK + 1; i < E_COUNT; i++) {
        const struct err_row *row = &err_table[i];
        jw_object(&w);
        jw_key(&w, STR("error"));
        jw_str(&w, str_of(row->slug));
        jw_key(&w, STR("status"));
        jw_int(&w, row->http);
        jw_key(&w, STR("message_zh"));
        jw_str(&w, str_of(row->zh));
        jw_key(&w, STR("message_en"));
        jw_str(&w, str_of(row->en));
        jw_object_end(&w);
    }
    jw_array_end(&w);
    reply_end(r, &w);
}
