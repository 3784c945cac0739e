#include "http/router.h"

#include <stdio.h>
#include <stdlib.h>

/* A trie over path segments. Tables are small and built once, so nodes are allocated singly and never moved. */
struct node {
    struct str segment;
    const struct route *rows[METHOD_COUNT];
    unsigned allowed;
    struct node **children; /* static segments, sorted */
    size_t child_count;
    struct node *param; /* any one segment */
};

struct router {
    struct node root;
};

static int segment_compare(struct str a, struct str b)
{
    if (a.len != b.len) return a.len < b.len ? -1 : 1;
    return memcmp(a.p, b.p, a.len);
}

static struct node *child_find(const struct node *n, struct str segment)
{
    size_t low = 0, high = n->child_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = segment_compare(segment, n->children[middle]->segment);
        if (order == 0) return n->children[middle];
        if (order < 0) high = middle;
        else low = middle + 1;
    }
    return NULL;
}

static struct node *node_new(struct str segment)
{
    struct node *n = calloc(1, sizeof *n);
    if (!n) abort();
    n->segment = segment;
    return n;
}

static struct node *child_add(struct node *n, struct str segment)
{
    struct node *child = child_find(n, segment);
    if (child) return child;
    n->children = realloc(n->children, (n->child_count + 1) * sizeof(struct node *));
    if (!n->children) abort();
    size_t at = n->child_count++;
    for (; at > 0 && segment_compare(segment, n->children[at - 1]->segment) < 0; at--)
        n->children[at] = n->children[at - 1];
    return n->children[at] = node_new(segment);
}

static bool is_param(struct str segment)
{
    return segment.len > 2 && segment.p[0] == '{' && segment.p[segment.len - 1] == '}';
}

static void fail(const struct route *row, const char *why)
{
    fprintf(stderr, "router: %.*s %.*s: %s\n", STR_ARG(method_names[row->method]), STR_ARG(row->path), why);
    abort();
}

static void route_add(struct node *n, const struct route *row)
{
    if (row->path.len == 0 || row->path.p[0] != '/') fail(row, "the path does not start with '/'");
    int params = 0;
    for (struct str rest = str_sub(row->path, 1, row->path.len); !str_is_none(rest);) {
        struct str segment = str_cut(&rest, '/');
        if (!is_param(segment)) {
            n = child_add(n, segment);
            continue;
        }
        if (++params > LIMIT_PATH_PARAMS) fail(row, "too many parameters");
        if (!n->param) n->param = node_new(segment);
        n = n->param;
    }
    if (n->rows[row->method]) fail(row, "a second row of this method and shape");
    n->rows[row->method] = row;
    n->allowed |= 1u << row->method;
    if (row->method == METHOD_GET) n->allowed |= 1u << METHOD_HEAD;
}

struct router *router_new(const struct route_table *table)
{
    struct router *r = calloc(1, sizeof *r);
    if (!r) abort();
    for (size_t i = 0; i < table->count; i++) route_add(&r->root, &table->rows[i]);
    return r;
}

static void children_free(struct node *n)
{
    for (size_t i = 0; i < n->child_count; i++) {
        children_free(n->children[i]);
        free(n->children[i]);
    }
    free(n->children);
    if (!n->param) return;
    children_free(n->param);
    free(n->param);
}

void router_free(struct router *r)
{
    if (!r) return;
    children_free(&r->root);
    free(r);
}

/* Depth first, static before parameter; a static segment that leads nowhere falls back to the parameter beside it. */
static const struct node *node_find(const struct node *n, struct str rest, struct str *params)
{
    if (str_is_none(rest)) return n->allowed ? n : NULL;
    struct str segment = str_cut(&rest, '/');
    const struct node *child = child_find(n, segment);
    const struct node *found = child ? node_find(child, rest, params) : NULL;
    if (found || !n->param || segment.len == 0) return found;
    *params = segment;
    return node_find(n->param, rest, params + 1);
}

struct route_match router_find(const struct router *r, enum method method, struct str path)
{
    struct route_match m = { 0 };
    if (path.len == 0 || path.p[0] != '/') return m;
    const struct node *n = node_find(&r->root, str_sub(path, 1, path.len), m.params);
    if (!n) return m;
    m.allowed = n->allowed;
    m.route = n->rows[method];
    if (!m.route && method == METHOD_HEAD) m.route = n->rows[METHOD_GET];
    return m;
}
