#include "schema/keyword.h"

#include "base/utf8.h"
#include "schema/seal.h"
#include "schema/type.h"

#include <ctype.h>

/* LIKE finds three characters and more by trigrams; shorter keywords are looked up among the grams, where they stand whole.
 * A single ASCII character selects nothing: LIKE then walks the list in its order. */
static const char *like_pattern(struct arena *a, struct str keyword)
{
    char *p = arena_alloc(a, keyword.len * 2 + 3), *at = p;
    *at++ = '%';
    for (size_t i = 0; i < keyword.len; i++) {
        if (strchr("%_\\", keyword.p[i])) *at++ = '\\';
        *at++ = keyword.p[i];
    }
    *at++ = '%';
    return p;
}

static bool is_short(struct str keyword)
{
    size_t n = utf8_count(keyword);
    return n == 2 ? !memchr(keyword.p, ' ', keyword.len) : n == 1 && keyword.len > 1;
}

/* The end of a long number, or none. It tells one number from the others, which begin alike. */
static struct str number_end(struct str keyword)
{
    enum { DIGITS = 8 };
    if (keyword.len <= DIGITS) return STR_NONE;
    struct str end = str_sub(keyword, keyword.len - DIGITS, keyword.len);
    for (size_t i = 0; i < end.len; i++)
        if (end.p[i] < '0' || end.p[i] > '9') return STR_NONE;
    return end;
}

/* Letters alone, as pinyin is? */
static bool is_of_letters(struct str keyword)
{
    for (size_t i = 0; i < keyword.len; i++)
        if (!isalpha((unsigned char)keyword.p[i])) return false;
    return true;
}

/* "%wan%gfa%" of wangfang: what has the whole has these, too. */
static const char *pattern_of_threes(struct arena *a, struct str keyword)
{
    struct str p = STR("%");
    for (size_t at = 0; at + 3 <= keyword.len; at += 3) p = arena_printf(a, "%.*s%.3s%%", STR_ARG(p), keyword.p + at);
    return p.p;
}

/* What the index of trigrams is asked in place of the whole keyword; NULL: nothing else. Each three characters in a row are a list of rows
 * that it has to read, and a long one are those that begin a number, or ang: a few that do not overlap tell nearly as much as all. */
static const char *pattern_for_index(struct arena *a, struct str keyword)
{
    enum { TWO_THREES = 6 };
    struct str end = number_end(keyword);
    if (!str_is_none(end)) return like_pattern(a, end);
    return keyword.len >= TWO_THREES && is_of_letters(keyword) ? pattern_of_threes(a, keyword) : NULL;
}

/* A code may hold as many digits as a telephone number, but not only what those are written with. */
static bool may_be(const struct field *f, struct arena *a, struct str keyword)
{
    struct field whole = { .type = f->type, .max = LIMIT_KEYWORD };
    struct str ignored;
    if (f->type == T_EMAIL) return memchr(keyword.p, '@', keyword.len);
    return !type_read_text(a, &whole, keyword, &ignored);
}

static void where_exact(struct buf *b, struct sql_params *params, struct arena *a, const struct resource *r, const struct field *f,
                        struct str keyword)
{
    const char *value = arena_cstr(a, keyword);
    if (f->flags & F_SEALED)
        buf_addf(b, " OR t.%.*s_index = $%d::bytea", STR_ARG(f->name), sql_param(params, seal_index(a, r, f, value)));
    else
        buf_addf(b, f->type == T_EMAIL ? " OR lower(t.%.*s) = lower($%d::text)" : " OR t.%.*s = $%d::text", STR_ARG(f->name),
                 sql_param(params, value));
}

/* Does the index of trigrams know it? Three letters, digits or ideographs in a row. */
static bool has_trigram(struct str keyword)
{
    size_t length, run = 0;
    for (size_t at = 0; at < keyword.len && run < 3; at += length) {
        uint32_t c = utf8_first(str_sub(keyword, at, keyword.len), &length);
        bool is_word = c < 0x80 ? isalnum((int)c) : c >= 0x4e00 && c <= 0x9fff;
        run = is_word ? run + 1 : 0;
    }
    return run == 3;
}

