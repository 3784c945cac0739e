#include "http/traceparent.h"

#include "base/uuid.h"

/* "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" */
enum { AT_TRACE = 3, AT_PARENT = AT_TRACE + TRACE_ID_LEN + 1, AT_FLAGS = AT_PARENT + TRACE_PARENT_LEN + 1, FLAG_SAMPLED = 1 };

static bool is_hex(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f'))) return false;
    return true;
}

static bool is_id(struct str s)
{
    bool zero = true;
    for (size_t i = 0; i < s.len; i++) zero &= s.p[i] == '0';
    return is_hex(s) && !zero;
}

static bool length_fits(struct str text, struct str version)
{
    if (text.len == TRACEPARENT_LEN) return true;
    return text.len > TRACEPARENT_LEN && !str_is(version, "00") && text.p[TRACEPARENT_LEN] == '-';
}

static bool dashes_fit(struct str text)
{
    return text.p[AT_TRACE - 1] == '-' && text.p[AT_PARENT - 1] == '-' && text.p[AT_FLAGS - 1] == '-';
}

static void copy(char *out, struct str s)
{
    memcpy(out, s.p, s.len);
    out[s.len] = 0;
}

bool traceparent_read(struct str text, struct traceparent *ret)
{
    if (text.len < TRACEPARENT_LEN) return false;
    struct str version = str_sub(text, 0, 2), flags = str_sub(text, AT_FLAGS, AT_FLAGS + 2);
    struct str trace = str_sub(text, AT_TRACE, AT_TRACE + TRACE_ID_LEN);
    struct str parent = str_sub(text, AT_PARENT, AT_PARENT + TRACE_PARENT_LEN);
    if (!is_hex(version) || str_is(version, "ff") || !length_fits(text, version) || !dashes_fit(text)) return false;
    if (!is_id(trace) || !is_id(parent) || !is_hex(flags)) return false;
    copy(ret->trace_id, trace);
    copy(ret->parent_id, parent);
    int low = flags.p[1] <= '9' ? flags.p[1] - '0' : flags.p[1] - 'a' + 10;
    ret->sampled = low & FLAG_SAMPLED;
    return true;
}

/* Random bytes out of a thread's store: one system call for many ids. */
static void chance(unsigned char *out, size_t n)
{
    static _Thread_local unsigned char store[1024];
    static _Thread_local size_t left;
    if (left < n) random_bytes(store, left = sizeof store);
    left -= n;
    memcpy(out, store + left, n);
}

/* `len` hexadecimal digits at random, not all zeros: those mean "none". */
static void id_new(char *out, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[TRACE_ID_LEN / 2];
    do {
        chance(bytes, len / 2);
        for (size_t i = 0; i < len; i++) out[i] = digits[bytes[i / 2] >> (i % 2 ? 0 : 4) & 15];
        out[len] = 0;
    } while (!is_id((struct str){ out, len }));
}

bool traceparent_continue(struct str text, struct traceparent *ret)
{
    bool goes_on = traceparent_read(text, ret);
    if (!goes_on) {
        id_new(ret->trace_id, TRACE_ID_LEN);
        ret->sampled = false;
    }
    id_new(ret->parent_id, TRACE_PARENT_LEN);
    return goes_on;
}

struct str traceparent_write(const struct traceparent *t, char out[TRACEPARENT_LEN + 1])
{
    memcpy(out, "00-", AT_TRACE);
    memcpy(out + AT_TRACE, t->trace_id, TRACE_ID_LEN);
    out[AT_PARENT - 1] = '-';
    memcpy(out + AT_PARENT, t->parent_id, TRACE_PARENT_LEN);
    memcpy(out + AT_FLAGS - 1, t->sampled ? "-01" : "-00", 4);
    return (struct str){ out, TRACEPARENT_LEN };
}
