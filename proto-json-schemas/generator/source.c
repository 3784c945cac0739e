#include "source.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void source_fail(struct place at, const char *why, ...)
{
    fprintf(stderr, "%s: ", at.file);
    if (at.what) fprintf(stderr, "%s: ", at.what);
    va_list args;
    va_start(args, why);
    vfprintf(stderr, why, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

void *new_array(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size);
    if (!p) abort();
    return p;
}

char *new_text(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0) abort();
    va_end(args);
    return text;
}

static char *read_whole(struct place at, const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) source_fail(at, "%s", strerror(errno));
    char *text = NULL, part[4096];
    size_t len = 0, n, cap;
    FILE *all = open_memstream(&text, &cap);
    if (!all) abort();
    while ((n = fread(part, 1, sizeof part, f)) > 0) len += fwrite(part, 1, n, all);
    if (ferror(f) || fclose(all) != 0 || strlen(text) != len) source_fail(at, "cannot be read");
    fclose(f);
    return text;
}

static int line_of(const char *text, const char *at)
{
    int line = 1;
    for (; at && text < at; text++) line += *text == '\n';
    return line;
}

cJSON *source_read(const char *folder, const char *file)
{
    struct place at = { file, NULL };
    char *text = read_whole(at, new_text("%s/%s", folder, file));
    const char *end = NULL;
    cJSON *json = cJSON_ParseWithOpts(text, &end, true);
    if (!json) source_fail(at, "not valid JSON near line %d", line_of(text, end));
    if (!cJSON_IsObject(json)) source_fail(at, "not a JSON object");
    return json;
}

static int has_suffix(const char *name, const char *suffix)
{
    size_t n = strlen(name), m = strlen(suffix);
    return n > m && strcmp(name + n - m, suffix) == 0;
}

size_t source_list(const char *folder, const char *suffix, char ***ret_names)
{
    struct dirent **entries;
    int n = scandir(folder, &entries, NULL, alphasort);
    if (n < 0) source_fail((struct place){ folder, NULL }, "%s", strerror(errno));
    *ret_names = new_array((size_t)n, sizeof(char *));
    size_t count = 0;
    for (int i = 0; i < n; i++)
        if (has_suffix(entries[i]->d_name, suffix)) (*ret_names)[count++] = entries[i]->d_name;
    return count;
}

static bool is_known(const char *key, const char *const *known)
{
    while (*known && strcmp(*known, key) != 0) known++;
    return *known != NULL;
}

void source_keys(struct place at, const cJSON *object, const char *const *known)
{
    const cJSON *member;
    cJSON_ArrayForEach(member, object)
    {
        if (!is_known(member->string, known)) source_fail(at, "unknown keyword \"%s\"", member->string);
        if (source_get(object, member->string) != member) source_fail(at, "\"%s\" is given twice", member->string);
    }
}

const cJSON *source_get(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

static const cJSON *need(struct place at, const cJSON *object, const char *key, cJSON_bool (*is)(const cJSON *),
                         const char *kind)
{
    const cJSON *v = source_get(object, key);
    if (!v) source_fail(at, "\"%s\" is missing", key);
    if (!is(v)) source_fail(at, "\"%s\" must be %s", key, kind);
    return v;
}

const cJSON *source_object(struct place at, const cJSON *object, const char *key)
{
    return need(at, object, key, cJSON_IsObject, "an object");
}

const cJSON *source_array(struct place at, const cJSON *object, const char *key)
{
    return need(at, object, key, cJSON_IsArray, "an array");
}

const char *source_text(struct place at, const cJSON *object, const char *key)
{
    const char *text = need(at, object, key, cJSON_IsString, "a text")->valuestring;
    if (!*text) source_fail(at, "\"%s\" is empty", key);
    return text;
}

const char *source_text_or(struct place at, const cJSON *object, const char *key, const char *otherwise)
{
    return source_get(object, key) ? source_text(at, object, key) : otherwise;
}

int source_int(struct place at, const cJSON *object, const char *key)
{
    double d = need(at, object, key, cJSON_IsNumber, "an integer")->valuedouble;
    if (d < INT_MIN || d > INT_MAX || d != (int)d) source_fail(at, "\"%s\" must be an integer", key);
    return (int)d;
}

int source_int_or(struct place at, const cJSON *object, const char *key, int otherwise)
{
    return source_get(object, key) ? source_int(at, object, key) : otherwise;
}

bool source_bool(struct place at, const cJSON *object, const char *key)
{
    return cJSON_IsTrue(need(at, object, key, cJSON_IsBool, "true or false"));
}

bool source_bool_or(struct place at, const cJSON *object, const char *key, bool otherwise)
{
    return source_get(object, key) ? source_bool(at, object, key) : otherwise;
}
