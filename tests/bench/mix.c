#include "mix.h"

#include "base/clock.h"

static const struct {
    struct str name;
    enum mix_slot slot;
} slots[] = { { STR("{id}"), SLOT_ID }, { STR("{n}"), SLOT_N }, { STR("{uuid}"), SLOT_UUID } };

/* --- templates ---------------------------------------------------------------------------------------------------- */

/* What begins at the head of `s`; its name is cut off. */
static enum mix_slot slot_at(struct str *s)
{
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
        if (!str_has_prefix(*s, slots[i].name)) continue;
        str_take(s, slots[i].name.len);
        return slots[i].slot;
    }
    return SLOT_NONE;
}

static bool template_make(struct mix_template *t, struct str s)
{
    const char *from = s.p;
    while (s.len) {
        struct str at = s;
        enum mix_slot slot = slot_at(&s);
        if (slot == SLOT_NONE) {
            str_take(&s, 1);
            if (s.len) continue;
            at = s;
        }
        if (t->count == MIX_PIECES_MAX) return false;
        t->pieces[t->count++] = (struct mix_piece){ { from, (size_t)(at.p - from) }, slot };
        from = s.p;
    }
    return true;
}

static bool template_has(const struct mix_template *t, enum mix_slot slot)
{
    for (int i = 0; i < t->count; i++)
        if (t->pieces[i].slot == slot) return true;
    return false;
}

static uint64_t random_next(struct mix *m)
{
    uint64_t z = m->random += 0x9e3779b97f4a7c15u; /* splitmix64 */
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static uint64_t random_below(struct mix *m, uint64_t n)
{
    return (uint64_t)((unsigned __int128)random_next(m) * n >> 64);
}

static void uuid_add(struct mix *m, struct buf *b)
{
    static const char hex[] = "0123456789abcdef";
    char text[36];
    uint64_t bits = 0;
    for (int i = 0, used = 0; i < 36; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            text[i] = '-';
            continue;
        }
        if (used++ % 16 == 0) bits = random_next(m);
        text[i] = hex[bits & 15];
        bits >>= 4;
    }
    text[14] = '4';
    text[19] = "89ab"[bits & 3];
    buf_add(b, (struct str){ text, sizeof text });
}

static void template_expand(struct mix *m, const struct mix_template *t, struct buf *b)
{
    for (int i = 0; i < t->count; i++) {
        buf_add(b, t->pieces[i].text);
        switch (t->pieces[i].slot) {
        case SLOT_ID: buf_add(b, m->ids[random_below(m, m->id_count)]); break;
        case SLOT_N: buf_addi(b, (int64_t)m->n++); break;
        case SLOT_UUID: uuid_add(m, b); break;
        case SLOT_NONE: break;
        }
    }
}

/* --- classes ------------------------------------------------------------------------------------------------------ */

/* {n} begins with the time in microseconds: no run uses it up before the next one begins. */
void mix_init(struct mix *m)
{
    m->n = (uint64_t)clock_unix_ms() * 1000;
    m->random = m->n ^ clock_us() << 20;
    buf_init(&m->message, MIX_MESSAGE_MAX);
    buf_init(&m->text, MIX_MESSAGE_MAX);
}

void mix_done(struct mix *m)
{
    for (int i = 0; i < m->class_count; i++) buf_done(&m->heads[i]);
    buf_done(&m->message);
    buf_done(&m->text);
}

static const char *target_check(struct str target)
{
    if (!target.len || target.p[0] != '/') return "the target does not begin with /";
    for (size_t i = 0; i < target.len; i++) {
        struct str rest = str_sub(target, i, target.len);
        if ((unsigned char)target.p[i] <= ' ' || target.p[i] == 127) return "the target holds a blank or a control character";
        if (target.p[i] == '{' && slot_at(&rest) == SLOT_NONE) return "the target holds { but not {id}, {n} or {uuid}";
    }
    return NULL;
}

/* All but the length of the body, which comes last. */
static void head_make(const struct mix *m, struct buf *b, struct str method, struct str target, struct str body)
{
    buf_init(b, MIX_MESSAGE_MAX);
    buf_addf(b, "%.*s %.*s HTTP/1.1\r\n%.*s", STR_ARG(method), STR_ARG(target), STR_ARG(m->fields));
    if (m->has_keys && str_is(method, "POST")) buf_addz(b, "Idempotency-Key: {uuid}\r\n");
    if (str_is_none(body)) buf_addz(b, "\r\n");
    else buf_addz(b, "Content-Type: application/json\r\nContent-Length: ");
}

const char *mix_add(struct mix *m, uint64_t weight, struct str name, struct str method, struct str target, struct str body)
{
    if (m->class_count == MIX_CLASSES_MAX) return "too many classes";
    const char *wrong = target_check(target);
    if (wrong) return wrong;
    struct mix_class *c = &m->classes[m->class_count];
    struct buf *head = &m->heads[m->class_count];
    *c = (struct mix_class){ .name = name, .method = method, .weight = weight, .has_body = !str_is_none(body) };
    head_make(m, head, method, target, body);
    m->class_count++; /* from here on mix_done frees the head */
    if (!buf_ok(head)) return "the target is too long";
    if (!template_make(&c->head, buf_str(head)) || !template_make(&c->body, body)) return "too many {id}, {n} and {uuid}";
    if (!m->id_count && (template_has(&c->head, SLOT_ID) || template_has(&c->body, SLOT_ID))) return "{id} needs ids: -i FILE";
    m->weight_sum += weight;
    return NULL;
}

static bool is_word(struct str s, char first, char last)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] < first || s.p[i] > last) return false;
    return s.len > 0;
}

const char *mix_add_line(struct mix *m, struct str line)
{
    struct str rest = line, weight = str_cut(&rest, '\t'), name = str_cut(&rest, '\t'), method = str_cut(&rest, '\t');
    struct str target = str_cut(&rest, '\t');
    int64_t times;
    if (!str_to_i64(weight, 1, 1000000, &times)) return "the weight is not a number from 1 to 1000000";
    if (!name.len || memchr(name.p, '"', name.len) || memchr(name.p, '\\', name.len)) return "no class, or one with \" or \\";
    if (!is_word(method, 'A', 'Z')) return "the method is not in capital letters";
    return mix_add(m, (uint64_t)times, name, method, target, rest);
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

int mix_pick(struct mix *m)
{
    int i = 0;
    if (m->class_count == 1) return 0;
    for (uint64_t at = random_below(m, m->weight_sum); at >= m->classes[i].weight; i++) at -= m->classes[i].weight;
    return i;
}

struct str mix_message(struct mix *m, int class)
{
    const struct mix_class *c = &m->classes[class];
    buf_clear(&m->message);
    template_expand(m, &c->head, &m->message);
    if (!c->has_body) return buf_str(&m->message);
    buf_clear(&m->text);
    template_expand(m, &c->body, &m->text);
    buf_addi(&m->message, (int64_t)m->text.len);
    buf_addz(&m->message, "\r\n\r\n");
    buf_add(&m->message, buf_str(&m->text));
    return buf_str(&m->message);
}

bool mix_is_head(const struct mix *m, int class)
{
    return str_is(m->classes[class].method, "HEAD");
}

double mix_random(struct mix *m)
{
    return (double)((random_next(m) >> 11) + 1) * 0x1p-53;
}
