/* SPDX-License-Identifier: MIT */
#include "crypto.h"

#include "base/file.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

/* OpenSSH's PROTOCOL.key: "openssh-key-v1", then the public blob and the private section, both in
   the strings of RFC 4251 (32-bit length, bytes). */

#define KEY_SIZE 32
#define FILE_MAX ((size_t)16 << 10)
#define LINE_WIDTH 70
#define CIPHER_BLOCK 8
#define KEY_TYPE "ssh-ed25519"

static const char file_head[] = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
static const char file_tail[] = "-----END OPENSSH PRIVATE KEY-----\n";
static const char magic[] = "openssh-key-v1"; /* with its NUL */

DEFINE_CLEANUP(EVP_PKEY, EVP_PKEY_free);

struct pair {
    uint8_t public[KEY_SIZE], private[KEY_SIZE];
};

static void put_u32(struct buf *b, uint32_t v) {
    uint8_t four[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
    (void)buf_append(b, four, sizeof(four));
}

static void put_string(struct buf *b, const void *data, size_t len) {
    put_u32(b, (uint32_t)len);
    (void)buf_append(b, data, len);
}

static void put_public(struct buf *b, const struct pair *p) {
    put_string(b, KEY_TYPE, strlen(KEY_TYPE));
    put_string(b, p->public, KEY_SIZE);
}

static int generate(struct pair *p) {
    _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    size_t public_len = KEY_SIZE, private_len = KEY_SIZE;
    if (!key || EVP_PKEY_get_raw_public_key(key, p->public, &public_len) != 1 ||
        EVP_PKEY_get_raw_private_key(key, p->private, &private_len) != 1)
        return -EIO;
    return 0;
}

/* The private section: a check number twice, the key, the comment, padding 1 2 3 ... */
static int put_private(struct buf *b, const struct pair *p, const char *comment) {
    uint32_t check;
    if (RAND_bytes((unsigned char *)&check, sizeof(check)) != 1)
        return -EIO;
    put_u32(b, check);
    put_u32(b, check);
    put_public(b, p);
    put_u32(b, 2 * KEY_SIZE);
    (void)buf_append(b, p->private, KEY_SIZE);
    (void)buf_append(b, p->public, KEY_SIZE);
    put_string(b, comment, strlen(comment));
    for (char pad = 1; b->len % CIPHER_BLOCK; pad++)
        if (buf_putc(b, pad) < 0)
            break;
    return buf_error(b);
}

static int put_container(struct buf *b, const struct pair *p, const char *comment) {
    _cleanup_buf_ struct buf public = BUF_INIT(FILE_MAX), private = BUF_INIT(FILE_MAX);
    put_public(&public, p);
    int r = put_private(&private, p, comment);
    (void)buf_append(b, magic, sizeof(magic));
    put_string(b, "none", 4); /* cipher */
    put_string(b, "none", 4); /* key derivation */
    put_u32(b, 0);            /* its options: empty */
    put_u32(b, 1);            /* keys */
    put_string(b, public.data, public.len);
    put_string(b, private.data, private.len);
    if (private.cap)
        crypto_wipe(private.data, private.cap);
    if (r < 0)
        return r;
    return buf_error(&public) ? buf_error(&public) : buf_error(b);
}

static int put_file(struct buf *out, const struct pair *p, const char *comment) {
    _cleanup_buf_ struct buf raw = BUF_INIT(FILE_MAX), text = BUF_INIT(FILE_MAX);
    int r = put_container(&raw, p, comment);
    if (r == 0)
        r = crypto_base64_encode(raw.data, raw.len, &text);
    (void)buf_puts(out, file_head);
    for (size_t i = 0; i < text.len; i += LINE_WIDTH) {
        size_t n = text.len - i < LINE_WIDTH ? text.len - i : LINE_WIDTH;
        (void)buf_append(out, text.data + i, n);
        (void)buf_putc(out, '\n');
    }
    (void)buf_puts(out, file_tail);
    if (raw.cap)
        crypto_wipe(raw.data, raw.cap);
    if (text.cap)
        crypto_wipe(text.data, text.cap);
    return r < 0 ? r : buf_error(out);
}

static int public_line(const void *blob, size_t len, const char *comment, char **ret) {
    _cleanup_buf_ struct buf b = BUF_INIT(FILE_MAX);
    (void)buf_puts(&b, KEY_TYPE " ");
    (void)crypto_base64_encode(blob, len, &b);
    if (*comment)
        (void)buf_printf(&b, " %s", comment);
    if (buf_error(&b))
        return buf_error(&b);
    char *line = buf_take(&b);
    if (!line)
        return -ENOMEM;
    *ret = line;
    return 0;
}

static bool comment_valid(const char *comment) {
    for (const unsigned char *p = (const unsigned char *)comment; *p; p++)
        if (!isgraph(*p))
            return false;
    return strlen(comment) <= 255;
}

static int make_line(const struct pair *p, const char *comment, char **ret) {
    _cleanup_buf_ struct buf blob = BUF_INIT(FILE_MAX);
    put_public(&blob, p);
    return buf_error(&blob) ? buf_error(&blob) : public_line(blob.data, blob.len, comment, ret);
}

int crypto_ssh_keypair(const char *path, const char *comment, struct error *err, char **ret) {
    if (!comment_valid(comment))
        return err_set(err, -EINVAL, "invalid_value",
                       "the comment of an SSH key is one word of 255 characters at most");
    struct pair pair;
    _cleanup_free_ char *line = NULL;
    struct buf file = BUF_INIT(FILE_MAX);
    int r = generate(&pair);
    if (r == 0)
        r = put_file(&file, &pair, comment);
    if (r == 0)
        r = make_line(&pair, comment, &line);
    if (r == 0)
        r = file_write(path, file.data, file.len, 0600);
    crypto_wipe(&pair, sizeof(pair));
    if (file.cap)
        crypto_wipe(file.data, file.cap);
    buf_done(&file);
    if (r < 0)
        return err_wrap(err, r, "cannot make the SSH key %s", path);
    *ret = TAKE_PTR(line);
    return 0;
}

/* A reader of RFC 4251 strings; `bad` after the first that is not whole. */
struct reader {
    const uint8_t *at;
    size_t left;
    bool bad;
};

static uint32_t take_u32(struct reader *r) {
    if (r->bad || r->left < 4) {
        r->bad = true;
        return 0;
    }
    uint32_t v = (uint32_t)r->at[0] << 24 | (uint32_t)r->at[1] << 16 | (uint32_t)r->at[2] << 8 |
                 (uint32_t)r->at[3];
    r->at += 4;
    r->left -= 4;
    return v;
}

static struct reader take_string(struct reader *r) {
    uint32_t len = take_u32(r);
    if (r->bad || len > r->left) {
        r->bad = true;
        return (struct reader){.bad = true};
    }
    struct reader s = {.at = r->at, .left = len};
    r->at += len;
    r->left -= len;
    return s;
}

/* The base64 between head and tail, without line ends, decoded. */
static int unarmour(const struct buf *file, struct buf *raw) {
    const char *start = strstr(file->data, file_head);
    const char *end = start ? strstr(start, file_tail) : NULL;
    if (!end)
        return -EINVAL;
    struct buf text = BUF_INIT(FILE_MAX);
    for (const char *p = start + strlen(file_head); p < end; p++)
        if (!isspace((unsigned char)*p))
            (void)buf_putc(&text, *p);
    int r = buf_error(&text);
    if (r == 0)
        r = crypto_base64_decode(text.data, text.len, raw);
    if (text.cap)
        crypto_wipe(text.data, text.cap);
    buf_done(&text);
    return r;
}

static bool reads(const struct reader *r, const char *text) {
    return !r->bad && r->left == strlen(text) && memcmp(r->at, text, r->left) == 0;
}

/* Takes head and both blobs out of the container. False: it is not one, or is encrypted. */
static bool open_container(const struct buf *raw, struct reader *public, struct reader *private) {
    if (raw->len < sizeof(magic) || memcmp(raw->data, magic, sizeof(magic)) != 0)
        return false;
    struct reader r = {.at = (const uint8_t *)raw->data + sizeof(magic),
                       .left = raw->len - sizeof(magic)};
    struct reader cipher = take_string(&r);
    (void)take_string(&r);
    (void)take_string(&r);
    uint32_t keys = take_u32(&r);
    *public = take_string(&r);
    *private = take_string(&r);
    return !r.bad && keys == 1 && reads(&cipher, "none");
}

static int read_public(const struct buf *raw, char **ret) {
    struct reader public, private;
    if (!open_container(raw, &public, &private))
        return -EINVAL;
    struct reader blob = public, type = take_string(&public);
    if (!reads(&type, KEY_TYPE))
        return -EINVAL;
    (void)take_u32(&private);
    (void)take_u32(&private);
    for (int i = 0; i < 3; i++)
        (void)take_string(&private);
    struct reader comment = take_string(&private);
    if (comment.bad)
        return -EINVAL;
    _cleanup_free_ char *words = strndup((const char *)comment.at, comment.left);
    if (!words)
        return -ENOMEM;
    return comment_valid(words) ? public_line(blob.at, blob.left, words, ret) : -EINVAL;
}

int crypto_ssh_public(const char *path, struct error *err, char **ret) {
    struct buf file = BUF_INIT(FILE_MAX), raw = BUF_INIT(FILE_MAX);
    int r = file_read(path, &file);
    if (r == 0)
        r = unarmour(&file, &raw);
    if (r == 0)
        r = read_public(&raw, ret);
    if (file.cap)
        crypto_wipe(file.data, file.cap);
    if (raw.cap)
        crypto_wipe(raw.data, raw.cap);
    buf_done(&file);
    buf_done(&raw);
    if (r == -EINVAL)
        return err_set(err, r, "invalid_config",
                       "%s is not an Ed25519 key in OpenSSH's format without a passphrase", path);
    return r < 0 ? err_wrap(err, r, "cannot read the SSH key %s", path) : 0;
}
