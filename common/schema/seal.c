#include "schema/seal.h"

#include <stdlib.h>

enum { NAME_MAX = 63 /* of PostgreSQL */, CONTEXT_MAX = UUID_BYTES + NAME_MAX + 1 + NAME_MAX };

static const struct vault *vault;

void seal_set_vault(const struct vault *v)
{
    vault = v;
}

bool seal_is_needed(const struct resource *r)
{
    for (size_t i = 0; i < r->field_count; i++)
        if (r->fields[i].flags & F_SEALED) return true;
    return false;
}

/* "<resource>.<field>" */
static size_t put_names(char *to, const struct resource *r, const struct field *f)
{
    if (r->name.len > NAME_MAX || f->name.len > NAME_MAX) abort();
    memcpy(to, r->name.p, r->name.len);
    to[r->name.len] = '.';
    memcpy(to + r->name.len + 1, f->name.p, f->name.len);
    return r->name.len + 1 + f->name.len;
}

/* The record's id, then the names. */
static struct str put_context(char to[CONTEXT_MAX], const struct resource *r, const struct field *f, const unsigned char id[UUID_BYTES])
{
    memcpy(to, id, UUID_BYTES);
    return (struct str){ to, UUID_BYTES + put_names(to + UUID_BYTES, r, f) };
}

const char *seal_bytea(struct arena *a, struct str bytes)
{
    static const char digits[] = "0123456789abcdef";
    char *text = arena_alloc(a, 2 + 2 * bytes.len + 1), *to = text;
    *to++ = '\\';
    *to++ = 'x';
    for (size_t i = 0; i < bytes.len; i++) {
        *to++ = digits[(unsigned char)bytes.p[i] >> 4];
        *to++ = digits[bytes.p[i] & 15];
    }
    return text;
}

const char *seal_write(struct arena *a, const struct resource *r, const struct field *f, const unsigned char id[UUID_BYTES],
                       const char *text)
{
    char context[CONTEXT_MAX];
    struct str clear = str_of(text);
    if (!text) return NULL;
    char *sealed = arena_alloc(a, clear.len + VAULT_OVERHEAD);
    vault_seal(vault, put_context(context, r, f, id), clear, sealed);
    return seal_bytea(a, (struct str){ sealed, clear.len + VAULT_OVERHEAD });
}

const char *seal_read(struct arena *a, const struct resource *r, const struct field *f, const unsigned char id[UUID_BYTES],
                      struct str bytes, struct str *ret)
{
    char context[CONTEXT_MAX];
    size_t len = bytes.len < VAULT_OVERHEAD ? 0 : bytes.len - VAULT_OVERHEAD;
    char *clear = arena_alloc(a, len + 1);
    *ret = (struct str){ clear, len };
    return vault_open(vault, put_context(context, r, f, id), bytes, clear);
}

static char normal_of(enum field_type type, char c)
{
    if (type == T_EMAIL) return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    if (type == T_PHONE) return (c >= '0' && c <= '9') || c == '+' || c == 'x' ? c : 0;
    return c;
}

const char *seal_index(struct arena *a, const struct resource *r, const struct field *f, const char *text)
{
    char domain[CONTEXT_MAX], index[VAULT_INDEX];
    if (!text) return NULL;
    char *normal = arena_alloc(a, strlen(text) + 1), *end = normal;
    for (; *text; text++)
        if ((*end = normal_of(f->type, *text))) end++;
    vault_index(vault, (struct str){ domain, put_names(domain, r, f) }, (struct str){ normal, (size_t)(end - normal) }, index);
    return seal_bytea(a, (struct str){ index, sizeof index });
}

const char *seal_digest(struct arena *a, struct str domain, struct str text)
{
    char digest[VAULT_INDEX];
    vault_index(vault, domain, text, digest);
    return seal_bytea(a, (struct str){ digest, sizeof digest });
}
