#include "rest/cursor.h"

#include "auth/jwk.h"
#include "base/base64.h"

enum { MAC_LEN = 16 };

static struct str cursor_secret;

void cursor_set_secret(struct str secret)
{
    cursor_secret = secret;
}

static struct str sign(struct arena *a, struct str text)
{
    unsigned char mac[32];
    hmac_sha256(cursor_secret, text, mac);
    return arena_dup(a, (struct str){ (char *)mac, MAC_LEN });
}

static struct str prefix(struct arena *a, const struct resource *r, const struct list_query *q)
{
    return arena_printf(a, "%.*s\n%.*s\n%s\n", STR_ARG(r->name), STR_ARG(r->fields[q->sort].name), q->ascending ? "asc" : "desc");
}

struct str cursor_make(struct arena *a, const struct resource *r, const struct list_query *q, struct str value, struct str id)
{
    struct str head = prefix(a, r, q);
    struct str text = arena_printf(a, "%.*s%.*s\n%.*s", STR_ARG(head), STR_ARG(id), STR_ARG(value));
    struct str mac = sign(a, text);
    char *whole = arena_alloc(a, MAC_LEN + text.len);
    memcpy(whole, mac.p, MAC_LEN);
    memcpy(whole + MAC_LEN, text.p, text.len);
    return base64url_encode(a, (struct str){ whole, MAC_LEN + text.len });
}

bool cursor_read(struct arena *a, const struct resource *r, const struct list_query *q, struct str *ret_value, struct str *ret_id)
{
    struct str whole, head = prefix(a, r, q);
    if (!base64url_decode(a, q->cursor, &whole) || whole.len < MAC_LEN) return false;
    struct str text = str_sub(whole, MAC_LEN, whole.len);
    struct str mac = sign(a, text);
    unsigned char differs = 0;
    for (int i = 0; i < MAC_LEN; i++) differs |= (unsigned char)(mac.p[i] ^ whole.p[i]);
    if (differs || !str_has_prefix(text, head)) return false;
    struct str rest = str_sub(text, head.len, text.len);
    *ret_id = str_cut(&rest, '\n');
    *ret_value = rest;
    return !str_is_none(rest);
}
