#include "json/json_write.h"

static void value_begins(struct jw *w)
{
    if (w->comma) buf_addc(w->out, ',');
    w->comma = true;
}

static void opens(struct jw *w, char bracket)
{
    value_begins(w);
    buf_addc(w->out, bracket);
    w->comma = false;
}

static void closes(struct jw *w, char bracket)
{
    buf_addc(w->out, bracket);
    w->comma = true;
}

void jw_object(struct jw *w)
{
    opens(w, '{');
}

void jw_object_end(struct jw *w)
{
    closes(w, '}');
}

void jw_array(struct jw *w)
{
    opens(w, '[');
}

void jw_array_end(struct jw *w)
{
    closes(w, ']');
}

/* Two-letter escapes; 'u' stands for the long form. */
static const char escapes[256] = {
    [0 ... 7] = 'u', ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\v'] = 'u', ['\f'] = 'f', ['\r'] = 'r',
    [0x0E ... 0x1F] = 'u', ['"'] = '"', ['\\'] = '\\', [0x7F] = 'u', [0xE2] = '?', /* may begin a line separator */
};

/* U+2028 and U+2029 are E2 80 A8 and E2 80 A9: fine in JSON, but they end a line in older JavaScript. */
static bool is_line_separator(struct str s)
{
    return s.len >= 3 && memcmp(s.p, "\xE2\x80", 2) == 0 && (s.p[2] == '\xA8' || s.p[2] == '\xA9');
}

static size_t plain_len(struct str s)
{
    size_t i = 0;
    for (; i < s.len; i++) {
        char escape = escapes[(unsigned char)s.p[i]];
        if (escape && (escape != '?' || is_line_separator(str_sub(s, i, s.len)))) break;
    }
    return i;
}

/* Escapes the first character of `s`, and says how many bytes it had. */
static size_t add_escaped(struct buf *out, struct str s)
{
    unsigned char c = (unsigned char)s.p[0];
    char escape = escapes[c];
    if (escape == '?') {
        buf_addz(out, s.p[2] == '\xA8' ? "\\u2028" : "\\u2029");
        return 3;
    }
    if (escape == 'u') buf_addf(out, "\\u%04x", c);
    else buf_add(out, (struct str){ (const char[]){ '\\', escape }, 2 });
    return 1;
}

/* Bytes in quotes, with the comma before them and the colon after them in one go. */
static void add_quoted(struct buf *out, bool comma, struct str s, bool colon)
{
    char *start = buf_reserve(out, s.len + 4), *to = start;
    if (!to) return;
    if (comma) *to++ = ',';
    *to++ = '"';
    memcpy(to, s.p, s.len);
    to += s.len;
    *to++ = '"';
    if (colon) *to++ = ':';
    buf_grown(out, (size_t)(to - start));
}

static void add_string(struct buf *out, struct str s)
{
    if (plain_len(s) == s.len) {
        add_quoted(out, false, s.len ? s : STR(""), false);
        return;
    }
    buf_addc(out, '"');
    while (s.len) {
        size_t n = plain_len(s);
        buf_add(out, str_sub(s, 0, n));
        if (n < s.len) n += add_escaped(out, str_sub(s, n, s.len));
        s = str_sub(s, n, s.len);
    }
    buf_addc(out, '"');
}

void jw_key(struct jw *w, struct str key)
{
    value_begins(w);
    add_string(w->out, key);
    buf_addc(w->out, ':');
    w->comma = false;
}

void jw_str(struct jw *w, struct str s)
{
    if (str_is_none(s)) {
        jw_null(w);
        return;
    }
    value_begins(w);
    add_string(w->out, s);
}

void jw_raw(struct jw *w, struct str json)
{
    value_begins(w);
    buf_add(w->out, str_is_none(json) ? STR("null") : json);
}

void jw_int(struct jw *w, int64_t n)
{
    value_begins(w);
    buf_addi(w->out, n);
}

void jw_bool(struct jw *w, bool b)
{
    jw_raw(w, b ? STR("true") : STR("false"));
}

void jw_null(struct jw *w)
{
    jw_raw(w, STR("null"));
}

void jw_name(struct jw *w, struct str key)
{
    add_quoted(w->out, w->comma, key, true);
    w->comma = false;
}

void jw_plain(struct jw *w, struct str s)
{
    if (str_is_none(s)) {
        jw_null(w);
        return;
    }
    add_quoted(w->out, w->comma, s, false);
    w->comma = true;
}
