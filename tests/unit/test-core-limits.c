/* SPDX-License-Identifier: MIT */
/* A template that is too much is refused by itself: nobody else's write goes with it. */
#include "core-fixture.h"

#include "core/record.h"
#include "model/limits.h"

#include <errno.h>
#include <string.h>

static struct buf begin(const char *text) {
    struct buf b = BUF_INIT(LIMIT_DOCUMENT_BYTES);
    assert_int_equal(buf_puts(&b, text), 0);
    return b;
}

static void put_letters(struct buf *b, unsigned n) {
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(buf_putc(b, 'a'), 0);
}

/* In one tick somebody scales and somebody writes this template. */
static void expect_refused_alone(struct buf *b, const char *words) {
    struct world w;
    struct answer_seen scaled, refused;
    prepare(&w);
    struct command *scale = on_cluster(&w, COMMAND_SET_COUNT);
    command_add_count(scale, NULL, COUNT_SET, 2);
    submit(&w, scale, &scaled);
    struct command *write = on_cluster(&w, COMMAND_SET_TEMPLATE);
    command_set_text(write, b->data, b->len);
    submit(&w, write, &refused);
    (void)engine_tick(w.engine);
    assert_true(scaled.given && refused.given);
    assert_int_equal(scaled.code, 0);
    assert_int_equal(refused.code, -EINVAL);
    if (!strstr(refused.message, words))
        print_message("%s\n", refused.message);
    assert_non_null(strstr(refused.message, words));
    expect_ready(&w, 3);
    const struct snapshot *s = model_acquire(w.model);
    assert_int_equal(s->server.health, HEALTH_OK);
    model_release(s);
    world_end(&w);
    buf_done(b);
}

