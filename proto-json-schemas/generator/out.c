#include "out.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "source.h"

void out_open(struct out *o, const char *folder, const char *file)
{
    o->path = new_text("%s/%s", folder, file);
    o->to = open_memstream(&o->text, &o->len);
    if (!o->to) abort();
}

static bool is_unchanged(const struct out *o)
{
    FILE *f = fopen(o->path, "rb");
    if (!f) return false;
    char *old = new_array(o->len + 1, 1);
    bool same = fread(old, 1, o->len + 1, f) == o->len && memcmp(old, o->text, o->len) == 0;
    free(old);
    fclose(f);
    return same;
}

void out_close(struct out *o)
{
    struct place at = { o->path, NULL };
    if (fclose(o->to) != 0) source_fail(at, "%s", strerror(errno));
    if (!is_unchanged(o)) {
        FILE *f = fopen(o->path, "wb");
        if (!f || fwrite(o->text, 1, o->len, f) != o->len || fclose(f) != 0) source_fail(at, "%s", strerror(errno));
    }
    free(o->text);
}

void out_literal(FILE *to, const char *text)
{
    fputc('"', to);
    for (; *text; text++) {
        if (*text == '\n') {
            fputs("\\n", to);
            continue;
        }
        if (*text == '"' || *text == '\\') fputc('\\', to);
        fputc(*text, to);
    }
    fputc('"', to);
}

char *upper_symbol(const char *name)
{
    char *symbol = new_text("%s", name);
    for (char *p = symbol; *p; p++) *p = isalnum((unsigned char)*p) ? (char)toupper((unsigned char)*p) : '_';
    return symbol;
}
