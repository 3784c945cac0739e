#include "http.h"

#include "pool.h"
#include "stack.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *now_url, *now_token;

/* --- one exchange ----------------------------------------------------------------------------------------------------
 */

static pthread_key_t handle_key;
static pthread_once_t handle_once = PTHREAD_ONCE_INIT;

static void handle_free(void *handle)
{
    curl_easy_cleanup(handle);
}

static void handle_start(void)
{
    curl_global_init(CURL_GLOBAL_ALL);
    pthread_key_create(&handle_key, handle_free);
}

static CURL *handle(void)
{
    pthread_once(&handle_once, handle_start);
    CURL *c = pthread_getspecific(handle_key);
    if (!c) {
        c = curl_easy_init();
        if (!c) abort();
        pthread_setspecific(handle_key, c);
    }
    curl_easy_reset(c);
    return c;
}

struct growing {
    char **to;
    size_t len;
};

static size_t collect(char *p, size_t size, size_t n, void *arg)
{
    struct growing *g = arg;
    *g->to = realloc(*g->to, g->len + size * n + 1);
    if (!*g->to) abort();
    memcpy(*g->to + g->len, p, size * n);
    g->len += size * n;
    (*g->to)[g->len] = 0;
    return size * n;
}

static void reply_free(void *p)
{
    struct reply *r = p;
    free(r->head);
    free(r->body);
    free(r->what);
    cJSON_Delete(r->json);
    free(r);
}

struct reply *reply_keep(struct reply *r)
{
    r->json = cJSON_Parse(r->body);
    return pool_keep(r, reply_free);
}

static bool gives(const struct request *q, const char *name)
{
    for (int i = 0; i < HEADERS_MAX && q->headers[i]; i++)
        if (!strncasecmp(q->headers[i], name, strlen(name))) return true;
    return false;
}

static struct curl_slist *header_list(const struct request *q)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    if (q->body && !gives(q, "Content-Type:")) list = curl_slist_append(list, "Content-Type: application/json");
    if (q->token) list = curl_slist_append(list, text("Authorization: Bearer %s", q->token));
    for (int i = 0; i < HEADERS_MAX && q->headers[i]; i++) list = curl_slist_append(list, q->headers[i]);
    return list;
}

static void prepare(CURL *c, const struct request *q, struct curl_slist *headers)
{
    curl_easy_setopt(c, CURLOPT_URL, q->url);
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, q->method);
    curl_easy_setopt(c, CURLOPT_NOBODY, (long)!strcmp(q->method, "HEAD"));
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, q->timeout_ms ? q->timeout_ms : 15000L);
    curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, (long)q->fresh);
    curl_easy_setopt(c, CURLOPT_FORBID_REUSE, (long)q->fresh);
    if (stack.ca_cert) curl_easy_setopt(c, CURLOPT_CAINFO, stack.ca_cert);
    curl_easy_setopt(c, CURLOPT_SSLCERT, q->pki ? text("%s/client.crt", q->pki) : NULL);
    curl_easy_setopt(c, CURLOPT_SSLKEY, q->pki ? text("%s/client.key", q->pki) : NULL);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, q->pki ? 0L : 1L);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, q->pki ? 0L : 2L);
    if (!q->body) return;
    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(q->body_len ? q->body_len : strlen(q->body)));
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, q->body);
}

struct reply *http_send(const struct request *q)
{
    struct reply *r = calloc(1, sizeof *r);
    if (!r || !(r->head = strdup("")) || !(r->body = strdup(""))) abort();
    struct growing head = { &r->head, 0 }, body = { &r->body, 0 };
    struct curl_slist *headers = header_list(q);
    CURL *c = handle();
    prepare(c, q, headers);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, collect);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, &head);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &body);
    r->error = curl_easy_perform(c);
    if (r->error == CURLE_OK) curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &r->status);
    curl_easy_getinfo(c, CURLINFO_TOTAL_TIME, &r->seconds);
    curl_slist_free_all(headers);
    r->len = body.len;
    if (asprintf(&r->what, "%s %s", q->method, q->url) < 0) abort();
    return reply_keep(r);
}

/* --- looking at it ---------------------------------------------------------------------------------------------------
 */

const char *header(const struct reply *r, const char *name)
{
    size_t n = strlen(name);
    for (const char *line = r->head; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        if (strncasecmp(line, name, n) || line[n] != ':') continue;
        const char *value = line + n + 1 + strspn(line + n + 1, " ");
        return text("%.*s", (int)strcspn(value, "\r\n"), value);
    }
    return NULL;
}

bool has_text(const struct reply *r, const char *piece)
{
    return strstr(r->body, piece) != NULL;
}

/* --- the test's view -------------------------------------------------------------------------------------------------
 */

void target(const char *url)
{
    now_url = url;
}

void as(const char *token)
{
    now_token = token;
}

const char *current_target(void)
{
    return now_url;
}

const char *current_token(void)
{
    return now_token;
}

struct reply *call(const char *method, const char *path, const char *body, ...)
{
    struct request q = { .method = method, .token = now_token, .body = body };
    q.url = strncmp(path, "http", 4) ? text("%s%s", now_url, path) : path;
    va_list args;
    va_start(args, body);
    for (int i = 0; i < HEADERS_MAX && (q.headers[i] = va_arg(args, const char *)); i++) {
    }
    va_end(args);
    return http_send(&q);
}

char *encoded(const char *value)
{
    return pool_keep(curl_easy_escape(NULL, value, 0), curl_free);
}

void http_reset(void)
{
    now_url = stack.customer_url;
    now_token = stack.admin_token;
}

void http_end(void)
{
    pthread_once(&handle_once, handle_start);
    CURL *c = pthread_getspecific(handle_key);
    if (c) curl_easy_cleanup(c);
    pthread_setspecific(handle_key, NULL);
    curl_global_cleanup();
}
