#include "response.h"

void response_begin(struct response *r, bool is_to_head)
{
    r->state = RESPONSE_STATUS;
    r->status = 0;
    r->line_len = 0;
    r->left = 0;
    r->closes = r->is_chunked = r->has_length = r->has_retry_after = false;
    r->is_bodiless = is_to_head;
}

bool response_end(struct response *r)
{
    r->closes = true;
    if (r->state != RESPONSE_UNTIL_CLOSE) return false;
    r->state = RESPONSE_DONE;
    return true;
}

/* --- lines -------------------------------------------------------------------------------------------------------- */

/* "HTTP/1.1 200 OK"; connections of HTTP/1.0 end unless they say otherwise. */
static enum response_state status_read(struct response *r, struct str line)
{
    int64_t status;
    if (line.len < 12 || memcmp(line.p, "HTTP/1.", 7) != 0 || line.p[8] != ' ') return RESPONSE_BROKEN;
    if (line.len > 12 && line.p[12] != ' ') return RESPONSE_BROKEN;
    if (!str_to_i64(str_sub(line, 9, 12), 100, 599, &status)) return RESPONSE_BROKEN;
    r->status = (int)status;
    r->closes = line.p[7] == '0';
    return RESPONSE_FIELD;
}

static bool list_has(struct str list, struct str word)
{
    while (!str_is_none(list))
        if (str_ieq(str_trim(str_cut(&list, ',')), word)) return true;
    return false;
}

static enum response_state field_read(struct response *r, struct str line)
{
    int64_t length;
    if (!memchr("CcTtRr", line.p[0], 6)) return RESPONSE_FIELD; /* most fields */
    struct str value = line, name = str_cut(&value, ':');
    if (str_is_none(value)) return RESPONSE_BROKEN;
    if (str_ieq(name, STR("content-length"))) {
        if (!str_to_i64(str_trim(value), 0, INT64_MAX, &length)) return RESPONSE_BROKEN;
        r->has_length = true;
        r->left = (uint64_t)length;
    } else if (str_ieq(name, STR("transfer-encoding"))) {
        r->is_chunked = list_has(value, STR("chunked"));
    } else if (str_ieq(name, STR("retry-after"))) {
        r->has_retry_after = true;
    } else if (str_ieq(name, STR("connection"))) {
        if (list_has(value, STR("close"))) r->closes = true;
        else if (list_has(value, STR("keep-alive"))) r->closes = false;
    }
    return RESPONSE_FIELD;
}

/* What follows the head. */
static enum response_state head_end(struct response *r)
{
    if (r->status < 200) { /* 100, 103: another head follows */
        r->is_chunked = r->has_length = false;
        return RESPONSE_STATUS;
    }
    if (r->is_bodiless || r->status == 204 || r->status == 304) return RESPONSE_DONE;
    if (r->is_chunked) return RESPONSE_CHUNK_SIZE;
    if (r->has_length) return r->left ? RESPONSE_BODY : RESPONSE_DONE;
    return RESPONSE_UNTIL_CLOSE;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum response_state chunk_size_read(struct response *r, struct str line)
{
    size_t digits = 0;
    r->left = 0;
    for (int value; digits < line.len && digits < 12 && (value = hex_value(line.p[digits])) >= 0; digits++)
        r->left = r->left << 4 | (uint64_t)value;
    if (!digits || (digits < line.len && line.p[digits] != ';' && line.p[digits] != ' ')) return RESPONSE_BROKEN;
    return r->left ? RESPONSE_CHUNK : RESPONSE_TRAILER;
}

static enum response_state line_read(struct response *r, struct str line)
{
    if (line.len && line.p[line.len - 1] == '\n') line.len--;
    if (line.len && line.p[line.len - 1] == '\r') line.len--;
    switch (r->state) {
    case RESPONSE_STATUS: return status_read(r, line);
    case RESPONSE_FIELD: return line.len ? field_read(r, line) : head_end(r);
    case RESPONSE_CHUNK_SIZE: return chunk_size_read(r, line);
    case RESPONSE_CHUNK_END: return line.len ? RESPONSE_BROKEN : RESPONSE_CHUNK_SIZE;
    case RESPONSE_TRAILER: return line.len ? RESPONSE_TRAILER : RESPONSE_DONE;
    default: return RESPONSE_BROKEN;
    }
}

/* --- pieces ------------------------------------------------------------------------------------------------------- */

static void line_take(struct response *r, struct str *rest)
{
    const char *end = memchr(rest->p, '\n', rest->len);
    struct str part = str_take(rest, end ? (size_t)(end + 1 - rest->p) : rest->len);
    if (end && !r->line_len) { /* the usual case: all of it is here */
        r->state = line_read(r, part);
        return;
    }
    size_t room = RESPONSE_LINE_MAX - r->line_len, n = part.len < room ? part.len : room;
    memcpy(r->line + r->line_len, part.p, n);
    r->line_len += n;
    if (!end) return;
    r->state = line_read(r, (struct str){ r->line, r->line_len });
    r->line_len = 0;
}

static void bytes_skip(struct response *r, struct str *rest)
{
    size_t n = rest->len < r->left ? rest->len : (size_t)r->left;
    str_take(rest, n);
    r->left -= n;
    if (!r->left) r->state = r->state == RESPONSE_CHUNK ? RESPONSE_CHUNK_END : RESPONSE_DONE;
}

size_t response_feed(struct response *r, struct str piece)
{
    struct str rest = piece;
    while (rest.len && r->state < RESPONSE_DONE) {
        if (r->state < RESPONSE_BODY) line_take(r, &rest);
        else if (r->state == RESPONSE_UNTIL_CLOSE) str_take(&rest, rest.len);
        else bytes_skip(r, &rest);
    }
    return piece.len - rest.len;
}
