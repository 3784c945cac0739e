#include "schema/type.h"

#include "base/decimal.h"
#include "base/utf8.h"
#include "base/uuid.h"
#include "json/json_write.h"

#include <ctype.h>

static const struct zone *app_zone;

void type_set_zone(const struct zone *z)
{
    app_zone = z;
}

const struct zone *type_zone(void)
{
    return app_zone;
}

static const char *reason(struct arena *a, const char *format, int min, int max)
{
    struct buf b;
    buf_init(&b, 128);
    buf_addf(&b, format, min, max);
    const char *text = arena_cstr(a, buf_str(&b));
    buf_done(&b);
    return text;
}

static const char *check_text(struct arena *a, const struct field *f, struct str text, struct str *ret)
{
    if (!utf8_printable(text, f->flags & F_MULTILINE)) return "must not contain control characters";
    size_t n = utf8_count(text);
    bool blank = n && !str_trim(text).len;
    if (n < (size_t)f->min || n > (size_t)f->max || (blank && f->min))
        return reason(a, "must have %d to %d characters", f->min, f->max);
    *ret = text;
    return NULL;
}

static const char *check_code(struct arena *a, const struct field *f, struct str text, struct str *ret)
{
    for (size_t i = 0; i < text.len; i++)
        if (!isalnum((unsigned char)text.p[i]) && text.p[i] != '_' && text.p[i] != '-')
            return "may contain letters, digits, '_' and '-' only";
    return check_text(a, f, text, ret);
}

static const char *check_uuid(struct arena *a, const struct field *f, struct str text, struct str *ret)
{
    (void)a, (void)f;
    if (!uuid_valid(text)) return "must be a UUID";
    *ret = text;
    return NULL;
}

static const char *check_int(struct arena *a, const struct field *f, struct str text, struct str *ret)
{
    int64_t n;
    if (!str_to_i64(text, f->min, f->max, &n)) return reason(a, "must be an integer from %d to %d", f->min, f->max);
    *ret = text;
    return NULL;
}

static const char *check_money(struct arena *a, const struct field *f, struct str text, struct str *ret)
{
    int64_t fen;
    if (!money_read(text, &fen) || fen < (int64_t)f->min * 100)
        return reason(a, "must be an amount from %d to 9999999999999.99 with at most two decimals", f->min, 0);
    struct buf b;
    buf_init(&b, 32);
    money_write(&b, fen);
    *ret = arena_dup(a, buf_str(&b));
    buf_done(&b);
    return NULL;
}

static const char *check_quantity(struct arena *a, const struct field *f, struct str text, struct str *ret)
{
    (void)f;
    int64_t thousandths;
    if (!quantity_read(text, &thousandths) || thousandths <= 0)
        return "must be more than 0 and at most 9999999999999.999, with at most three decimals";
    struct buf b;
    buf_init(&b, 32);
    quantity_write(&b, thousandths);
    *ret = arena_dup(a, buf_str(&b));
    buf_done(&b);
    return NULL;
}

static const char *check_bool(struct arena *a, const struct field *f, struct str text, struct str *ret)
{
    (void)a, (void)f;
    if (!str_is(text, "true") && !str_is(text, "false")) return "must be true or false";
    *ret = text;
    return NULL;
}

static const char *check_date(struct arena *a, const struct field *f, struct str text, struct str *ret)
{
    (void)a, (void)f;
    int days;
    if (!date_read(text, &days)) return "must be a date, yyyy-MM-dd";
    *ret = text;
    return NULL;
}

static const char *check_time(struct arena *a, const struct field *f, struct str text, struct str *ret)
{
    (void)f;
    int64_t us;
    if (!time_read(app_zone, text, &us)) return "must be a time, yyyy-MM-dd HH:mm:ss or RFC 3339";
    *ret = time_sql(a, us);
    return NULL;
}

static const char *check_enum(struct arena *a, const struct field *f, struct str text, struct str *ret)
{
    (void)a;
    *ret = f->flags & F_CODED ? dictionary_code(f->dictionary, text) : dictionary_label(f->dictionary, text);
    return str_is_none(*ret) ? "is not one of the allowed values" : NULL;
}

/* Digits with the usual separators, five digits at least: +86 138-0013-8000, (010) 6512 3456 x 12. */
static const char *check_phone(struct arena *a, const struct field *f, struct str text, struct str *ret)
{
    (void)a;
    size_t digits = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (isdigit((unsigned char)text.p[i])) digits++;
        else if (!strchr("+-() x", text.p[i]) || !text.p[i]) return "must be a telephone number";
    }
    if (digits < 5 || text.len > (size_t)f->max) return "must be a telephone number";
    *ret = text;
    return NULL;
}

static const char *check_email(struct arena *a, const struct field *f, struct str text, struct str *ret)
{
    static const char bad[] = "must be an e-mail address";
    (void)a;
    struct str domain = text, local = str_cut(&domain, '@');
    if (!local.len || local.len > 64 || domain.len < 3 || text.len > (size_t)f->max) return bad;
    if (!memchr(domain.p, '.', domain.len) || domain.p[0] == '.' || domain.p[domain.len - 1] == '.') return bad;
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.p[i] <= ' ' || (unsigned char)text.p[i] == 0x7f || strchr(",;<>\"()\\", text.p[i])) return bad;
    if (memchr(domain.p, '@', domain.len)) return bad;
    *ret = text;
    return NULL;
}

