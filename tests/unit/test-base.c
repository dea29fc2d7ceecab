/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/id-map.h"
#include "base/ini.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/plain.h"
#include "base/random.h"
#include "base/str.h"
#include "base/utf8.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void test_id_map_finds_what_was_set(void **state) {
    (void)state;
    struct id_map map = {0};
    assert_null(id_map_get(&map, 0));
    for (uint64_t i = 0; i < 1000; i++) /* keys that share their low bits, and 0 */
        assert_int_equal(id_map_set(&map, i << 20, i), 0);
    assert_int_equal(id_map_set(&map, 7 << 20, 70), 0);
    assert_int_equal(map.len, 1000);
    for (uint64_t i = 0; i < 1000; i++) {
        assert_non_null(id_map_get(&map, i << 20));
        assert_int_equal(*id_map_get(&map, i << 20), i == 7 ? 70 : i);
        assert_null(id_map_get(&map, (i << 20) + 1));
    }
    id_map_done(&map);
    assert_null(id_map_get(&map, 0));
}

static void test_buf_keeps_its_maximum(void **state) {
    (void)state;
    _cleanup_buf_ struct buf b = BUF_INIT(8);
    assert_int_equal(buf_puts(&b, "12345678"), 0);
    assert_int_equal(buf_putc(&b, '9'), -E2BIG);
    assert_string_equal(b.data, "12345678");
    buf_clear(&b);
    assert_int_equal(buf_write_at(&b, 2, "x", 1), 0);
    assert_memory_equal(b.data, "\0\0x", 4);
    assert_int_equal(buf_write_at(&b, 8, "x", 1), -E2BIG);
}

static void test_json_is_valid_utf8(void **state) {
    (void)state;
    static const struct {
        const char *text, *json;
    } cases[] = {
        {"a\"b\\c\n", "a\\\"b\\\\c\\u000a"},
        {"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"\xff", UTF8_REPLACEMENT},
        {"a\xc3", "a" UTF8_REPLACEMENT},                                      /* cut */
        {"\xc0\xaf", UTF8_REPLACEMENT UTF8_REPLACEMENT},                      /* overlong */
        {"\xed\xa0\x80", UTF8_REPLACEMENT UTF8_REPLACEMENT UTF8_REPLACEMENT}, /* surrogate */
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_buf_ struct buf b = BUF_INIT(100);
        assert_int_equal(buf_put_json(&b, cases[i].text), 0);
        assert_string_equal(b.data, cases[i].json);
    }
    assert_int_equal(utf8_cut("a\xc3\xa4z", 2), 1);
    assert_int_equal(utf8_cut("a\xc3\xa4z", 3), 3);
}

static void test_error_is_set_once_and_wrapped(void **state) {
    (void)state;
    _cleanup_error_ struct error err = ERROR_INIT;
    assert_int_equal(err_kind(&err, "quota_exceeded", "%d cores", 8), -EDQUOT);
    assert_int_equal(err_kind(&err, "busy", "later"), -EBUSY);
    assert_int_equal(err_wrap(&err, err.code, "count"), -EDQUOT);
    assert_string_equal(err_text(&err), "count: 8 cores");
    assert_int_equal(error_kind_find(err.kind)->http, 409);
}

static void test_numbers(void **state) {
    (void)state;
    int64_t i;
    uint64_t u;
    assert_int_equal(parse_i64("-9223372036854775808", &i), 0);
    assert_true(i == INT64_MIN);
    assert_int_equal(parse_i64("9223372036854775808", &i), -ERANGE);
    assert_int_equal(parse_u64("", &u), -EINVAL);
    assert_int_equal(parse_u64("12x", &u), -EINVAL);
    assert_int_equal(parse_u64("99999999999999999999999x", &u), -EINVAL);
    assert_int_equal(parse_u64("18446744073709551615", &u), 0);
}

static void test_names(void **state) {
    (void)state;
    assert_true(name_valid("hpc-1_a"));
    assert_false(name_valid("-a"));
    assert_false(name_valid("a b"));
    assert_false(name_valid("a\n"));
    assert_false(name_valid(""));
    char longest[65];
    memset(longest, 'a', 64);
    longest[64] = '\0';
    assert_false(name_valid(longest));
    longest[63] = '\0';
    assert_true(name_valid(longest));
    assert_int_equal(text_distance("MachineTyp", "machinetype", 5), 1);
}

static void test_time(void **state) {
    (void)state;
    usec_t t;
    assert_int_equal(time_parse("2024-08-26T09:40:16.0066584+00:00", &t), 0);
    _cleanup_buf_ struct buf b = BUF_INIT(100);
    assert_int_equal(time_format(&b, t), 0);
    assert_string_equal(b.data, "2024-08-26T09:40:16.006Z");
    assert_int_equal(time_parse("2024-08-26T11:40:16+02:00", &t), 0);
    buf_clear(&b);
    (void)time_format(&b, t);
    assert_string_equal(b.data, "2024-08-26T09:40:16.000Z");
    assert_int_equal(time_parse("2024-08-26", &t), -EINVAL);
    buf_clear(&b);
    (void)duration_format(&b, 200 * USEC_SEC);
    assert_string_equal(b.data, "3m20s");
}

/* Bit by bit, as the definition has it. */
static uint32_t plain_crc32c(const unsigned char *p, size_t len) {
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < 8 * len; i++) {
        crc ^= i % 8 ? 0 : p[i / 8];
        crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78U : 0);
    }
    return ~crc;
}

