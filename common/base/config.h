/* config: settings from the environment, as one table: it parses, prints itself redacted, and writes docs/configuration.md.
 *
 * A missing required value or a malformed one refuses to start, naming every fault at once. */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include "base/buf.h"

enum opt_type { O_STR, O_INT, O_BOOL };        /* const char *, int, bool */
enum opt_flag { O_REQUIRED = 1, O_SECRET = 2 };

struct opt {
    const char *name; /* of the environment variable; NULL ends the table */
    enum opt_type type;
    size_t offset;        /* of the member in the settings struct */
    const char *fallback; /* NULL: none */
    unsigned flags;
    int min, max;         /* O_INT: the value; O_STR: at least `min` characters */
    const char *help;
};

/* Fills `settings` from the environment; texts stay valid until exit. false: `faults` has a line per fault. */
bool config_load(const struct opt *opts, void *settings, struct buf *faults);

void config_log(const struct opt *opts, const void *settings); /* one line, secrets as "***" */
void config_document(const struct opt *opts, const char *title, struct buf *out); /* a Markdown table */

#endif
