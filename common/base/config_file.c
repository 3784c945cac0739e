#include "base/config_file.h"

#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ENTRIES_MAX = 256 };

struct entry {
    const char *name, *value; /* slices of text, NUL-terminated */
    int line;
    bool is_known;
};

struct config_file {
    char *path;
    struct buf text;
    struct entry entries[ENTRIES_MAX];
    size_t count;
};

/* --- bytes -------------------------------------------------------------------------------------------------------- */

/* O_NONBLOCK: a FIFO must not keep us waiting. One open() sees one version, however the file is replaced. */
const char *config_file_bytes(const char *path, struct buf *text)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return strerror(errno);
    const char *fault = fstat(fd, &status) || !S_ISREG(status.st_mode) ? "is not a regular file" : NULL;
    ssize_t n = 1;
    while (!fault && n > 0) {
        char *room = buf_reserve(text, LIMIT_CONFIG_FILE + 1 - text->len);
        n = read(fd, room, LIMIT_CONFIG_FILE + 1 - text->len);
        if (n < 0 && errno != EINTR) fault = strerror(errno);
        if (n < 0) n = fault ? 0 : 1;
        else buf_grown(text, (size_t)n);
        if (text->len > LIMIT_CONFIG_FILE) fault = "is longer than 64 KiB";
    }
    close(fd);
    return fault;
}

/* --- lines -------------------------------------------------------------------------------------------------------- */

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        bool is_letter = (c >= 'A' && c <= 'Z') || c == '_';
        if (!is_letter && (i == 0 || c < '0' || c > '9')) return false;
    }
    return s.len > 0;
}

static bool is_printable(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (((unsigned char)s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7F) return false;
    return true;
}

static struct entry *find(const struct config_file *f, const char *name)
{
    for (size_t i = 0; i < f->count; i++)
        if (!strcmp(f->entries[i].name, name)) return (struct entry *)&f->entries[i];
    return NULL;
}

/* What is wrong with it, or NULL. The line is a slice of f->text with a byte after it that may be overwritten. */
static const char *read_line(struct config_file *f, struct str line, int number)
{
    line = str_trim(line);
    if (!line.len || *line.p == '#') return NULL;
    if (!is_printable(line)) return "holds a control character";
    const char *end = memchr(line.p, '=', line.len);
    struct str name = str_sub(line, 0, end ? (size_t)(end - line.p) : 0);
    if (!is_name(name)) return "is not NAME=value, with a name of A to Z, 0 to 9 and _";
    struct str value = str_trim(str_sub(line, name.len + 1, line.len));
    if (value.len && (*value.p == '"' || *value.p == '\'')) return "the value begins with a quote: write it without";
    if (f->count == ENTRIES_MAX) return "is more than a file may hold: 256 settings";
    ((char *)name.p)[name.len] = 0;
    ((char *)value.p)[value.len] = 0;
    if (find(f, name.p)) return "sets a name that was set before";
    f->entries[f->count++] = (struct entry){ .name = name.p, .value = value.p, .line = number };
    return NULL;
}

static bool read_lines(struct config_file *f, struct buf *faults)
{
    struct str rest = buf_str(&f->text);
    bool ok = true;
    for (int number = 1; !str_is_none(rest); number++) {
        struct str line = str_cut(&rest, '\n');
        if (line.len && line.p[line.len - 1] == '\r') line.len--;
        const char *fault = read_line(f, line, number);
        if (fault) buf_addf(faults, "%s:%d: %s\n", f->path, number, fault), ok = false;
    }
    return ok;
}

/* --- the file ----------------------------------------------------------------------------------------------------- */

struct config_file *config_file_read(const char *path, struct buf *faults)
{
    struct config_file *f = calloc(1, sizeof *f);
    if (!f || !(f->path = strdup(path))) abort();
    buf_init(&f->text, LIMIT_CONFIG_FILE + 2);
    const char *fault = config_file_bytes(path, &f->text);
    buf_addc(&f->text, '\n'); /* the byte after the last line */
    if (fault) buf_addf(faults, "%s: %s\n", path, fault);
    if (!fault && read_lines(f, faults)) return f;
    config_file_free(f);
    return NULL;
}

void config_file_free(struct config_file *f)
{
    if (!f) return;
    buf_done(&f->text);
    free(f->path);
    free(f);
}

const char *config_file_take(struct config_file *f, const char *name)
{
    struct entry *e = find(f, name);
    if (!e) return NULL;
    e->is_known = true;
    return *e->value ? e->value : NULL;
}

void config_file_place(const struct config_file *f, const char *name, struct buf *out)
{
    const struct entry *e = find(f, name);
    if (e) buf_addf(out, "%s:%d: ", f->path, e->line);
}

bool config_file_all_known(const struct config_file *f, struct buf *faults)
{
    bool ok = true;
    for (size_t i = 0; i < f->count; i++) {
        const struct entry *e = &f->entries[i];
        if (!e->is_known) buf_addf(faults, "%s:%d: there is no setting %s\n", f->path, e->line, e->name), ok = false;
    }
    return ok;
}