/* The check value of CRC-32C for "123456789" (RFC 3720 uses the same polynomial). */
static void test_checksums(void **state) {
    (void)state;
    assert_int_equal(hash_crc32c(0, "123456789", 9), 0xe3069283U);
    assert_int_equal(hash_crc32c(hash_crc32c(0, "1234", 4), "56789", 5), 0xe3069283U);
    unsigned char bytes[100];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * 37 + i / 7);
    for (size_t from = 0; from < 9; from++)
        for (size_t len = 0; len + from < sizeof(bytes); len++)
            assert_int_equal(hash_crc32c(0, bytes + from, len), plain_crc32c(bytes + from, len));
    assert_true(hash_text("a") == 0xaf63dc4c8601ec8cU);
}

static int count_item(void *arg, const struct ini_item *item, struct error *err) {
    (void)err;
    if (item->key)
        assert_string_equal(item->section, "account azure");
    ++*(int *)arg;
    return 0;
}

static void test_ini(void **state) {
    (void)state;
    int items = 0;
    static const char good[] = "# note\n[account azure]\nregion = \"eastus\"\r\n\n; more\na=b\n";
    assert_int_equal(
        ini_read(&(struct ini_text){"c", good, strlen(good)}, count_item, &items, NULL), 0);
    assert_int_equal(items, 3);
    _cleanup_error_ struct error err = ERROR_INIT;
    assert_int_equal(
        ini_read(&(struct ini_text){"c.conf", "[a]\nx\n", 6}, count_item, &items, &err), -EINVAL);
    assert_non_null(strstr(err_text(&err), "c.conf:2"));
}

static void test_str_keeps_equal_text(void **state) {
    (void)state;
    struct str *s = NULL;
    assert_int_equal(str_set(&s, "x"), 0);
    struct str *before = s;
    assert_int_equal(str_set(&s, "x"), 0);
    assert_ptr_equal(s, before);
    assert_int_equal(str_set(&s, ""), 0);
    assert_null(s);
}

static void test_seeded_random_repeats(void **state) {
    (void)state;
    uint64_t seed_a = 7, seed_b = 7;
    struct random_source a = random_seeded(&seed_a), b = random_seeded(&seed_b);
    char x[UUID_TEXT_SIZE], y[UUID_TEXT_SIZE];
    random_uuid(&a, x);
    random_uuid(&b, y);
    assert_string_equal(x, y);
    assert_int_equal(x[14], '4');
}

