/* SPDX-License-Identifier: MIT */
/* HTML of a notice -> the tree that is shown. */
#include "template-fixture.h"

#include "base/buf.h"
#include "template/notice.h"

static void expect_tree(const char *html, const char *expected) {
    json_t *tree = notice_parse(html, strlen(html));
    assert_non_null(tree);
    expect_json(tree, "", expected);
    json_decref(tree);
}

static void test_trees(void **state) {
    (void)state;
    static const struct {
        const char *html, *tree;
    } rows[] = {
        {"", "[\"div\",{}]"},
        {"a &amp; &lt;b&gt; &#65;&#x42; &nope; &#0; &",
         "[\"div\",{},\"a & <b> AB &nope; &#0; &\"]"},
        {"<p>a<br>b</p>c", "[\"div\",{},[\"p\",{},\"a\",[\"br\",{}],\"b\"],\"c\"]"},
        {"<P CLASS='x>y'>a", "[\"div\",{},[\"p\",{},\"a\"]]"},
        {"<p>a<p>b", "[\"div\",{},[\"p\",{},\"a\"],[\"p\",{},\"b\"]]"},
        {"<b>a<i>b</b>c</i>d", "[\"div\",{},[\"b\",{},\"a\",[\"i\",{},\"b\"]],\"c\",\"d\"]"},
        {"<a target=_blank href=\"https://x.org/?a&amp;b\">x</a>",
         "[\"div\",{},[\"a\",{\"href\":\"https://x.org/?a&b\"},\"x\"]]"},
        {"<a href=http://x.org target=y>x</a>",
         "[\"div\",{},[\"a\",{\"href\":\"http://x.org\"},\"x\"]]"},
        /* what could do harm */
        {"<a href='javascript:alert(1)'>x</a>", "[\"div\",{},[\"a\",{},\"x\"]]"},
        {"<a href=' https://x'>x</a>", "[\"div\",{},[\"a\",{},\"x\"]]"},
        {"<a href=\"java&#115;cript:x\">x</a>", "[\"div\",{},[\"a\",{},\"x\"]]"},
        {"<p onclick='x()' style=y>a</p>", "[\"div\",{},[\"p\",{},\"a\"]]"},
        {"<script>x</script>", "[\"div\",{},\"<script>x</script>\"]"},
        {"a<img src=x onerror=y>b<!-- <b> -->c<span>d</span>", "[\"div\",{},\"abcd\"]"},
        {"put it into <locker>/blobs, 1 < 2", "[\"div\",{},\"put it into <locker>/blobs, 1 < 2\"]"},
        {"<p", "[\"div\",{},\"<p\"]"},
        {"<!-- never", "[\"div\",{}]"},
        {"a\xff", "[\"div\",{},\"a\xef\xbf\xbd\"]"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect_tree(rows[i].html, rows[i].tree);
}

static size_t depth_of(const json_t *node) {
    size_t deepest = 0;
    for (size_t i = 2; json_is_array(node) && i < json_array_size(node); i++) {
        size_t depth = depth_of(json_array_get(node, i));
        deepest = depth > deepest ? depth : deepest;
    }
    return json_is_array(node) ? deepest + 1 : 0;
}

static void test_bounds(void **state) {
    (void)state;
    _cleanup_buf_ struct buf b = BUF_INIT(1 << 20);
    for (int i = 0; i < 1000; i++)
        (void)buf_puts(&b, "<b>\xc3\xa9");
    json_t *tree = notice_parse(b.data, b.len);
    assert_int_equal(depth_of(tree), NOTICE_DEPTH_MAX + 1);
    json_decref(tree);
    buf_clear(&b);
    (void)buf_puts(&b, "a");
    for (size_t i = 0; i < NOTICE_BYTES_MAX; i++)
        (void)buf_puts(&b, "\xc3\xa9");
    tree = notice_parse(b.data, b.len);
    assert_int_equal(json_string_length(json_array_get(tree, 2)), NOTICE_BYTES_MAX - 1);
    json_decref(tree);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trees),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
