#include "io/redis_url.h"

#include "base/percent.h"

#include <arpa/inet.h>

enum { PORT = 6379, DB_MAX = 1023, PATH_LEN_MAX = 107 /* sun_path */ };

/* "user:password@" and what follows; the last '@' ends it, since a path may not but a password might hold one. */
static bool cut_login(struct arena *a, struct str *rest, struct redis_url *u)
{
    const char *at = memrchr(rest->p, '@', rest->len);
    if (!at) return true;
    struct str password = str_sub(*rest, 0, (size_t)(at - rest->p)), user = str_cut(&password, ':');
    *rest = str_sub(*rest, (size_t)(at - rest->p) + 1, rest->len);
    if (str_is_none(password) || !password.len) return false;
    return (!user.len || percent_decode(a, user, false, &u->user)) && percent_decode(a, password, false, &u->password);
}

static bool is_address(const char *host)
{
    unsigned char any[16];
    return inet_pton(AF_INET, host, any) == 1 || inet_pton(AF_INET6, host, any) == 1;
}

static bool read_host(struct arena *a, struct str authority, struct redis_url *u)
{
    struct str port = authority, host;
    if (authority.len && authority.p[0] == '[') {
        host = str_cut(&port, ']');
        host = str_sub(host, 1, host.len);
        if (str_is_none(port) || (port.len && port.p[0] != ':')) return false;
        port = port.len ? str_sub(port, 1, port.len) : STR_NONE;
    } else {
        host = str_cut(&port, ':');
    }
    int64_t n = PORT;
    if (!str_is_none(port) && !str_to_i64(port, 1, 65535, &n)) return false;
    u->port = (int)n;
    u->host = str_is(host, "localhost") ? "127.0.0.1" : arena_cstr(a, host);
    return is_address(u->host);
}

static bool read_tcp(struct arena *a, struct str rest, struct redis_url *u)
{
    struct str db = rest, authority = str_cut(&db, '/');
    int64_t n = 0;
    if (db.len && !str_to_i64(db, 0, DB_MAX, &n)) return false;
    u->db = (int)n;
    return read_host(a, authority, u);
}

static bool read_path(struct arena *a, struct str rest, struct redis_url *u)
{
    if (rest.len < 2 || rest.len > PATH_LEN_MAX || rest.p[0] != '/') return false;
    u->path = arena_cstr(a, rest);
    return true;
}

bool redis_url_read(struct arena *a, struct str text, struct redis_url *ret)
{
    static const struct str tcp = STR("redis://"), path = STR("unix://");
    *ret = (struct redis_url){ 0 };
    bool is_tcp = str_has_prefix(text, tcp);
    if ((!is_tcp && !str_has_prefix(text, path)) || memchr(text.p, 0, text.len)) return false;
    struct str rest = str_sub(text, is_tcp ? tcp.len : path.len, text.len);
    return cut_login(a, &rest, ret) && (is_tcp ? read_tcp(a, rest, ret) : read_path(a, rest, ret));
}
