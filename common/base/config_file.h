/* config_file: settings as lines of NAME=value, for what is not in the environment.
 *
 * Blank lines and lines that begin with '#' say nothing; blanks around a line do not count, CRLF ends one as LF does. The value is
 * all that follows the first '=', taken as it is: no comment after it, no escapes, no variables. Quotes would be part of it, so
 * one that begins with a quote is refused: whoever writes it means something else. No name stands twice. */
#ifndef BASE_CONFIG_FILE_H
#define BASE_CONFIG_FILE_H

#include "base/buf.h"

struct config_file;

/* A regular file of at most LIMIT_CONFIG_FILE bytes. NULL: `faults` has a line per fault, "<path>:<line>: ...", never a value. */
struct config_file *config_file_read(const char *path, struct buf *faults);
void config_file_free(struct config_file *f); /* the values with it; NULL: nothing */

/* The value of `name`, which is known from then on; NULL: not in the file, or empty. */
const char *config_file_take(struct config_file *f, const char *name);
void config_file_place(const struct config_file *f, const char *name, struct buf *out); /* adds "<path>:<line>: " */

/* Once all known names are taken: a fault for each of the others. */
bool config_file_all_known(const struct config_file *f, struct buf *faults);

/* Adds a regular file of at most LIMIT_CONFIG_FILE bytes to `text`. NULL: fine; else what is wrong. */
const char *config_file_bytes(const char *path, struct buf *text);

#endif
