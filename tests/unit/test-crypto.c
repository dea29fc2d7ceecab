/* SPDX-License-Identifier: MIT */
#include "crypto/crypto.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static void hashes_match_the_published_vectors(void **state) {
    (void)state;
    char hex[CRYPTO_SHA256_HEX_SIZE];
    assert_int_equal(crypto_sha256_hex("abc", 3, hex), 0);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(crypto_sha256_hex("", 0, hex), 0);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    /* RFC 4231, test case 2 */
    static const uint8_t expected[] = {0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e,
                                       0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7,
                                       0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83,
                                       0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43};
    uint8_t mac[CRYPTO_SHA256_SIZE];
    const char *text = "what do ya want for nothing?";
    assert_int_equal(crypto_hmac_sha256("Jefe", 4, text, strlen(text), mac), 0);
    assert_memory_equal(mac, expected, sizeof(mac));
    assert_int_equal(crypto_hmac_sha256(NULL, 0, text, strlen(text), mac), 0);
}

static void base64_goes_there_and_back(void **state) {
    (void)state;
    static const struct {
        const char *plain, *standard, *url;
    } rows[] = {{"", "", ""},
                {"f", "Zg==", "Zg"},
                {"fo", "Zm8=", "Zm8"},
                {"foo", "Zm9v", "Zm9v"},
                {"foob", "Zm9vYg==", "Zm9vYg"},
                {"fooba", "Zm9vYmE=", "Zm9vYmE"},
                {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
                {"\xfb\xff\xfe", "+//+", "-__-"}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_buf_ struct buf b = BUF_INIT(64), back = BUF_INIT(64);
        assert_int_equal(crypto_base64_encode(rows[i].plain, strlen(rows[i].plain), &b), 0);
        assert_string_equal(b.data, rows[i].standard);
        assert_int_equal(crypto_base64_decode(b.data, b.len, &back), 0);
        assert_string_equal(back.data, rows[i].plain);
        buf_clear(&b);
        buf_clear(&back);
        assert_int_equal(crypto_base64url_encode(rows[i].plain, strlen(rows[i].plain), &b), 0);
        assert_string_equal(b.data, rows[i].url);
        assert_int_equal(crypto_base64url_decode(b.data, b.len, &back), 0);
        assert_string_equal(back.data, rows[i].plain);
    }
}

static void base64_refuses_what_is_none(void **state) {
    (void)state;
    static const char *const bad[] = {"Z",    "Zg",   "Zg=",      "Zh==", "Zm9=",  "Zm 9v",
                                      "Z===", "====", "Zg==Zg==", "-__-", "Zm9v\n"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        _cleanup_buf_ struct buf b = BUF_INIT(64);
        (void)buf_puts(&b, "kept");
        assert_int_equal(crypto_base64_decode(bad[i], strlen(bad[i]), &b), -EINVAL);
        assert_string_equal(b.data, "kept");
    }
    _cleanup_buf_ struct buf b = BUF_INIT(4);
    assert_int_equal(crypto_base64_encode("abcd", 4, &b), -E2BIG);
    buf_clear(&b);
    assert_int_equal(crypto_base64url_decode("+//+", 4, &b), -EINVAL);
    assert_int_equal(crypto_base64url_decode("Zg==", 4, &b), 0);
    assert_int_equal(crypto_base64url_decode("Zg=", 3, &b), -EINVAL);
}

static void texts_are_compared_whole(void **state) {
    (void)state;
    assert_true(crypto_equal("abc", "abd", 2));
    assert_false(crypto_equal("abc", "abd", 3));
    assert_true(crypto_equal_text("token", "token"));
    assert_false(crypto_equal_text("token", "tok"));
    assert_false(crypto_equal_text("token", "Token"));
}

static void tokens_are_random_and_plain(void **state) {
    (void)state;
    _cleanup_free_ char *a = NULL, *b = NULL;
    assert_int_equal(crypto_random_token(32, &a), 0);
    assert_int_equal(crypto_random_token(32, &b), 0);
    assert_int_equal(strlen(a), 43);
    assert_string_not_equal(a, b);
    assert_null(strpbrk(a, "+/="));
    assert_int_equal(crypto_random_token(0, &a), -EINVAL);
    assert_int_equal(crypto_random_token(CRYPTO_TOKEN_BYTES_MAX + 1, &a), -EINVAL);
}

/* Certificates */

static X509 *make_certificate(EVP_PKEY *key) {
    X509 *cert = X509_new();
    assert_non_null(cert);
    assert_int_equal(X509_set_version(cert, 2), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), 0));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 3600));
    assert_int_equal(X509_set_pubkey(cert, key), 1);
    X509_NAME *name = X509_get_subject_name(cert);
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                                (const unsigned char *)"test", -1, -1, 0),
                     1);
    assert_int_equal(X509_set_issuer_name(cert, name), 1);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    return cert;
}

