#include "race.h"

#include "expect.h"
#include "sql.h"
#include "stack.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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
    race_of(requests, replies, RACERS);
}

void race_of(const struct request *requests, struct reply **replies, int count)
{
    pthread_t threads[RACERS_MAX];
    struct racer racers[RACERS_MAX];
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, (unsigned)count);
    for (int i = 0; i < count; i++) {
        racers[i] = (struct racer){ .request = requests[i], .start = &start };
        pthread_create(&threads[i], NULL, run, &racers[i]);
    }
    for (int i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
        replies[i] = racers[i].reply;
    }
    pthread_barrier_destroy(&start);
}

void race_against_kill(const struct request requests[RACERS], struct reply *replies[RACERS], pid_t pid, long after_ms)
{
    pid_t killer = fork();
    if (!killer) {
        nanosleep(&(struct timespec){ .tv_nsec = after_ms * 1000000 }, NULL);
        kill(pid, SIGKILL);
        _exit(0);
    }
    race(requests, replies);
    waitpid(killer, NULL, 0);
}

struct behind {
    struct request request;
    struct reply *reply;
    atomic_bool answered;
};

static void *send_behind(void *arg)
{
    struct behind *b = arg;
    b->reply = http_send(&b->request);
    b->answered = true;
    return NULL;
}

static bool waits_or_is_answered(void *arg)
{
    struct behind *b = arg;
    return b->answered || sql_count(stack.admin_db, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") > 0;
}

struct reply *race_behind(const char *database, const char *statement, const struct request *q)
{
    struct behind b = { .request = *q };
    pthread_t thread;
    sql(database, "BEGIN");
    sql(database, "%s", statement);
    pthread_create(&thread, NULL, send_behind, &b);
    poll_until(10, waits_or_is_answered, &b);
    sql(database, "COMMIT");
    pthread_join(thread, NULL);
    return b.reply;
}
