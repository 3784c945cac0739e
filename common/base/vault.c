#include "base/vault.h"

#include "base/uuid.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <pthread.h>
#include <stdlib.h>

enum { VERSION = 1, NONCE = 12, TAG = 16, BASE64_OF_KEY = 44, DIGEST = 32 };

struct key {
    uint32_t id; /* 0: the index key */
    unsigned char bytes[VAULT_KEY];
};

struct vault {
    struct key keys[VAULT_KEYS_MAX + 1]; /* as in the ring */
    int count, current, index;           /* `current` and `index` are places among them; -1: none yet */
    pthread_key_t contexts;
};

/* --- the key ring -------------------------------------------------------------------------------------------------------- */

static bool read_id(struct str text, uint32_t *ret)
{
    int64_t id = 0;
    if (!str_is(text, "index") && !str_to_i64(text, 1, UINT32_MAX, &id)) return false;
    *ret = (uint32_t)id;
    return true;
}

/* 44 characters with one '=' at their end are 32 bytes: RFC 4648 section 4. */
static bool read_key(struct str text, unsigned char to[VAULT_KEY])
{
    unsigned char bytes[VAULT_KEY + 1];
    bool fits = text.len == BASE64_OF_KEY && text.p[BASE64_OF_KEY - 1] == '=' && text.p[BASE64_OF_KEY - 2] != '=';
    if (!fits || EVP_DecodeBlock(bytes, (const unsigned char *)text.p, BASE64_OF_KEY) != sizeof bytes) return false;
    memcpy(to, bytes, VAULT_KEY);
    OPENSSL_cleanse(bytes, sizeof bytes);
    return true;
}

static const char *read_entry(struct vault *v, struct str entry)
{
    struct key key;
    struct str text = entry, id = str_cut(&text, ':');
    if (v->count == VAULT_KEYS_MAX + 1) return "there are too many keys";
    if (!read_id(str_trim(id), &key.id)) return "must begin with index: or with a number from 1 to 4294967295 and a colon";
    if (str_is_none(text) || !read_key(str_trim(text), key.bytes)) return "has no key of 32 bytes in base64";
    for (int i = 0; i < v->count; i++) {
        if (v->keys[i].id == key.id) return "has an id that stands before";
        if (!memcmp(v->keys[i].bytes, key.bytes, VAULT_KEY)) return "has a key that stands before";
    }
    int *place = key.id ? &v->current : &v->index;
    if (*place < 0) *place = v->count;
    v->keys[v->count++] = key;
    return NULL;
}

static bool read_ring(struct vault *v, struct str ring, struct buf *faults)
{
    int n = 0;
    bool ok = true;
    while (!str_is_none(ring)) {
        struct str line = str_cut(&ring, '\n');
        if (line.len && line.p[line.len - 1] == '\r') line.len--;
        if (line.len && line.p[0] == '#') continue;
        while (!str_is_none(line)) {
            struct str entry = str_trim(str_cut(&line, ','));
            if (!entry.len) continue;
            n++;
            const char *fault = read_entry(v, entry);
            if (fault) buf_addf(faults, "data keys: entry %d %s\n", n, fault), ok = false;
        }
    }
    if (ok && v->current < 0) buf_addz(faults, "data keys: there is none with a number\n");
    if (ok && v->index < 0) buf_addz(faults, "data keys: there is no index key\n");
    return ok && v->current >= 0 && v->index >= 0;
}

/* --- contexts of a thread ------------------------------------------------------------------------------------------------ */

enum { DOMAINS_KEPT = 16 };

struct index_context {
    char *domain;
    size_t domain_len;
    EVP_MAC_CTX *mac;
};

/* Setting a key, or deriving one, costs more than sealing a value: each context keeps its own. */
struct contexts {
    EVP_CIPHER_CTX *seal, *open[VAULT_KEYS_MAX + 1]; /* by place of the key */
    struct index_context indexes[DOMAINS_KEPT];      /* as they come; beyond, the oldest goes */
    unsigned index_count;
};

static void index_context_done(struct index_context *c)
{
    EVP_MAC_CTX_free(c->mac);
    free(c->domain);
}

static void contexts_free(void *contexts)
{
    struct contexts *c = contexts;
    if (!c) return;
    EVP_CIPHER_CTX_free(c->seal);
    for (int i = 0; i <= VAULT_KEYS_MAX; i++) EVP_CIPHER_CTX_free(c->open[i]);
    for (int i = 0; i < DOMAINS_KEPT; i++) index_context_done(&c->indexes[i]);
    free(c);
}

static EVP_CIPHER_CTX *context_new(const struct key *key, int seals)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    if (!c || EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, key->bytes, NULL, seals) != 1) abort();
    return c;
}

static struct contexts *contexts_of(const struct vault *v)
{
    struct contexts *c = pthread_getspecific(v->contexts);
    if (c) return c;
    c = calloc(1, sizeof *c);
    if (!c || pthread_setspecific(v->contexts, c)) abort();
    c->seal = context_new(&v->keys[v->current], 1);
    for (int i = 0; i < v->count; i++)
        if (i != v->index) c->open[i] = context_new(&v->keys[i], 0);
    return c;
}

struct vault *vault_new(struct str key_ring, struct buf *faults)
{
    struct vault *v = calloc(1, sizeof *v);
    if (!v || pthread_key_create(&v->contexts, contexts_free)) abort();
    v->current = v->index = -1;
    if (read_ring(v, key_ring, faults)) return v;
    vault_free(v);
    return NULL;
}

void vault_free(struct vault *v)
{
    if (!v) return;
    contexts_free(pthread_getspecific(v->contexts));
    pthread_key_delete(v->contexts);
    OPENSSL_cleanse(v, sizeof *v);
    free(v);
}

