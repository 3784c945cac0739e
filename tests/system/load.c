#include "load.h"

#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "stack.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CLIENTS_MAX = 32, ATTEMPTS_MAX = 20000 };

struct load {
    const char *url, *run;
    struct what what;
    pthread_t threads[CLIENTS_MAX];
    int clients;
    bool stop;
    pthread_mutex_t lock;
    int count;
    struct attempt attempts[ATTEMPTS_MAX];
};

static int next_number(struct load *l)
{
    pthread_mutex_lock(&l->lock);
    int n = l->count < ATTEMPTS_MAX ? l->count++ : -1;
    pthread_mutex_unlock(&l->lock);
    return n;
}

static void finish(struct load *l, struct attempt *a, const struct reply *r)
{
    const char *slug = text_at(r, "error");
    pthread_mutex_lock(&l->lock);
    a->slug = text("%s", slug ? slug : "");
    a->error = r->error;
    a->status = r->status;
    pthread_mutex_unlock(&l->lock);
}

static void *client(void *arg)
{
    struct load *l = arg;
    for (int n; !__atomic_load_n(&l->stop, __ATOMIC_ACQUIRE) && (n = next_number(l)) >= 0;) {
        struct attempt *a = &l->attempts[n];
        a->name = text("%s-%d", l->run, n);
        a->key = text("key-%s", a->name);
        struct reply *r =
            http_send(&(struct request){ .method = "POST",
                                         .url = text("%s%s", l->url, l->what.path),
                                         .token = stack.admin_token,
                                         .body = text("{\"%s\":\"%s\",%s}", l->what.name, a->name, l->what.more),
                                         .headers = { text("Idempotency-Key: %s", a->key) },
                                         .fresh = true });
        finish(l, a, r);
        if (r->status != 200) nanosleep(&(struct timespec){ 0, 20 * 1000 * 1000 }, NULL); /* a client backs off */
    }
    return NULL;
}

struct load *load_start(const char *url, int clients)
{
    return load_start_of(url, clients, (struct what){ "/api/v1/customers", "customer_name", "\"customer_type\":\"企业\"" });
}

struct load *load_start_of(const char *url, int clients, struct what what)
{
    struct load *l = pool_keep(calloc(1, sizeof(struct load)), free);
    l->url = url;
    l->what = what;
    l->run = unique("load");
    l->clients = clients;
    pthread_mutex_init(&l->lock, NULL);
    for (int i = 0; i < clients; i++) pthread_create(&l->threads[i], NULL, client, l);
    return l;
}

int load_done(struct load *l, long status)
{
    int n = 0;
    pthread_mutex_lock(&l->lock);
    for (int i = 0; i < l->count; i++) n += l->attempts[i].slug && l->attempts[i].status == status;
    pthread_mutex_unlock(&l->lock);
    return n;
}

void load_stop(struct load *l)
{
    __atomic_store_n(&l->stop, true, __ATOMIC_RELEASE);
    for (int i = 0; i < l->clients; i++) pthread_join(l->threads[i], NULL);
    l->clients = 0;
}

int load_count(const struct load *l)
{
    return l->count;
}

const struct attempt *load_attempt(const struct load *l, int i)
{
    return &l->attempts[i];
}

struct wait {
    struct load *l;
    long status;
    int until;
};

static bool is_there(void *arg)
{
    struct wait *w = arg;
    return load_done(w->l, w->status) >= w->until;
}

bool load_goes_on(struct load *l, long status, int more, double seconds)
{
    return poll_until(seconds, is_there, &(struct wait){ l, status, load_done(l, status) + more });
}
