#include "http/forwarded.h"

static struct str cut_last(struct str *rest, char sep)
{
    struct str all = *rest;
    const char *at = all.len ? memrchr(all.p, sep, all.len) : NULL;
    if (!at) {
        *rest = STR_NONE;
        return all;
    }
    size_t n = (size_t)(at - all.p);
    *rest = str_sub(all, 0, n);
    return str_sub(all, n + 1, all.len);
}

static bool is_port(struct str text)
{
    int64_t port;
    return text.len && text.p[0] != '-' && text.len <= 5 && str_to_i64(text, 1, 65535, &port);
}

static bool read_bracketed(struct str entry, struct ip *ret)
{
    struct str rest = str_sub(entry, 1, entry.len), address = str_cut(&rest, ']');
    if (str_is_none(rest) || !ip_read(address, ret) || ret->width != IP_V6_BITS) return false;
    return !rest.len || (rest.p[0] == ':' && is_port(str_sub(rest, 1, rest.len)));
}

static bool entry_read(struct str entry, struct ip *ret)
{
    if (ip_read(entry, ret)) return true;
    if (entry.len && entry.p[0] == '[') return read_bracketed(entry, ret);
    struct str port = entry, address = str_cut(&port, ':');
    return is_port(port) && ip_read(address, ret);
}

/* The entries of all lines from the last to the first. false: there are no more. */
struct walk {
    const struct str *values;
    size_t left;       /* lines not begun */
    struct str line;   /* what is left of the one under way */
};

static bool walk_next(struct walk *w, struct str *ret)
{
    if (str_is_none(w->line)) {
        if (!w->left) return false;
        w->line = w->values[--w->left];
    }
    *ret = str_trim(cut_last(&w->line, ','));
    return true;
}

struct forwarded forwarded_client(const struct cidr_set *trusted, struct str peer, const struct str *values, size_t count)
{
    struct forwarded f = { .hops = 0 };
    struct walk w = { .values = values, .left = count };
    struct str zone = peer, entry;
    struct ip next;
    ip_read(str_cut(&zone, '%'), &f.ip);
    while (f.hops < FORWARDED_HOPS_MAX && cidr_set_find(trusted, &f.ip, NULL) && walk_next(&w, &entry) &&
           entry_read(entry, &next)) {
        f.ip = next;
        f.hops++;
    }
    ip_write(&f.ip, f.text);
    return f;
}