/* --- sealing and opening ------------------------------------------------------------------------------------------------- */

static int key_of(const struct vault *v, uint32_t id)
{
    for (int i = 0; i < v->count; i++)
        if (v->keys[i].id == id && i != v->index) return i;
    return -1;
}

uint32_t vault_current(const struct vault *v)
{
    return v->keys[v->current].id;
}

bool vault_has(const struct vault *v, uint32_t key_id)
{
    return key_of(v, key_id) >= 0;
}

void vault_head(uint32_t key_id, char to[VAULT_HEAD])
{
    to[0] = VERSION;
    for (int i = 0; i < 4; i++) to[1 + i] = (char)(key_id >> (24 - 8 * i));
}

/* Begins with the nonce behind the head, takes in what is authenticated only (at once: each call has its price), then turns `n`
 * bytes of text into the other kind. */
static bool turn(EVP_CIPHER_CTX *c, const char *head, struct str context, const char *from, size_t n, char *to)
{
    int len;
    unsigned char known[VAULT_HEAD + VAULT_CONTEXT_MAX];
    const unsigned char *nonce = (const unsigned char *)head + VAULT_HEAD;
    if (context.len > VAULT_CONTEXT_MAX) abort();
    memcpy(known, head, VAULT_HEAD);
    memcpy(known + VAULT_HEAD, context.p, context.len);
    return EVP_CipherInit_ex(c, NULL, NULL, NULL, nonce, -1) == 1 &&
           EVP_CipherUpdate(c, NULL, &len, known, (int)(VAULT_HEAD + context.len)) == 1 &&
           (!n || EVP_CipherUpdate(c, (unsigned char *)to, &len, (const unsigned char *)from, (int)n) == 1);
}

void vault_seal(const struct vault *v, struct str context, struct str clear, char *to)
{
    EVP_CIPHER_CTX *c = contexts_of(v)->seal;
    unsigned char rest[TAG];
    int len;
    char *text = to + VAULT_HEAD + NONCE;
    vault_head(vault_current(v), to);
    random_bytes(to + VAULT_HEAD, NONCE);
    bool ok = turn(c, to, context, clear.p, clear.len, text) && EVP_CipherFinal_ex(c, rest, &len) == 1 &&
              EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG, text + clear.len) == 1;
    if (!ok) abort(); /* OpenSSL is out of memory, or has no AES */
}

const char *vault_open(const struct vault *v, struct str context, struct str sealed, char *to)
{
    unsigned char rest[TAG];
    int len;
    if (sealed.len < VAULT_OVERHEAD || sealed.p[0] != VERSION) return "is not a sealed value";
    uint32_t id = 0;
    for (int i = 1; i < VAULT_HEAD; i++) id = id << 8 | (unsigned char)sealed.p[i];
    int key = key_of(v, id);
    if (key < 0) return "is sealed with a key that the key ring has not";
    EVP_CIPHER_CTX *c = contexts_of(v)->open[key];
    const char *text = sealed.p + VAULT_HEAD + NONCE, *tag = sealed.p + sealed.len - TAG;
    bool ok = turn(c, sealed.p, context, text, sealed.len - VAULT_OVERHEAD, to) &&
              EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG, (void *)tag) == 1 && EVP_CipherFinal_ex(c, rest, &len) == 1;
    return ok ? NULL : "was changed, or belongs elsewhere";
}

/* --- blind indexes ------------------------------------------------------------------------------------------------------- */

static void derive(const struct key *key, struct str domain, unsigned char to[VAULT_KEY])
{
    EVP_KDF *hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *c = EVP_KDF_CTX_new(hkdf);
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)key->bytes, VAULT_KEY),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)domain.p, domain.len),
        OSSL_PARAM_construct_end(),
    };
    if (!c || EVP_KDF_derive(c, to, VAULT_KEY, params) != 1) abort();
    EVP_KDF_CTX_free(c);
    EVP_KDF_free(hkdf);
}

static EVP_MAC_CTX *mac_new(const unsigned char key[VAULT_KEY])
{
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *c = EVP_MAC_CTX_new(hmac);
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end() };
    if (!c || EVP_MAC_init(c, key, VAULT_KEY, params) != 1) abort();
    EVP_MAC_free(hmac);
    return c;
}

static EVP_MAC_CTX *mac_of(const struct vault *v, struct str domain)
{
    struct contexts *all = contexts_of(v);
    for (unsigned i = 0; i < all->index_count && i < DOMAINS_KEPT; i++)
        if (str_eq(domain, (struct str){ all->indexes[i].domain, all->indexes[i].domain_len })) return all->indexes[i].mac;
    struct index_context *c = &all->indexes[all->index_count++ % DOMAINS_KEPT];
    unsigned char key[VAULT_KEY];
    index_context_done(c);
    derive(&v->keys[v->index], domain, key);
    *c = (struct index_context){ malloc(domain.len + 1), domain.len, mac_new(key) };
    if (!c->domain) abort();
    memcpy(c->domain, domain.p, domain.len);
    OPENSSL_cleanse(key, sizeof key);
    return c->mac;
}

void vault_index(const struct vault *v, struct str domain, struct str value, char to[VAULT_INDEX])
{
    unsigned char mac[DIGEST];
    size_t len;
    EVP_MAC_CTX *c = mac_of(v, domain);
    if (EVP_MAC_init(c, NULL, 0, NULL) != 1 || EVP_MAC_update(c, (const unsigned char *)value.p, value.len) != 1 ||
        EVP_MAC_final(c, mac, &len, sizeof mac) != 1)
        abort();
    memcpy(to, mac, VAULT_INDEX);
}
