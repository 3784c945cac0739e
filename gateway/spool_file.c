#include "spool_file.h"

#include "base/clock.h"
#include "base/uuid.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 512 * 1024, AGE_US = 500 * 1000, READY_BYTES = 64 * 1024 };

static int folder_lock = -1;

void spool_file_init(struct spool_file *f, const char *folder)
{
    *f = (struct spool_file){ .folder = folder, .fd = -1 };
}

static bool file_open(struct spool_file *f)
{
    char id[UUID_LEN + 1];
    if (f->fd >= 0) return true;
    uuid_v7(id);
    snprintf(f->open_name, sizeof f->open_name, "%s/%s.open", f->folder, id);
    snprintf(f->full_name, sizeof f->full_name, "%s/%s.full", f->folder, id);
    f->fd = open(f->open_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    f->size = f->ready = 0;
    f->opened_us = clock_us();
    return f->fd >= 0 && fsync(folder_lock) == 0; /* its name is on the disk, too */
}

static bool write_at(int fd, struct str from, size_t at)
{
    for (size_t done = 0; done < from.len;) {
        ssize_t n = pwrite(fd, from.p + done, from.len - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        done += (size_t)n;
    }
    return true;
}

/* A file that is written more than once has zeros ahead: lines in blocks that are there already need no change of its length and its map,
 * which would be a great part of each fdatasync. Who reads the file stops at its last newline. */
static bool make_ready(struct spool_file *f, size_t len)
{
    static const char zeros[READY_BYTES];
    size_t end = f->size + len;
    if (!f->size || end <= f->ready) return true;
    f->ready = end + sizeof zeros;
    return write_at(f->fd, (struct str){ zeros, sizeof zeros }, end);
}

bool spool_file_write(struct spool_file *f, struct str lines)
{
    if (!file_open(f) || !make_ready(f, lines.len) || !write_at(f->fd, lines, f->size)) return false;
    f->size += lines.len;
    return fdatasync(f->fd) == 0;
}

bool spool_file_is_over(const struct spool_file *f)
{
    return f->fd >= 0 && (f->size > FILE_MAX || clock_us() - f->opened_us > AGE_US);
}

/* What is behind its lines, zeros or a line that a full disk tore, is cut off. */
void spool_file_close(struct spool_file *f)
{
    if (f->fd < 0) return;
    bool is_cut = !ftruncate(f->fd, (off_t)f->size);
    close(f->fd);
    f->fd = -1;
    if (f->size || !is_cut) rename(f->open_name, f->full_name);
    else unlink(f->open_name);
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
