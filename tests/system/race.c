#include "race.h"

#include <pthread.h>

struct racer {
    struct request request;
    struct reply *reply;
    pthread_barrier_t *start;
};

static void *run(void *arg)
{
    struct racer *r = arg;
    pthread_barrier_wait(r->start);
    r->reply = http_send(&r->request);
    return NULL;
}

void race(const struct request requests[RACERS], struct reply *replies[RACERS])
{
    pthread_t threads[RACERS];
    struct racer racers[RACERS];
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, RACERS);
    for (int i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){ .request = requests[i], .start = &start };
        pthread_create(&threads[i], NULL, run, &racers[i]);
    }
    for (int i = 0; i < RACERS; i++) {
        pthread_join(threads[i], NULL);
        replies[i] = racers[i].reply;
    }
    pthread_barrier_destroy(&start);
}
