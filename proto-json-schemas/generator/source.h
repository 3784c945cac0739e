/* source: the files of the schema folder as JSON, and the one way to refuse them.
 *
 * source_fail() prints "<file>: <what>: <why>" and exits with 1. Readers look members up through source_* so that a
 * missing or mistyped one is always reported with its file and its place. */
#ifndef GENERATOR_SOURCE_H
#define GENERATOR_SOURCE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

/* Where we are reading, for messages: a file and a place in it (property, operationId). */
struct place {
    const char *file, *what;
};

_Noreturn void source_fail(struct place at, const char *why, ...) __attribute__((format(printf, 2, 3)));

cJSON *source_read(const char *folder, const char *file); /* fails when absent or not one JSON object */

/* Names of the folder's files that end in `suffix`, sorted; the caller owns nothing. */
size_t source_list(const char *folder, const char *suffix, char ***ret_names);

/* Refuses members that are not in the NULL-terminated list, and repeated ones. */
void source_keys(struct place at, const cJSON *object, const char *const *known);

const cJSON *source_get(const cJSON *object, const char *key); /* NULL when absent */
const cJSON *source_object(struct place at, const cJSON *object, const char *key);
const cJSON *source_array(struct place at, const cJSON *object, const char *key);
const char *source_text(struct place at, const cJSON *object, const char *key);
const char *source_text_or(struct place at, const cJSON *object, const char *key, const char *otherwise);
int source_int(struct place at, const cJSON *object, const char *key);
int source_int_or(struct place at, const cJSON *object, const char *key, int otherwise);
bool source_bool(struct place at, const cJSON *object, const char *key);
bool source_bool_or(struct place at, const cJSON *object, const char *key, bool otherwise);

void *new_array(size_t count, size_t size); /* zeroed; ends the process when memory runs out */
char *new_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
