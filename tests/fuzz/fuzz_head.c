/* Heads of requests and responses: what is accepted is clean, unambiguous, and means the same when written down again. */
#include "fuzz.h"
#include "rules.h"

#include "base/buf.h"

typedef enum err_code (*read_fn)(struct head *h, struct str text, const char **reason);

/* The end of a head is where it is, whatever follows. */
static size_t check_end(struct str in)
{
    size_t n = head_end(in);
    must(n <= in.len);
    if (!n) return 0;
    must(in.p[n - 1] == '\n');
    must(head_end(str_sub(in, 0, n)) == n);
    must(head_end(str_sub(in, 0, n - 1)) == 0);
    return n;
}

static void check_slices(const struct head *h, struct str text)
{
    must(lies_in(h->target, text));
    for (size_t i = 0; i < h->header_count; i++) must(lies_in(h->headers[i].name, text) && lies_in(h->headers[i].value, text));
}

/* No byte that another reader may take for the end of a line, or for nothing. */
static void check_bytes(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        must(text.p[i] != 0);
        if (text.p[i] == '\n') must(i > 0 && text.p[i - 1] == '\r');
        if (text.p[i] == '\r') must(i + 1 < text.len && text.p[i + 1] == '\n');
    }
}

static void check_start(const struct head *h)
{
    if (h->is_response) {
        must(h->status >= 100 && h->status <= 999);
        return;
    }
    must(h->target.len > 0 && h->target.len <= LIMIT_TARGET && h->method < METHOD_COUNT);
    must(h->target.p[0] == '/' || (str_is(h->target, "*") && h->method == METHOD_OPTIONS));
    must(utf8_valid(h->target) && !has_control(h->target) && !memchr(h->target.p, ' ', h->target.len));
}

static void check_framing(const struct head *h)
{
    struct framing f = rules_framing(h->headers, h->header_count);
    must(f.is_chunked == h->chunked && f.has_length == h->has_length && f.length == h->length);
    must(!h->chunked || h->minor_version == 1);
    must(h->is_response || f.hosts == 1 || (f.hosts == 0 && h->minor_version == 0));
}

static void head_write(struct buf *out, const struct head *h)
{
    if (h->is_response) buf_addf(out, "HTTP/1.%d %d \r\n", h->minor_version, h->status);
    else buf_addf(out, "%.*s %.*s HTTP/1.%d\r\n", STR_ARG(method_names[h->method]), STR_ARG(h->target), h->minor_version);
    for (size_t i = 0; i < h->header_count; i++) {
        buf_add(out, h->headers[i].name);
        buf_addz(out, ":");
        buf_add(out, h->headers[i].value);
        buf_addz(out, "\r\n");
    }
    buf_addz(out, "\r\n");
}

static void check_again(const struct head *h, read_fn read)
{
    struct buf out, second;
    struct head again;
    const char *reason;
    buf_init(&out, 1 << 20);
    buf_init(&second, 1 << 20);
    head_write(&out, h);
    must(head_end(buf_str(&out)) == out.len);
    must(read(&again, buf_str(&out), &reason) == E_OK);
    head_write(&second, &again);
    must(str_eq(buf_str(&out), buf_str(&second)));
    must(again.chunked == h->chunked && again.length == h->length && again.keep_alive == h->keep_alive &&
         again.expect_continue == h->expect_continue);
    buf_done(&out);
    buf_done(&second);
}

static void check_head(struct str text, read_fn read)
{
    struct head h;
    const char *reason = NULL;
    enum err_code code = read(&h, text, &reason);
    must((code == E_OK) == (reason == NULL));
    check_slices(&h, text);
    if (code != E_OK) return;
    must(head_end(text) == text.len);
    check_bytes(text);
    check_start(&h);
    rules_check_fields(h.headers, h.header_count);
    check_framing(&h);
    check_again(&h, read);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str in = fuzz_input(data, size);
    size_t n = check_end(in);
    check_head(in, head_read_request);
    check_head(in, head_read_response);
    if (n && n < size) check_head(str_sub(in, 0, n), head_read_request);
    return 0;
}