static void write_pem(const char *path, X509 *cert, EVP_PKEY *key) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    if (cert)
        assert_int_equal(PEM_write_X509(f, cert), 1);
    if (key)
        assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
    assert_int_equal(fclose(f), 0);
}

static json_t *decode_part(const char *text, size_t len) {
    _cleanup_buf_ struct buf b = BUF_INIT(8192);
    assert_int_equal(crypto_base64url_decode(text, len, &b), 0);
    json_t *root = json_loadb(b.data, b.len, 0, NULL);
    assert_non_null(root);
    return root;
}

static bool signature_good(EVP_PKEY *key, const char *jwt) {
    const char *dot = strrchr(jwt, '.');
    _cleanup_buf_ struct buf signature = BUF_INIT(8192);
    assert_int_equal(crypto_base64url_decode(dot + 1, strlen(dot + 1), &signature), 0);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pkey = NULL;
    assert_int_equal(EVP_DigestVerifyInit(ctx, &pkey, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(pkey, RSA_PKCS1_PSS_PADDING), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(pkey, 32), 1);
    int r = EVP_DigestVerify(ctx, (const unsigned char *)signature.data, signature.len,
                             (const unsigned char *)jwt, (size_t)(dot - jwt));
    EVP_MD_CTX_free(ctx);
    return r == 1;
}

static const struct crypto_assertion claims = {.audience = "https://login.example/t/token",
                                               .client_id = "app\"1",
                                               .id = "11111111-2222-3333-4444-555555555555",
                                               .now_s = 1700000000,
                                               .lifetime_s = 300};

static void check_header(const char *jwt, X509 *cert) {
    json_t *header = decode_part(jwt, strcspn(jwt, "."));
    assert_string_equal(json_string_value(json_object_get(header, "alg")), "PS256");
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    assert_int_equal(X509_digest(cert, EVP_sha256(), digest, &len), 1);
    _cleanup_buf_ struct buf expected = BUF_INIT(100);
    assert_int_equal(crypto_base64url_encode(digest, len, &expected), 0);
    assert_string_equal(json_string_value(json_object_get(header, "x5t#S256")), expected.data);
    json_decref(header);
}

static void an_assertion_is_signed_and_says_what_it_must(void **state) {
    const char *path = *state;
    EVP_PKEY *key = EVP_RSA_gen(2048);
    X509 *cert = make_certificate(key);
    write_pem(path, cert, key);
    _cleanup_free_ char *jwt = NULL;
    assert_int_equal(crypto_client_assertion(path, &claims, NULL, &jwt), 0);
    check_header(jwt, cert);
    const char *second = strchr(jwt, '.') + 1;
    json_t *body = decode_part(second, strcspn(second, "."));
    assert_string_equal(json_string_value(json_object_get(body, "aud")), claims.audience);
    assert_string_equal(json_string_value(json_object_get(body, "iss")), claims.client_id);
    assert_string_equal(json_string_value(json_object_get(body, "sub")), claims.client_id);
    assert_string_equal(json_string_value(json_object_get(body, "jti")), claims.id);
    assert_int_equal(json_integer_value(json_object_get(body, "nbf")), 1700000000);
    assert_int_equal(json_integer_value(json_object_get(body, "exp")), 1700000300);
    json_decref(body);
    assert_true(signature_good(key, jwt));
    jwt[5] = jwt[5] == 'A' ? 'B' : 'A';
    assert_false(signature_good(key, jwt));
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void expect_refusal(const char *path, const char *words) {
    _cleanup_error_ struct error err = ERROR_INIT;
    char *jwt = NULL;
    assert_int_equal(crypto_client_assertion(path, &claims, &err, &jwt), -EINVAL);
    assert_non_null(strstr(err_text(&err), words));
    assert_non_null(strstr(err_text(&err), path));
    assert_null(jwt);
}

static void a_bad_certificate_file_is_explained(void **state) {
    const char *path = *state;
    EVP_PKEY *key = EVP_RSA_gen(2048), *other = EVP_RSA_gen(2048);
    EVP_PKEY *curve = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    X509 *cert = make_certificate(key), *curve_cert = make_certificate(curve);
    write_pem(path, NULL, key);
    expect_refusal(path, "no certificate");
    write_pem(path, cert, NULL);
    expect_refusal(path, "no private key");
    write_pem(path, cert, other);
    expect_refusal(path, "does not belong");
    write_pem(path, curve_cert, curve);
    expect_refusal(path, "not an RSA key");
    _cleanup_error_ struct error err = ERROR_INIT;
    char *jwt = NULL;
    assert_int_equal(crypto_client_assertion("/nonexistent/c.pem", &claims, &err, &jwt), -ENOENT);
    assert_non_null(strstr(err_text(&err), "/nonexistent/c.pem"));
    X509_free(cert);
    X509_free(curve_cert);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
    EVP_PKEY_free(curve);
}

/* SSH */

static void an_ssh_key_can_be_read_back(void **state) {
    const char *path = *state;
    _cleanup_free_ char *line = NULL, *again = NULL, *command = NULL;
    assert_int_equal(crypto_ssh_keypair(path, "cyclecloud@server", NULL, &line), 0);
    assert_int_equal(strncmp(line, "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI", 37), 0);
    assert_string_equal(strrchr(line, ' '), " cyclecloud@server");
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(crypto_ssh_public(path, NULL, &again), 0);
    assert_string_equal(line, again);
    assert_true(asprintf(&command, "ssh-keygen -y -f %s 2>/dev/null", path) > 0);
    FILE *f = popen(command, "r");
    char theirs[512] = "";
    bool there = f && fgets(theirs, sizeof(theirs), f);
    if (f && pclose(f) == 0 && there) {
        theirs[strcspn(theirs, "\n")] = '\0';
        assert_string_equal(theirs, line);
    }
}

static void what_is_no_ssh_key_is_refused(void **state) {
    const char *path = *state;
    char *line = NULL;
    _cleanup_error_ struct error err = ERROR_INIT;
    assert_int_equal(crypto_ssh_keypair(path, "two words", &err, &line), -EINVAL);
    err_done(&err);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    (void)fputs("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n"
                "-----END OPENSSH PRIVATE KEY-----\n",
                f);
    (void)fclose(f);
    assert_int_equal(crypto_ssh_public(path, &err, &line), -EINVAL);
    assert_non_null(strstr(err_text(&err), path));
    assert_int_equal(crypto_ssh_public("/nonexistent/key", NULL, &line), -ENOENT);
    assert_null(line);
}

static int make_path(void **state) {
    static char path[64];
    (void)snprintf(path, sizeof(path), "/tmp/test-crypto-XXXXXX");
    int fd = mkstemp(path);
    if (fd < 0)
        return -1;
    (void)close(fd);
    *state = path;
    return 0;
}

static int drop_path(void **state) {
    return unlink(*state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_match_the_published_vectors),
        cmocka_unit_test(base64_goes_there_and_back),
        cmocka_unit_test(base64_refuses_what_is_none),
        cmocka_unit_test(texts_are_compared_whole),
        cmocka_unit_test(tokens_are_random_and_plain),
        cmocka_unit_test_setup_teardown(an_assertion_is_signed_and_says_what_it_must, make_path,
                                        drop_path),
        cmocka_unit_test_setup_teardown(a_bad_certificate_file_is_explained, make_path, drop_path),
        cmocka_unit_test_setup_teardown(an_ssh_key_can_be_read_back, make_path, drop_path),
        cmocka_unit_test_setup_teardown(what_is_no_ssh_key_is_refused, make_path, drop_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