/* `|| ''` keeps the whole keyword away from the index, when that is asked for something else. In a SELECT a keyword is hidden from the
 * planner, which would plan anew for each; it must see one that the index does not know. */
static void has_by_index(struct buf *b, struct sql_params *params, struct arena *a, const char *row, struct str keyword)
{
    const char *part = pattern_for_index(a, keyword);
    if (is_short(keyword)) {
        buf_addf(b, "search_grams(%s.search_text) @> ARRAY[(SELECT lower($%d::text))]", row, sql_param(params, arena_cstr(a, keyword)));
        return;
    }
    buf_addf(b, "%s.search_text ", row);
    if (part) buf_addf(b, "LIKE (SELECT lower($%d::text)) AND %s.search_text || '' ", sql_param(params, part), row);
    buf_addf(b, has_trigram(keyword) ? "LIKE (SELECT lower($%d::text))" : "LIKE lower($%d::text)",
             sql_param(params, like_pattern(a, keyword)));
}

/* Taking a text apart into grams costs a hundred times as much, and a plain LIKE may take an index that has to be read as a whole. The
 * collation, which is not the index's, keeps it from that; the SELECT is run once, where a plain lower() may be run for each row. */
static void has_by_itself(struct buf *b, struct sql_params *params, struct arena *a, const char *row, struct str keyword)
{
    buf_addf(b, "%s.search_text COLLATE \"C\" LIKE (SELECT lower($%d::text))", row, sql_param(params, like_pattern(a, keyword)));
}

/* Does an index name the rows? */
static bool is_indexed(struct str keyword)
{
    return is_short(keyword) || has_trigram(keyword);
}

/* What the reference `f` names has it: those that have it are looked up once, unless few rows are asked, who look theirs up then (OFFSET
 * keeps PostgreSQL from the former). is_referred: rest/rest_sought.sql. */
static void named_has(struct buf *b, struct sql_params *params, struct arena *a, const struct field *f, struct str keyword, enum seek how)
{
    const struct ref *ref = f->ref;
    if (how == SEEK_INDEX && is_indexed(keyword)) {
        buf_addf(b, " OR t.%.*s = ANY (ARRAY(SELECT n.%s FROM %s n WHERE n.is_referred AND ", STR_ARG(f->name), ref->id, ref->table);
        has_by_index(b, params, a, "n", keyword);
        buf_addz(b, "))");
        return;
    }
    buf_addf(b, " OR EXISTS (SELECT FROM %s n WHERE n.%s = t.%.*s AND ", ref->table, ref->id, STR_ARG(f->name));
    has_by_itself(b, params, a, "n", keyword);
    buf_addz(b, how == SEEK_EACH ? " OFFSET 0)" : ")");
}

const struct field *keyword_reference(const struct resource *r, const struct field *f)
{
    enum { NAMED = F_JOINED | F_SEARCH };
    return (f->flags & NAMED) == NAMED ? &r->fields[f->from] : NULL;
}

bool keyword_is_of_names(const struct resource *r)
{
    for (size_t i = 0; i < r->field_count; i++)
        if (keyword_reference(r, &r->fields[i])) return true;
    return false;
}

void keyword_add(struct buf *b, struct sql_params *params, struct arena *a, const struct resource *r, const struct list_query *q,
                 enum seek how)
{
    if (str_is_none(q->keyword)) return;
    buf_addz(b, " AND (");
    (how == SEEK_INDEX ? has_by_index : has_by_itself)(b, params, a, "t", q->keyword);
    for (size_t i = 0; i < r->field_count; i++) {
        const struct field *f = &r->fields[i], *named = keyword_reference(r, f);
        bool is_hidden = f->flags & F_SECRET && !q->by_secrets; /* a match would tell what is masked */
        if (f->flags & F_EXACT && !is_hidden && may_be(f, a, q->keyword)) where_exact(b, params, a, r, f, q->keyword);
        if (named) named_has(b, params, a, named, q->keyword, how);
    }
    buf_addz(b, ")");
}
