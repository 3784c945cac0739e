#include "roster.h"

#include "pace.h"

#include "base/arena.h"
#include "http/client.h"

#include <stdlib.h>
#include <sys/queue.h>

/* One URL of the list. */
struct place {
    TAILQ_ENTRY(place) link;
    struct roster *roster;
    struct str text;
    struct base_url url;
    struct resolution *question;       /* under way; NULL: none */
    struct address found[RESOLVE_MAX]; /* of a name, as last answered */
    size_t found_count;
};

TAILQ_HEAD(places, place);

struct roster {
    struct client *client;
    struct places places;
    struct pace pace;
    roster_fn changed;
    void *arg;
};

/* --- telling ------------------------------------------------------------------------------------------------------ */

static bool is_name(const struct place *p)
{
    return !p->url.address.len;
}

static struct roster_entry entry_of_name(struct arena *a, const struct place *p, const struct address *at)
{
    char text[ADDRESS_TEXT];
    address_text((const struct sockaddr *)&at->sa, text);
    return (struct roster_entry){ p->text, arena_printf(a, "%.*s %s", STR_ARG(p->text), text), at };
}

static void tell(struct roster *r)
{
    struct roster_entry entries[ROSTER_MAX];
    struct arena arena;
    const struct place *p;
    size_t count = 0;
    arena_init(&arena);
    TAILQ_FOREACH(p, &r->places, link) {
        if (!is_name(p) && count < ROSTER_MAX) entries[count++] = (struct roster_entry){ p->text, p->text, NULL };
        for (size_t i = 0; i < p->found_count && count < ROSTER_MAX; i++)
            entries[count++] = entry_of_name(&arena, p, &p->found[i]);
    }
    r->changed(r->arg, entries, count);
    arena_done(&arena);
}

/* --- asking ------------------------------------------------------------------------------------------------------- */

static void on_resolved(void *arg, const struct address *found, size_t count)
{
    struct place *p = arg;
    p->question = NULL;
    if (!count) return;
    memcpy(p->found, found, count * sizeof *found);
    p->found_count = count;
    tell(p->roster);
}

static void place_ask(struct place *p)
{
    if (!is_name(p) || p->question) return;
    struct resolution *q = resolver_ask(client_resolver(p->roster->client), p->url.host, p->url.port, on_resolved, p);
    if (q) p->question = q; /* else it is answered already */
}

static void on_pace(void *arg)
{
    struct roster *r = arg;
    struct place *p;
    TAILQ_FOREACH(p, &r->places, link) place_ask(p);
}

/* --- the list ----------------------------------------------------------------------------------------------------- */

static struct place *place_new(struct roster *r, struct str text)
{
    struct place *p = calloc(1, sizeof *p + text.len);
    if (!p) abort();
    char *copy = (char *)(p + 1);
    memcpy(copy, text.p, text.len);
    p->roster = r;
    p->text = (struct str){ copy, text.len };
    if (!base_url_read(&p->url, p->text)) abort(); /* it was looked at before */
    return p;
}

static void place_free(struct places *from, struct place *p)
{
    TAILQ_REMOVE(from, p, link);
    if (p->question) resolution_cancel(p->question);
    free(p);
}

static struct place *place_find(const struct places *in, struct str text)
{
    struct place *p;
    TAILQ_FOREACH(p, in, link)
        if (str_eq(p->text, text)) return p;
    return NULL;
}

static void places_free(struct places *places)
{
    for (struct place *p; (p = TAILQ_FIRST(places));) place_free(places, p);
}

static bool urls_are_good(const struct client *client, struct str urls, struct str *ret_bad)
{
    while (!str_is_none(urls)) {
        *ret_bad = str_trim(str_cut(&urls, ','));
        if (!client_takes_url(client, *ret_bad)) return false;
    }
    return true;
}

bool roster_set(struct roster *r, struct str urls, struct str *ret_bad)
{
    struct places old = TAILQ_HEAD_INITIALIZER(old);
    if (!urls_are_good(r->client, urls, ret_bad)) return false;
    TAILQ_CONCAT(&old, &r->places, link);
    while (!str_is_none(urls)) {
        struct str text = str_trim(str_cut(&urls, ','));
        struct place *p = place_find(&old, text);
        if (p) TAILQ_REMOVE(&old, p, link);
        else if (!place_find(&r->places, text)) p = place_new(r, text);
        if (p) TAILQ_INSERT_TAIL(&r->places, p, link);
    }
    places_free(&old);
    tell(r);
    on_pace(r);
    return true;
}

struct roster *roster_new(struct event_base *base, struct client *client, int every_ms, roster_fn changed, void *arg)
{
    struct roster *r = calloc(1, sizeof *r);
    if (!r) abort();
    *r = (struct roster){ .client = client, .changed = changed, .arg = arg };
    TAILQ_INIT(&r->places);
    pace_start(&r->pace, base, every_ms, on_pace, r);
    return r;
}

void roster_free(struct roster *r)
{
    pace_stop(&r->pace);
    places_free(&r->places);
    free(r);
}
