#include <stdlib.h>

#include "openapi.h"

static void print_value(FILE *to, const cJSON *v, int depth);

static void print_leaf(FILE *to, const cJSON *v)
{
    char *text = cJSON_PrintUnformatted(v); /* strings stay UTF-8, only what JSON demands is escaped */
    if (!text) abort();
    fputs(text, to);
    free(text);
}

static bool is_flat(const cJSON *container)
{
    const cJSON *v;
    if (!container->child) return true;
    if (cJSON_IsObject(container)) return false;
    cJSON_ArrayForEach(v, container)
    {
        if (v->child || cJSON_IsObject(v)) return false;
    }
    return true;
}

static void print_members(FILE *to, const cJSON *container, int depth)
{
    bool flat = is_flat(container);
    const cJSON *v;
    cJSON_ArrayForEach(v, container)
    {
        if (v != container->child) fputs(flat ? ", " : ",", to);
        if (!flat) fprintf(to, "\n%*s", depth * 2 + 2, "");
        if (cJSON_IsObject(container)) {
            cJSON *key = cJSON_CreateStringReference(v->string);
            print_leaf(to, key);
            cJSON_Delete(key);
            fputs(": ", to);
        }
        print_value(to, v, depth + 1);
    }
    if (!flat) fprintf(to, "\n%*s", depth * 2, "");
}

static void print_value(FILE *to, const cJSON *v, int depth)
{
    if (!cJSON_IsObject(v) && !cJSON_IsArray(v)) {
        print_leaf(to, v);
        return;
    }
    fputc(cJSON_IsObject(v) ? '{' : '[', to);
    print_members(to, v, depth);
    fputc(cJSON_IsObject(v) ? '}' : ']', to);
}

void json_print(FILE *to, const cJSON *json)
{
    print_value(to, json, 0);
    fputc('\n', to);
}