/* In a directory where others may write, a planted link must not choose what is written to. */
static void test_file_write_follows_no_planted_link(void **state) {
    (void)state;
    char dir[] = "/tmp/base-XXXXXX";
    assert_non_null(mkdtemp(dir));
    char path[64], link[96], victim[64];
    (void)snprintf(path, sizeof(path), "%s/f", dir);
    (void)snprintf(link, sizeof(link), "%s/f.%d.tmp", dir, (int)getpid());
    (void)snprintf(victim, sizeof(victim), "%s/victim", dir);
    assert_int_equal(symlink(victim, link), 0);
    _cleanup_buf_ struct buf text = BUF_INIT(64);
    assert_int_equal(file_write(path, "new", 3, 0600), 0);
    assert_int_equal(file_read(path, &text), 0);
    assert_string_equal(text.data, "new");
    assert_int_equal(access(victim, F_OK), -1);
    assert_int_equal(unlink(link), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

static void test_foreign_text_is_one_harmless_line(void **state) {
    (void)state;
    static const struct {
        const char *text, *shown;
    } rows[] = {
        {"", ""},
        {"a\nb\r\tc", "a b  c"},
        {"\x1b[2J\x07\x7f", "\xef\xbf\xbd[2J\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xc2\x9b", "\xef\xbf\xbd"},             /* C1 */
        {"a\xe2\x80\xae z", "a\xef\xbf\xbd z"},   /* U+202E */
        {"\xff\xc3\xa9", "\xef\xbf\xbd\xc3\xa9"}, /* a stray byte, then a letter */
        {"\xe2\x82\xac 5", "\xe2\x82\xac 5"},
        {"abcdefghijklmnopq", "abcdefghijklmnopq"},
        {"abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopq..."},
        {"abcdefghijklmnop\xe2\x82\xac\xe2\x82\xac", "abcdefghijklmnop..."},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_buf_ struct buf b = BUF_INIT(100);
        assert_int_equal(plain_put(&b, rows[i].text, 20), 0);
        assert_string_equal(b.data, rows[i].shown);
        if (strlen(rows[i].text) <= 20)
            assert_int_equal(plain_is(rows[i].text, strlen(rows[i].text)),
                             strcmp(rows[i].text, rows[i].shown) == 0);
    }
}

/* What is quoted begins no line; a message that is too long ends with its own. */
static void test_a_log_message_is_one_line(void **state) {
    (void)state;
    char path[] = "/tmp/base-XXXXXX", *huge = malloc(20001);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_non_null(huge);
    memset(huge, 'x', 20000);
    huge[20000] = '\0';
    log_set_fd(fd);
    log_warning("failed message=\"%s\"", "\n2026-11-30T00:00:00.000Z error: FORGED\x1b[2J");
    log_warning("%s", huge);
    (void)log_errno(-EIO, "%s", huge);
    log_warning("last");
    log_set_fd(STDERR_FILENO);
    _cleanup_buf_ struct buf text = BUF_INIT(100000);
    assert_int_equal(file_read(path, &text), 0);
    unsigned lines = 0;
    for (const char *p = text.data; (p = strchr(p, '\n')); p++)
        lines++;
    assert_int_equal(lines, 4);
    assert_null(strchr(text.data, '\x1b'));
    assert_non_null(strstr(text.data, "xxx...: Input/output error\n"));
    free(huge);
    (void)close(fd);
    (void)unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buf_keeps_its_maximum),
        cmocka_unit_test(test_id_map_finds_what_was_set),
        cmocka_unit_test(test_json_is_valid_utf8),
        cmocka_unit_test(test_error_is_set_once_and_wrapped),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_checksums),
        cmocka_unit_test(test_ini),
        cmocka_unit_test(test_str_keeps_equal_text),
        cmocka_unit_test(test_seeded_random_repeats),
        cmocka_unit_test(test_foreign_text_is_one_harmless_line),
        cmocka_unit_test(test_a_log_message_is_one_line),
        cmocka_unit_test(test_file_write_follows_no_planted_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