static void test_long_texts(void **state) {
    (void)state;
    static const struct {
        const char *before, *after, *words;
    } rows[] = {
        {"Azure.Offer = o\nAzure.Sku = s\nAzure.Publisher = ", "\n",
         "Azure.Publisher, Offer, Sku and ImageVersion of x have at most 1024 bytes"},
        {"PlacementGroupId = ", "\n", "PlacementGroupId of x has 5000 bytes; at most 1024 fit"},
        {"Region = ", "\n", "Region of x has 5000 bytes"},
        {"Zone = 1,", "\n", "Zone of x has 5000 bytes"},
        {"[[[network-interface eth0]]]\nSubnetId = ", "\n", "eth0.SubnetId of x has 5000 bytes"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct buf b = begin("[cluster hpc]\n[[nodearray x]]\nMachineType = t\n");
        assert_int_equal(buf_puts(&b, rows[i].before), 0);
        put_letters(&b, 5000);
        assert_int_equal(buf_puts(&b, rows[i].after), 0);
        expect_refused_alone(&b, rows[i].words);
    }
}

static void test_long_list(void **state) {
    (void)state;
    struct buf b = begin("[cluster hpc]\n[[nodearray x]]\nMachineType = t0");
    for (unsigned i = 1; i <= 100; i++)
        assert_int_equal(buf_printf(&b, ", t%u", i), 0);
    assert_int_equal(buf_puts(&b, "\n"), 0);
    expect_refused_alone(&b, "MachineType of x has 101 items; at most 100 fit");
}

static void test_large_definition(void **state) {
    (void)state;
    struct buf b = begin("[cluster hpc]\n[[node defaults]]\nMachineType = t\n");
    for (unsigned i = 0; i < 30; i++) {
        assert_int_equal(buf_printf(&b, "A%u = ", i), 0);
        put_letters(&b, 10000);
        assert_int_equal(buf_puts(&b, "\n"), 0);
    }
    for (unsigned i = 0; i < 199; i++)
        assert_int_equal(buf_printf(&b, "[[nodearray x%u]]\n", i), 0);
    expect_refused_alone(&b, "the definition of the cluster is larger than 4 MiB");
}

/* Each of its bytes is six in JSON. */
static void test_definition_of_escapes(void **state) {
    (void)state;
    struct buf b = begin("[cluster hpc]\n[[nodearray x]]\nMachineType = t\nA = ");
    for (unsigned i = 0; i < 900000; i++)
        assert_int_equal(buf_putc(&b, '\x01'), 0);
    assert_int_equal(buf_puts(&b, "\n"), 0);
    expect_refused_alone(&b, "the definition of the cluster is larger than 4 MiB");
}

/* An edit that changes all of a running cluster's values is told short, and done. */
static void test_many_changes(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    for (unsigned value = 0; value < 3; value++) {
        struct buf b = begin(template_text);
        for (unsigned n = 0; n < 60; n++) {
            assert_int_equal(
                buf_printf(&b, "[[nodearray x%u]]\nExtends = defaults\nMachineType = t\n", n), 0);
            for (unsigned i = 0; i < 300; i++)
                assert_int_equal(buf_printf(&b, "AttributeWithALongName%u = value%u\n", i, value),
                                 0);
        }
        struct answer_seen a = set_template(&w, b.data);
        if (a.code)
            print_message("%s\n", a.message);
        assert_int_equal(a.code, 0);
        buf_done(&b);
        if (value == 0)
            assert_int_equal(set_target(&w, TARGET_STARTED).code, 0);
        run_for(&w, USEC_SEC);
    }
    const struct snapshot *s = model_acquire(w.model);
    const struct cluster *c = snapshot_cluster_named(s, "hpc");
    assert_string_equal(str_text(c->changes),
                        "more than can be listed: compare definition with a copy of before\n");
    assert_int_equal(s->server.health, HEALTH_OK);
    model_release(s);
    world_end(&w);
}

static bool notes_say(struct world *w, const char *words) {
    const struct snapshot *s = model_acquire(w->model);
    const struct cluster *c = snapshot_cluster_named(s, "hpc");
    bool say = strstr(str_text(c->notes), words);
    if (!say)
        print_message("notes: %s\n", str_text(c->notes));
    model_release(s);
    return say;
}

/* Stored by a version that took it: the server starts, and the cluster can be corrected. */
static void test_stored_template_is_too_much(void **state) {
    (void)state;
    struct world w;
    unsigned char key[RECORD_KEY_MAX];
    prepare(&w);
    size_t len = record_document_key(cluster_id(&w), 't', key);
    struct buf b = begin("[cluster hpc]\n[[nodearray x]]\nMachineType = t\nA = ${size(regexps("
                         "\"a{0,900}a{0,900}b|.\", T, \"x\"))}\n[parameter T]\nDefaultValue = ");
    put_letters(&b, 9000);
    struct store_op op = {key, len, b.data, b.len};
    engine_end(&w);
    assert_int_equal(store_commit(w.store, &(struct store_change){.ops = &op, .n_ops = 1}, NULL),
                     0);
    engine_begin(&w);
    (void)engine_tick(w.engine);
    assert_true(notes_say(&w, "error: the stored template is not evaluated"));
    assert_true(notes_say(&w, "takes too much work"));
    assert_int_equal(set_template(&w, template_text).code, 0);
    assert_int_equal(set_count(&w, COUNT_SET, 1).code, 0);
    expect_ready(&w, 2);
    buf_done(&b);
    world_end(&w);
}

/* A start that would take too long puts templates off until the server runs. */
static void test_start_does_not_wait(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    assert_int_equal(set_count(&w, COUNT_SET, 1).code, 0);
    engine_end(&w);
    w.pace = 11 * USEC_SEC;
    engine_begin(&w);
    w.pace = 0;
    assert_true(notes_say(&w, "is not evaluated, so nothing is started: it will be, after others"));
    expect_ready(&w, 2);
    assert_false(notes_say(&w, "evaluated"));
    world_end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_long_texts),
        cmocka_unit_test(test_long_list),
        cmocka_unit_test(test_large_definition),
        cmocka_unit_test(test_definition_of_escapes),
        cmocka_unit_test(test_many_changes),
        cmocka_unit_test(test_stored_template_is_too_much),
        cmocka_unit_test(test_start_does_not_wait),
    };
    return cmocka_run_group_tests_name("core-limits", tests, NULL, NULL);
}
