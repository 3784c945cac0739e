#include "spool.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/uuid.h"
#include "http/worker.h"
#include "io/work.h"

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER_MAX = 16 * 1024 * 1024, FILE_MAX = 512 * 1024, AGE_US = 500 * 1000, TICK_MS = 250, APART_US = 4000 };

struct spool {
    struct work *work;
    const char *folder;
    struct event *tick, *soon;
    void (*written)(void *arg);
    void *arg;
    struct buf pending, writing;
    uint64_t added, under_way, durable; /* numbers of lines */
    bool is_writing, is_broken, is_over;
    uint64_t begun_us; /* the last write */

    /* the thread's, while is_writing */
    int fd, error;
    size_t size;
    uint64_t opened_us;
    char open_name[PATH_MAX], full_name[PATH_MAX];
};

static int folder_lock = -1;

/* --- files, on the thread ---------------------------------------------------------------------------------------------- */

static bool file_open(struct spool *s)
{
    char id[UUID_LEN + 1];
    if (s->fd >= 0) return true;
    uuid_v7(id);
    snprintf(s->open_name, sizeof s->open_name, "%s/%s.open", s->folder, id);
    snprintf(s->full_name, sizeof s->full_name, "%s/%s.full", s->folder, id);
    s->fd = open(s->open_name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    s->size = 0;
    s->opened_us = clock_us();
    return s->fd >= 0 && fsync(folder_lock) == 0; /* its name is on the disk, too */
}

static bool file_write(struct spool *s)
{
    for (size_t done = 0; done < s->writing.len;) {
        ssize_t n = write(s->fd, s->writing.data + done, s->writing.len - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        done += (size_t)n;
    }
    s->size += s->writing.len;
    return !s->writing.len || fdatasync(s->fd) == 0;
}

/* A line that was torn by a full disk is the last of its file. */
static void file_close(struct spool *s)
{
    if (s->fd < 0) return;
    close(s->fd);
    s->fd = -1;
    if (s->size) rename(s->open_name, s->full_name);
    else unlink(s->open_name);
}

static void run(void *arg)
{
    struct spool *s = arg;
    s->error = 0;
    bool ok = !s->writing.len || (file_open(s) && file_write(s));
    if (!ok) s->error = errno;
    bool is_old = s->fd >= 0 && clock_us() - s->opened_us > AGE_US;
    if (!ok || s->size > FILE_MAX || is_old || s->is_over) file_close(s);
}

/* --- the loop's side ------------------------------------------------------------------------------------------------------ */

static void submit_soon(struct spool *s);

static void on_run(void *arg)
{
    struct spool *s = arg;
    s->is_writing = false;
    if (s->error && !s->is_broken) log_error("the spool cannot be written", LOG_Z("folder", s->folder), LOG_Z("why", strerror(s->error)));
    if (!s->error && s->is_broken) log_info("the spool is written again");
    s->is_broken = s->error;
    if (!s->error) {
        s->durable = s->under_way;
        buf_clear(&s->writing);
    }
    if (s->written) s->written(s->arg);
    if (s->pending.len && !s->is_broken) submit_soon(s);
}

static void swap(struct spool *s)
{
    struct buf b = s->writing;
    s->writing = s->pending;
    s->pending = b;
    s->under_way = s->added;
}

/* What could not be written is written again, into another file: some lines may be there twice then. */
static void submit(struct spool *s)
{
    if (!s->writing.len) swap(s);
    s->is_writing = true;
    s->begun_us = clock_us();
    work_submit(s->work, run, on_run, s);
}

/* At once after a pause; else when APART_US have passed since the last write began: what comes until then shares its fsync, without which
 * each record of a busy gateway had one nearly for itself. */
static void submit_soon(struct spool *s)
{
    uint64_t now = clock_us(), due = s->begun_us + APART_US;
    struct timeval wait = { 0, (suseconds_t)(due > now ? due - now : 0) };
    if (now >= due) submit(s);
    else if (!event_pending(s->soon, EV_TIMEOUT, NULL)) event_add(s->soon, &wait);
}

static void on_soon(evutil_socket_t fd, short what, void *arg)
{
    struct spool *s = arg;
    (void)fd, (void)what;
    if (!s->is_writing && s->pending.len) submit(s);
}

uint64_t spool_add(struct spool *s, struct str line)
{
    buf_add(&s->pending, line);
    s->added++;
    if (!s->is_writing && !s->is_broken) submit_soon(s);
    return s->added;
}

uint64_t spool_durable(const struct spool *s)
{
    return s->durable;
}

bool spool_is_broken(const struct spool *s)
{
    return s->is_broken;
}

void spool_listen(struct spool *s, void (*written)(void *arg), void *arg)
{
    s->written = written;
    s->arg = arg;
}

/* What is old is closed, and what is broken tried again, also when nothing comes. */
static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct spool *s = arg;
    (void)fd, (void)what;
    if (!s->is_writing && (s->fd >= 0 || s->is_broken)) submit(s);
}

struct spool *spool_new(struct worker *w, const char *folder)
{
    static const struct timeval every = { 0, TICK_MS * 1000 };
    struct spool *s = calloc(1, sizeof *s);
    if (!s) abort();
    *s = (struct spool){ .work = work_new(w->base, WORK_AT_ONCE), .folder = folder, .fd = -1 };
    buf_init(&s->pending, BUFFER_MAX);
    buf_init(&s->writing, BUFFER_MAX);
    s->tick = event_new(w->base, -1, EV_PERSIST, on_tick, s);
    s->soon = event_new(w->base, -1, 0, on_soon, s);
    event_add(s->tick, &every);
    return s;
}

void spool_free(struct spool *s)
{
    work_free(s->work);
    event_free(s->tick);
    event_free(s->soon);
    s->is_over = true;
    for (int i = 0; i < 2; i++) { /* what was not written, what has come since */
        if (!s->writing.len) swap(s);
        run(s);
        if (!s->error) buf_clear(&s->writing);
    }
    buf_done(&s->pending);
    buf_done(&s->writing);
    free(s);
}

/* --- the folder ------------------------------------------------------------------------------------------------------------- */

static void take_left_behind(const char *folder, DIR *d)
{
    for (struct dirent *e; (e = readdir(d));) {
        char from[PATH_MAX], to[PATH_MAX];
        size_t n = strlen(e->d_name);
        if (n < 6 || strcmp(e->d_name + n - 5, ".open")) continue;
        snprintf(from, sizeof from, "%s/%s", folder, e->d_name);
        snprintf(to, sizeof to, "%s/%.*s.full", folder, (int)(n - 5), e->d_name);
        rename(from, to);
    }
}

const char *spool_folder_take(const char *folder)
{
    if (mkdir(folder, 0700) && errno != EEXIST) return strerror(errno);
    folder_lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder_lock < 0) return strerror(errno);
    if (flock(folder_lock, LOCK_EX | LOCK_NB)) return "another process has it";
    DIR *d = opendir(folder);
    if (!d) return strerror(errno);
    take_left_behind(folder, d);
    closedir(d);
    return NULL;
}

void spool_folder_leave(void)
{
    if (folder_lock >= 0) close(folder_lock);
    folder_lock = -1;
}
