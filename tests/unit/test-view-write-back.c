/* SPDX-License-Identifier: MIT */
/* Writing back what was read: every writable file, in every state of a cluster and of its nodes. */
#include "test-view-fixture.h"

#include "model/limits.h"

#define WRITABLE_MIN 18u /* so many at least are found in the fixture's tree */

/* One state of the fixture's clusters. */
struct state {
    const char *name;
    enum cluster_state cluster;
    enum target target;
    enum node_status node; /* of execute-1 */
    bool template, refused, array_gone;
};

static const struct state states[] = {
    {"started", CLUSTER_STARTED, TARGET_STARTED, NODE_READY, true, false, false},
    {"off", CLUSTER_OFF, TARGET_TERMINATED, NODE_OFF, true, false, false},
    {"starting", CLUSTER_STARTING, TARGET_STARTED, NODE_ACQUIRING, true, false, false},
    {"terminating", CLUSTER_TERMINATING, TARGET_TERMINATED, NODE_TERMINATING, true, false, false},
    {"failed", CLUSTER_FAILED, TARGET_STARTED, NODE_FAILED, true, false, false},
    {"with an error", CLUSTER_STARTED, TARGET_STARTED, NODE_DEALLOCATED, true, true, false},
    {"without template", CLUSTER_OFF, TARGET_TERMINATED, NODE_TERMINATED, false, false, false},
    {"with a removed array", CLUSTER_STARTED, TARGET_STARTED, NODE_PREPARING, true, false, true},
    {"with a node that ends", CLUSTER_STARTED, TARGET_STARTED, NODE_DEALLOCATING, true, false,
     false},
};

static void put(struct str **to, const char *text) {
    struct str *made = text ? str_new_c(text) : NULL;
    assert_true(!text || made);
    str_unref(*to);
    *to = made;
}

static void enter(struct fixture *f, const struct state *s) {
    struct builder *b = fixture_begin(f);
    struct cluster *c = builder_cluster(b, ID_HPC, DURABLE);
    struct node *n = builder_node(b, ID_HPC, ID_EXECUTE_1, DURABLE);
    struct array *a = builder_array(b, ID_HPC, ID_EXECUTE, DURABLE);
    assert_true(c && n && a);
    c->state = s->cluster;
    c->target = s->target;
    n->status = s->node;
    a->gone = s->array_gone;
    put(&c->template.text, s->template ? "[cluster hpc]\n" : NULL);
    put(&c->outcome, s->refused ? "refused: state: \"x\"" : "ok");
    put(&c->rejected_template.text, s->refused ? "[clutser]\n" : NULL);
    fixture_publish(f, b);
}

struct walk {
    const struct fixture *f;
    const struct state *state;
    size_t written;
};

static void write_back(struct walk *w, const struct view_ref *ref) {
    _cleanup_buf_ struct buf text = BUF_INIT(LIMIT_RENDER_BYTES);
    _cleanup_error_ struct error err = ERROR_INIT;
    _cleanup_(command_freep) struct command *c = NULL;
    struct view_ctx ctx;
    assert_int_equal(view_context(&w->f->gateway, w->f->snapshot, ref, &ctx), 0);
    if (!ref->entry->store || !ref->entry->show)
        return;
    assert_int_equal(view_show(&ctx, ref, &text), 0);
    w->written++;
    int r = view_store(&ctx, ref->entry, (struct view_text){text.data, text.len}, &c, &err);
    if (r < 0)
        fail_msg("%s: %s: %s", w->state->name, ref->entry->name, err_text(&err));
    bool refused = ctx.cluster && ctx.cluster->id == ID_HPC && w->state->refused;
    if (refused != (c != NULL) || (c && c->type != COMMAND_UNCHANGED))
        fail_msg("%s: %s: command %d", w->state->name, ref->entry->name, c ? (int)c->type : -1);
}

/* Here and below. Links lead to what is seen elsewhere. */
static int visit(void *arg, const char *name, const struct view_ref *ref, uint64_t cookie) {
    struct walk *w = arg;
    (void)name;
    (void)cookie;
    if (ref->link)
        return 0;
    if (!ref->entry->dir) {
        write_back(w, ref);
        return 0;
    }
    struct view_listing all = {.visit = visit, .arg = w};
    return view_list(&w->f->gateway, w->f->snapshot, ref, &all);
}

static void test_what_was_read_is_written(void **state) {
    for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
        struct view_ref root = view_root();
        struct walk w = {.f = *state, .state = &states[i]};
        enter(*state, &states[i]);
        assert_int_equal(visit(&w, "", &root, 0), 0);
        assert_true(w.written >= WRITABLE_MIN);
    }
}

/* Blanks around a value do not matter. */
static void test_blanks(void **state) {
    static const char *const texts[] = {"off", " off\n\n", "off\r\n"};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct view_ref ref;
        struct view_ctx ctx = fixture_context(*state, "/empty/state", &ref);
        _cleanup_error_ struct error err = ERROR_INIT;
        struct command *c = NULL;
        struct view_text text = {texts[i], strlen(texts[i])};
        assert_int_equal(view_store(&ctx, ref.entry, text, &c, &err), 0);
        assert_null(c);
    }
}

/* `control` of another moment, as a backup has it: comments do nothing, a verb between them acts.
 */
static void test_comments(void **state) {
    static const struct {
        const char *text, *verb;
    } texts[] = {
        {"# start  starts\n", NULL},
        {"#start\n\n  # terminate\n", NULL},
        {"# retry\nretry\n", "retry"},
        {"  terminate\n# x", "terminate"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct view_ref ref;
        struct view_ctx ctx = fixture_context(*state, "/empty/control", &ref);
        _cleanup_error_ struct error err = ERROR_INIT;
        _cleanup_(command_freep) struct command *c = NULL;
        struct view_text text = {texts[i].text, strlen(texts[i].text)};
        assert_int_equal(view_store(&ctx, ref.entry, text, &c, &err), 0);
        assert_true(c ? texts[i].verb && strcmp(c->name, texts[i].verb) == 0 : !texts[i].verb);
    }
}

/* A value that differs is a command, whatever the last write was. */
static void test_another_value(void **state) {
    static const struct {
        const char *path, *text;
    } writes[] = {{"/empty/state", "started\n"},
                  {"/hpc/nodes/count", "1\n"},
                  {"/hpc/template", "[cluster hpc]\n"},
                  {"/hpc/control", "terminate\n"}};
    for (size_t i = 0; i < ARRAY_SIZE(writes); i++) {
        struct view_ref ref;
        struct view_ctx ctx = fixture_context(*state, writes[i].path, &ref);
        _cleanup_error_ struct error err = ERROR_INIT;
        _cleanup_(command_freep) struct command *c = NULL;
        struct view_text text = {writes[i].text, strlen(writes[i].text)};
        assert_int_equal(view_store(&ctx, ref.entry, text, &c, &err), 0);
        assert_non_null(c);
        assert_int_not_equal(c->type, COMMAND_UNCHANGED);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_what_was_read_is_written),
        TEST(test_blanks),
        TEST(test_comments),
        TEST(test_another_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
