#include "base/percent.h"

#define TEN(first) [first] = 10, [first + 1] = 11, [first + 2] = 12, [first + 3] = 13, [first + 4] = 14, [first + 5] = 15
const signed char hex_digits[256] = {
    [0 ... '0' - 1] = -1, ['0'] = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ['9' + 1 ... 'A' - 1] = -1, TEN('A'), ['F' + 1 ... 'a' - 1] = -1,
    TEN('a'), ['f' + 1 ... 255] = -1,
};

bool percent_decode(struct arena *a, struct str in, bool plus_is_space, struct str *ret)
{
    char *out = arena_alloc(a, in.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < in.len; i++) {
        char c = in.p[i];
        if (c == '+' && plus_is_space) c = ' ';
        if (c == '%') {
            if (in.len - i < 3) return false;
            int high = hex_digit(in.p[i + 1]), low = hex_digit(in.p[i + 2]);
            if (high < 0 || low < 0) return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        out[n++] = c;
    }
    *ret = (struct str){ out, n };
    return true;
}

/* RFC 3986: pchar, and '/' */
static bool stays(char c)
{
    bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return is_letter || (c >= '0' && c <= '9') || (c && strchr("-._~!$&'()*+,;=:@/", c));
}

struct str percent_encode_path(struct arena *a, struct str path)
{
    size_t n = 0;
    while (n < path.len && stays(path.p[n])) n++;
    if (n == path.len) return path;
    char *out = arena_alloc(a, 3 * path.len + 1);
    memcpy(out, path.p, n);
    for (size_t i = n; i < path.len; i++) {
        unsigned char c = (unsigned char)path.p[i];
        if (stays(path.p[i])) out[n++] = (char)c;
        else out[n++] = '%', out[n++] = "0123456789ABCDEF"[c >> 4], out[n++] = "0123456789ABCDEF"[c & 15];
    }
    return (struct str){ out, n };
}
