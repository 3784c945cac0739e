#include "schema/mask.h"

#include "base/buf.h"

static struct buf room_buf(char room[MASK_MAX])
{
    return (struct buf){ .data = room, .cap = MASK_MAX, .max = MASK_MAX };
}

static struct str joined(char room[MASK_MAX], struct str front, const char *middle, struct str back)
{
    struct buf b = room_buf(room);
    buf_add(&b, front);
    buf_addz(&b, middle);
    buf_add(&b, back);
    return buf_ok(&b) ? buf_str(&b) : STR(MASK_MARK);
}

/* At least four of its characters are hidden. A landline's eight digits would show too much of themselves. */
static struct str mask_phone(struct str clear, char room[MASK_MAX])
{
    enum { FRONT = 3, BACK = 4, SHORTEST = 11 };
    if (clear.len < SHORTEST) return STR("****");
    return joined(room, str_sub(clear, 0, FRONT), "****", str_sub(clear, clear.len - BACK, clear.len));
}

static size_t character_at(struct str s, size_t at)
{
    size_t end = at + 1;
    while (end < s.len && ((unsigned char)s.p[end] & 0xc0) == 0x80) end++;
    return end - at;
}

/* A name of one character would be shown whole. */
static struct str mask_email(struct str clear, char room[MASK_MAX])
{
    struct str domain = clear, name = str_cut(&domain, '@');
    size_t first = name.len ? character_at(name, 0) : 0;
    if (str_is_none(domain)) return STR(MASK_MARK);
    return joined(room, str_sub(name, 0, first < name.len ? first : 0), MASK_MARK "@", domain);
}

/* --- addresses -------------------------------------------------------------------------------------------------------- */

static bool begins(struct str s, size_t at, const char *const *words, size_t *ret_len)
{
    for (; *words; words++)
        if (str_has_prefix(str_sub(s, at, s.len), str_of(*words))) {
            *ret_len = strlen(*words);
            return true;
        }
    return false;
}

/* The end of a place's name that begins at `from` and ends in one of `endings`; `from`: there is none. A name has two to `most`
 * characters before its ending, all of them Chinese, and none of those that end a smaller place: 朝阳区市场路 has no city. */
static size_t place_end(struct str s, size_t from, const char *const *endings, int most)
{
    static const char *const smaller[] = { "县", "路", "街", "镇", "乡", "村", "号", "巷", "弄", "楼", "室", "区", NULL };
    size_t at = from, len;
    for (int n = 0; at < s.len && n <= most; n++) {
        if (n >= 2 && begins(s, at, endings, &len)) return at + len;
        if (begins(s, at, smaller, &len) || character_at(s, at) != 3) return from;
        at += character_at(s, at);
    }
    return from;
}

static struct str mask_address(struct str clear, char room[MASK_MAX])
{
    static const char *const provinces[] = { "省", "自治区", "特别行政区", NULL };
    static const char *const cities[] = { "市", "自治州", "地区", NULL };
    enum { PROVINCE_MAX = 6, CITY_MAX = 10 };
    size_t province = place_end(clear, 0, provinces, PROVINCE_MAX);
    return joined(room, str_sub(clear, 0, place_end(clear, province, cities, CITY_MAX)), MASK_MARK, STR(""));
}

/* --- by type ---------------------------------------------------------------------------------------------------------- */

static struct str (*const masks[T_COUNT])(struct str clear, char room[MASK_MAX]) = {
    [T_TEXT] = mask_address, [T_PHONE] = mask_phone, [T_EMAIL] = mask_email,
};

bool mask_is_null(const struct field *f)
{
    return !masks[f->type];
}

struct str mask(const struct field *f, struct str clear, char room[MASK_MAX])
{
    return str_is_none(clear) || mask_is_null(f) ? STR_NONE : masks[f->type](clear, room);
}

bool mask_marks(const struct field *f, struct str value)
{
    return f->flags & F_SECRET && !mask_is_null(f) && memmem(value.p, value.len, MASK_MARK, strlen(MASK_MARK));
}
