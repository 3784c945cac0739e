#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "openapi.h"
#include "source.h"

#define AS_ROW(code, http, slug, zh, en) { http, slug, zh, en },
static const struct err_row errors[] = { ERRORS(AS_ROW) };
enum { ERROR_COUNT = sizeof errors / sizeof *errors };

/* Statuses that operations list one by one; "default" stands for the others, which any request may meet. */
static const int listed[] = { 400, 401, 403, 404, 409, 412, 413, 415, 422, 428, 429, 500, 503, 504 };

static bool is_listed(int status)
{
    for (size_t i = 0; i < sizeof listed / sizeof *listed; i++)
        if (listed[i] == status) return true;
    return false;
}

static bool belongs(const struct err_row *e, int status)
{
    return e->http >= 400 && (status ? e->http == status : !is_listed(e->http));
}

static cJSON *detail_example(const struct err_row *e)
{
    cJSON *detail = cJSON_CreateObject();
    bool duplicate = strcmp(e->slug, "DUPLICATE") == 0;
    cJSON_AddStringToObject(detail, "field", "customer_code");
    cJSON_AddStringToObject(detail, "reason", duplicate ? "is already used" : "must have 1 to 50 characters");
    if (duplicate) cJSON_AddStringToObject(detail, "existing_id", "018f3c5e-7a10-7c3e-9b1a-2f6d8e4c1a01");
    return detail;
}

static cJSON *error_example(const struct err_row *e)
{
    cJSON *example = cJSON_CreateObject();
    cJSON_AddNumberToObject(example, "code", e->http);
    cJSON_AddStringToObject(example, "message", e->zh);
    cJSON_AddStringToObject(example, "error", e->slug);
    cJSON *details = cJSON_AddArrayToObject(example, "details");
    if (!strcmp(e->slug, "INVALID_FIELD") || !strcmp(e->slug, "DUPLICATE"))
        cJSON_AddItemToArray(details, detail_example(e));
    cJSON_AddStringToObject(example, "request_id", "018f3c5e-7a10-7c3e-9b1a-2f6d8e4c8b08");
    return example;
}

/* One named example per error, so that the document lists every code. */
static cJSON *error_examples(int status, char **ret_description)
{
    cJSON *examples = cJSON_CreateObject();
    *ret_description = new_text("%s", "");
    for (size_t i = 0; i < ERROR_COUNT; i++) {
        const struct err_row *e = &errors[i];
        if (!belongs(e, status)) continue;
        cJSON *example = cJSON_AddObjectToObject(examples, e->slug);
        cJSON_AddStringToObject(example, "summary", e->zh);
        cJSON_AddItemToObject(example, "value", error_example(e));
        *ret_description =
            new_text("%s%s%s（`%s`）", *ret_description, example == examples->child ? "" : "；", e->zh, e->slug);
    }
    return examples;
}

static cJSON *error_headers(struct doc *d, int status)
{
    cJSON *headers = cJSON_CreateObject();
    cJSON_AddItemToObject(headers, "X-Request-Id", doc_fixed(d, "headers", "XRequestId"));
    if (status == 429 || status == 503)
        cJSON_AddItemToObject(headers, "Retry-After", doc_fixed(d, "headers", "RetryAfter"));
    return headers;
}

cJSON *doc_error(struct doc *d, int status)
{
    char *name = status ? new_text("Error%d", status) : new_text("ErrorOther"), *description;
    if (doc_has(d, "responses", name)) return doc_ref("responses", name);
    cJSON *response = cJSON_CreateObject(), *examples = error_examples(status, &description);
    cJSON_AddStringToObject(response, "description", description);
    cJSON_AddItemToObject(response, "headers", error_headers(d, status));
    cJSON *content = cJSON_AddObjectToObject(response, "content");
    cJSON *envelope = cJSON_AddObjectToObject(content, "application/json");
    cJSON *problem = cJSON_AddObjectToObject(content, "application/problem+json");
    cJSON_Delete(doc_fixed(d, "schemas", "ErrorDetail"));
    cJSON_AddItemToObject(envelope, "schema", doc_fixed(d, "schemas", "Error"));
    cJSON_AddItemToObject(envelope, "examples", examples);
    cJSON_AddItemToObject(problem, "schema", doc_fixed(d, "schemas", "Problem"));
    doc_add(d, "responses", name, response);
    return doc_ref("responses", name);
}
