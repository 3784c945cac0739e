/* openapi: the OpenAPI 3.0.3 document of one service.
 *
 * Its fixed parts (conventions, common parameters, headers, the error schema) are openapi.base.json; everything else
 * follows from the model. Components are added when first referred to, so a document has no unused ones. */
#ifndef GENERATOR_OPENAPI_H
#define GENERATOR_OPENAPI_H

#include <stdio.h>

#include "model.h"

struct doc {
    const struct model *model;
    const struct service *service;
    const cJSON *base;
    cJSON *root, *components;
};

const cJSON *openapi_read_base(const char *schema_folder);

/* <openapi_folder>/<service>.json, and the same text as <gen_folder>/<service>_openapi.c */
void openapi_write(const struct model *m, const cJSON *base, const char *gen_folder, const char *openapi_folder);

/* --- references; each returns a new {"$ref": ...} and makes the component if need be ---------------------------- */
enum variant { AS_DETAIL, AS_LIST_ITEM, AS_CREATED, AS_UPDATED, AS_CREATE, AS_UPDATE, AS_PAGE, AS_DOCUMENT };
cJSON *doc_schema(struct doc *d, const struct schema *s, enum variant as);
cJSON *doc_fixed(struct doc *d, const char *section, const char *name); /* of openapi.base.json */
cJSON *doc_error(struct doc *d, int status);                            /* 0: all that are not listed by status */

bool doc_has(const struct doc *d, const char *section, const char *name);
void doc_add(struct doc *d, const char *section, const char *name, cJSON *component);
cJSON *doc_ref(const char *section, const char *name);

/* --- pieces ----------------------------------------------------------------------------------------------------- */
enum direction { IN_REPLY, IN_REQUEST, IN_QUERY };
cJSON *property_schema(const struct property *p, enum direction direction);
char *dict_note(const struct dict *d); /* which codes are accepted beside the labels; NULL: the labels are the codes */
cJSON *property_example(const struct property *p);
cJSON *schema_example(const struct schema *s, enum variant as);
cJSON *operation_document(struct doc *d, const struct operation *o);

void json_print(FILE *to, const cJSON *json); /* two spaces per level, scalars' arrays on one line */
cJSON *json_texts(const char *const *texts, size_t count);

#endif