const struct type types[T_COUNT] = {
    [T_TEXT] = { "text", "", JSON_STRING, FORM_STRING, "must be a string", check_text },
    [T_CODE] = { "text", "", JSON_STRING, FORM_PLAIN, "must be a string", check_code },
    [T_UUID] = { "uuid", "", JSON_STRING, FORM_PLAIN, "must be a UUID string", check_uuid },
    [T_INT] = { "integer", "", JSON_NUMBER, FORM_RAW, "must be an integer", check_int },
    [T_MONEY] = { "numeric", "::text", JSON_NUMBER, FORM_RAW, "must be a number", check_money },
    [T_QUANTITY] = { "numeric", "::text", JSON_NUMBER, FORM_RAW, "must be a number", check_quantity },
    [T_BOOL] = { "boolean", "", JSON_BOOL, FORM_RAW, "must be true or false", check_bool },
    [T_DATE] = { "date", "::text", JSON_STRING, FORM_PLAIN, "must be a date string", check_date },
    [T_TIME] = { "timestamptz", "", JSON_STRING, FORM_PLAIN, "must be a time string", check_time },
    [T_ENUM] = { "text", "", JSON_STRING, FORM_STRING, "must be a string", check_enum },
    [T_TAGS] = { "json", "::json", JSON_ARRAY, FORM_RAW, "must be an array of strings", check_text },
    [T_CODES] = { "text[]", "::text", JSON_ARRAY, FORM_RAW, "must be an array of strings", check_text },
    [T_PHONE] = { "text", "", JSON_STRING, FORM_STRING, "must be a string", check_phone },
    [T_EMAIL] = { "text", "", JSON_STRING, FORM_STRING, "must be a string", check_email },
    [T_JSON] = { "jsonb", "::text", JSON_OBJECT, FORM_RAW, "is read-only", check_text },
    [T_ITEMS] = { "json", "::text", JSON_ARRAY, FORM_RAW, "must be an array of objects", check_text }, /* schema/validate.c */
};

struct str type_allowed(struct arena *a, const struct field *f)
{
    if (f->type != T_ENUM && f->type != T_CODES) return STR_NONE;
    struct buf b;
    buf_init(&b, 4096);
    for (size_t i = 0; i < f->dictionary->count; i++) {
        const struct choice *c = &f->dictionary->choices[i];
        if (i) buf_addz(&b, ", ");
        buf_add(&b, f->type == T_CODES ? c->code : c->label);
    }
    struct str all = arena_dup(a, buf_str(&b));
    buf_done(&b);
    return all;
}

static bool seen_before(const struct json *array, const struct json *v)
{
    for (const struct json *e = json_first(array); e != v; e = json_next(e))
        if (str_eq(json_text(e), json_text(v))) return true;
    return false;
}

/* A set: the first of equal elements stays. */
static const char *read_tags(struct arena *a, const struct field *f, const struct json *v, struct str *ret)
{
    struct field element = { .name = f->name, .min = 1, .max = f->item_max };
    if (json_count(v) > (size_t)f->max) return reason(a, "must have at most %d elements", f->max, 0);
    struct buf b;
    buf_init(&b, 64 * 1024);
    struct jw w = jw_to(&b);
    const char *bad = NULL;
    jw_array(&w);
    for (const struct json *e = json_first(v); e && !bad; e = json_next(e)) {
        struct str text;
        if (json_kind(e) != JSON_STRING) bad = "must be an array of strings";
        else if (!(bad = check_text(a, &element, json_text(e), &text)) && !seen_before(v, e)) jw_str(&w, text);
    }
    jw_array_end(&w);
    *ret = arena_dup(a, buf_str(&b));
    buf_done(&b);
    return bad;
}

/* An array literal: {a,b}. */
static const char *read_codes(struct arena *a, const struct field *f, const struct json *v, struct str *ret)
{
    if (json_count(v) > (size_t)f->max) return reason(a, "must have at most %d elements", f->max, 0);
    struct buf b;
    buf_init(&b, 64 * 1024);
    const char *bad = NULL, *comma = "";
    buf_addz(&b, "{");
    for (const struct json *e = json_first(v); e && !bad; e = json_next(e)) {
        struct str code = json_kind(e) == JSON_STRING ? dictionary_code(f->dictionary, json_text(e)) : STR_NONE;
        if (json_kind(e) != JSON_STRING) bad = types[T_CODES].expected;
        else if (str_is_none(code)) bad = arena_printf(a, "holds %.*s, which there is not", STR_ARG(json_text(e))).p;
        else if (!seen_before(v, e)) buf_addf(&b, "%s%.*s", comma, STR_ARG(code)), comma = ",";
    }
    buf_addz(&b, "}");
    *ret = arena_dup(a, buf_str(&b));
    buf_done(&b);
    return bad;
}

const char *type_read_json(struct arena *a, const struct field *f, const struct json *v, struct str *ret)
{
    const struct type *t = &types[f->type];
    if (json_kind(v) != t->kind) return t->expected;
    if (t->kind == JSON_ARRAY) return (f->type == T_CODES ? read_codes : read_tags)(a, f, v, ret);
    if (t->kind == JSON_BOOL) return *ret = json_is_true(v) ? STR("true") : STR("false"), NULL;
    return t->check(a, f, json_text(v), ret);
}

const char *type_read_text(struct arena *a, const struct field *f, struct str text, struct str *ret)
{
    return types[f->type].check(a, f, text, ret);
}
