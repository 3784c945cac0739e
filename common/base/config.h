/* config: settings from the environment and a file, as one table: it parses, prints itself redacted, and writes
 * docs/configuration.md.
 *
 * The environment wins over the file; in both, empty is absent. A missing required value or a malformed one is a fault; all of
 * them are named at once. */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include "base/buf.h"

struct config_file;

enum opt_type { O_STR, O_INT, O_BOOL, O_LEVEL }; /* const char *, int, bool, enum log_level */
enum opt_flag {
    O_REQUIRED = 1,
    O_SECRET = 2,
    O_LIVE = 4 /* what changes takes effect on reload, not only at the next start */
};

struct opt {
    const char *name; /* of the environment variable; NULL ends the table */
    enum opt_type type;
    size_t offset;        /* of the member in the settings struct */
    const char *fallback; /* NULL: none */
    unsigned flags;
    int min, max;         /* O_INT: the value; O_STR: at least `min` characters */
    const char *help;
};

/* Fills `settings`; its texts stay valid as long as `file` (NULL: none), those of the environment until exit. false: `faults` has a
 * line per fault. */
bool config_load(const struct opt *opts, struct config_file *file, void *settings, struct buf *faults);

/* `settings` were loaded to replace `old`: logs what has changed. What is not O_LIVE keeps its old value, text and all. */
void config_take_over(const struct opt *opts, const void *old, void *settings);

void config_log(const struct opt *opts, const void *settings); /* one line, secrets as "***" */
void config_document(const struct opt *opts, const char *title, struct buf *out); /* a Markdown table */

#endif
