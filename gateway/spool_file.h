/* spool_file: the files of the spool: <uuid>.open while it is written, <uuid>.full when it is not. For one thread. */
#ifndef GATEWAY_SPOOL_FILE_H
#define GATEWAY_SPOOL_FILE_H

#include "base/str.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct spool_file {
    const char *folder;
    int fd;             /* -1: none is open */
    size_t size, ready; /* what was written, and how far the file's blocks have been */
    uint64_t opened_us;
    char open_name[PATH_MAX], full_name[PATH_MAX];
};

/* Takes the folder for this process (0700 when it is made), and for full what another one has left there. NULL, or why not. */
const char *spool_folder_take(const char *folder);
void spool_folder_leave(void);

void spool_file_init(struct spool_file *f, const char *folder);

/* `lines` are on the disk, in a file that is opened when there is none; false, and errno: they may be there in part. */
bool spool_file_write(struct spool_file *f, struct str lines);
bool spool_file_is_over(const struct spool_file *f); /* it is long enough, or old enough */
void spool_file_close(struct spool_file *f);

#endif
