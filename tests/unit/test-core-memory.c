/* SPDX-License-Identifier: MIT */
/* The engine when memory runs out: one allocation fails, at many places of a whole life. */
#include "core-fixture.h"

#include "store/console.h"

#include <stdlib.h>
#include <string.h>

#define PLACES 400u

/* Allocations of the engine alone are counted; the cloud's and the test's never fail. */
static struct {
    bool counting;
    unsigned made, fail_at; /* fail_at: 0 = none */
    bool failed;
} memory;

static bool fails(void) {
    if (!memory.counting || ++memory.made != memory.fail_at)
        return false;
    memory.failed = true;
    return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t size) {
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size) {
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size) {
    return fails() ? NULL : __real_realloc(p, size);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size) {
    return fails() ? NULL : __real_reallocarray(p, n, size);
}

char *__wrap_strdup(const char *text) {
    return fails() ? NULL : __real_strdup(text);
}

static usec_t counted_tick(struct engine *e) {
    memory.counting = true;
    usec_t next = engine_tick(e);
    memory.counting = false;
    return next;
}

/* The cloud between engine and fake: what the engine does with an answer counts. */
struct answer_on_its_way {
    cyclecloud_done done;
    void *arg;
    struct answer_on_its_way *next;
};

static struct answer_on_its_way *on_their_way;

static void take_off(struct answer_on_its_way *a) {
    struct answer_on_its_way **at = &on_their_way;
    while (*at != a)
        at = &(*at)->next;
    *at = a->next;
    free(a);
}

/* The engine ended before they came. */
static void forget_answers(void) {
    while (on_their_way)
        take_off(on_their_way);
}

static void counted_done(void *arg, const struct cyclecloud_result *result) {
    struct answer_on_its_way a = *(struct answer_on_its_way *)arg;
    take_off(arg);
    memory.counting = true;
    a.done(a.arg, result);
    memory.counting = false;
}

static struct cyclecloud_provider fake;

static int uncounted_submit(void *provider, const struct cyclecloud_request *request,
                            cyclecloud_done done, void *arg) {
    memory.counting = false;
    struct answer_on_its_way *a = malloc(sizeof(*a));
    assert_non_null(a);
    *a = (struct answer_on_its_way){done, arg, on_their_way};
    on_their_way = a;
    int r = fake.ops->submit(provider, request, counted_done, a);
    memory.counting = true;
    return r;
}

static void insist(struct world *w, int64_t count) {
    for (int i = 0; i < 10; i++) {
        if (set_count(w, COUNT_SET, count).code == 0)
            return;
        run_for(w, 10 * USEC_SEC);
    }
    fail_msg("the count was refused for ever");
}

/* A world whose engine is counted, `ops` belongs to it. */
static void prepare_counted(struct world *w, struct cyclecloud_provider_ops *ops) {
    prepare(w);
    fake = fake_cloud_provider(w->cloud);
    *ops = *fake.ops;
    ops->submit = uncounted_submit;
    engine_end(w);
    w->provider = (struct cyclecloud_provider){ops, fake.self};
    w->tick = counted_tick;
    engine_begin(w);
}

/* From now on the nth allocation fails; 0: none does. */
static void fail_at(unsigned nth) {
    memory.made = 0;
    memory.fail_at = nth;
    memory.failed = false;
}

/* A whole life in which the nth allocation fails. Returns how many there were. */
static unsigned life(unsigned nth) {
    struct world w;
    struct cyclecloud_provider_ops ops;
    prepare_counted(&w, &ops);
    fail_at(nth);
    insist(&w, 5);
    expect_ready(&w, 6);
    insist(&w, 2);
    expect_ready(&w, 3);
    while (set_target(&w, TARGET_TERMINATED).code < 0)
        run_for(&w, 10 * USEC_SEC);
    expect_off(&w);
    assert_true(fake_cloud_peak(w.cloud) <= 6);
    assert_true(nth == 0 || memory.failed);
    memory.fail_at = 0;
    world_end(&w);
    return memory.made;
}

static void test_one_failure_anywhere(void **state) {
    (void)state;
    unsigned all = life(0);
    assert_true(all > 10 * PLACES);
    for (unsigned i = 0; i < PLACES; i++)
        (void)life(1 + (unsigned)((uint64_t)i * all / PLACES));
}

static void ask_for_console(struct world *w, uint64_t node_id) {
    struct answer_seen a = {.code = -1};
    for (int i = 0; i < 10 && a.code != 0; i++) {
        struct command *c = on_cluster(w, COMMAND_CONTROL);
        c->node_id = node_id;
        command_set_name(c, "console");
        a = do_command(w, c);
        run_for(w, a.code ? 10 * USEC_SEC : 0);
    }
    assert_int_equal(a.code, 0);
}

/* A console is asked for and read, while the nth allocation fails. Returns how many there were. */
static unsigned read_console(unsigned nth) {
    struct world w;
    struct cyclecloud_provider_ops ops;
    fail_at(0);
    prepare_counted(&w, &ops);
    insist(&w, 1);
    expect_ready(&w, 2);
    const struct snapshot *s = model_acquire(w.model);
    uint64_t id = cluster_node_named(snapshot_cluster_named(s, "hpc"), "head")->id;
    model_release(s);
    fail_at(nth);
    ask_for_console(&w, id);
    run_for(&w, 10 * USEC_SEC);
    unsigned made = memory.made;
    run_for(&w, 5 * USEC_MIN);
    struct buf b = BUF_INIT(1 << 20);
    assert_int_equal(console_read(w.store, id, &b), 0);
    assert_string_equal(b.data, "booted\n");
    assert_true(nth == 0 || memory.failed);
    buf_done(&b);
    fail_at(0);
    world_end(&w);
    return made;
}

static void test_a_console_is_read_all_the_same(void **state) {
    (void)state;
    unsigned all = read_console(0);
    assert_true(all > 20);
    for (unsigned nth = 1; nth <= all; nth++)
        (void)read_console(nth);
}

static unsigned told;

static void count_told(void *arg, const struct change *changes, size_t n) {
    (void)arg;
    assert_true(changes ? n > 0 : n == 0);
    told++;
}

/* A write whose nth allocation fails. False: it has not so many. */
static bool write_once(unsigned nth) {
    struct world w;
    struct cyclecloud_provider_ops ops;
    fail_at(0);
    prepare_counted(&w, &ops);
    engine_end(&w);
    w.published = count_told;
    engine_begin(&w);
    (void)counted_tick(w.engine);
    told = 0;
    fail_at(nth);
    if (set_count(&w, COUNT_SET, 2).code == 0)
        assert_true(told > 0);
    bool failed = memory.failed;
    fail_at(0);
    world_end(&w);
    forget_answers();
    return failed;
}

/* What was published is announced, and be it as "everything". */
static void test_every_publication_is_announced(void **state) {
    (void)state;
    unsigned nth = 1;
    while (write_once(nth))
        nth++;
    assert_true(nth > 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_failure_anywhere),
        cmocka_unit_test(test_a_console_is_read_all_the_same),
        cmocka_unit_test(test_every_publication_is_announced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
