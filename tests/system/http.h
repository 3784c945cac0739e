/* http: requests as a client makes them (libcurl), and as an attacker does (a raw socket). */
#ifndef SYSTEM_HTTP_H
#define SYSTEM_HTTP_H

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

enum { HEADERS_MAX = 8 };

struct request {
    const char *method, *url;
    const char *token; /* NULL: none is sent */
    const char *body;
    size_t body_len;                  /* 0: strlen(body) */
    const char *headers[HEADERS_MAX]; /* "Name: value"; "Name:" drops one that would be sent by itself */
    long timeout_ms;                  /* 0: 15 s */
    bool fresh;                       /* a connection of its own */
    const char *pki;                  /* of pki_new(): shows its client certificate, and takes any of the server; NULL: the stack's CA */
};

struct reply {
    long status; /* 0: there was none, see error */
    char *head;  /* all header lines */
    char *body;  /* NUL-terminated */
    size_t len;
    cJSON *json; /* NULL: not JSON */
    double seconds;
    CURLcode error;
    char *what; /* "GET http://..." for messages */
};

/* Thread-safe; every thread has its own connections. The reply lives until the test ends. */
struct reply *http_send(const struct request *q);
struct reply *reply_keep(struct reply *r); /* reads the JSON; head, body, what and r itself are freed when the test ends */

/* The value of a header, or NULL. */
const char *header(const struct reply *r, const char *name);
bool has_text(const struct reply *r, const char *piece); /* in the body */

/* What a test uses: call("GET", "/api/v1/customers", body or NULL, headers..., NULL). A path goes to customer-service,
 * with the administrator's token, unless the test says otherwise by target() or as(); both hold until the test ends. */
struct reply *call(const char *method, const char *path, const char *body, ...) __attribute__((sentinel));
#define GET(path) call("GET", path, NULL, NULL)
#define POST(path, body) call("POST", path, body, NULL)
#define PUT(path, body) call("PUT", path, body, NULL)
#define PATCH(path, body) call("PATCH", path, body, NULL)
#define DELETE(path) call("DELETE", path, NULL, NULL)
void target(const char *url);
void as(const char *token); /* NULL: nobody */
const char *current_target(void);
const char *current_token(void);

char *encoded(const char *value); /* percent-encoded for a query */

/* Sends bytes as they are and returns all that comes back until the peer closes or nothing comes for a while. */
char *raw_exchange(const char *url, const char *bytes, size_t len);
int raw_connect(const char *url); /* < 0: nobody listens */
int raw_connect_from(const char *source, const char *url); /* from 127.x.y.z */
void raw_send(int fd, const char *bytes, size_t len);
char *raw_receive(int fd);
char *raw_reply(int fd); /* one reply with Content-Length, then what has come beyond it is lost; "" when there is none */
bool raw_is_quiet(int fd, int ms); /* nothing comes back within that time */
int raw_status(const char *answer); /* of an HTTP/1.1 answer; 0: none */

void http_reset(void); /* between tests */
void http_end(void);   /* before exit */

#endif
