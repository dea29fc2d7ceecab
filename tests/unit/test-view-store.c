/* SPDX-License-Identifier: MIT */
#include "test-view-fixture.h"

#include "model/limits.h"

#include <stdlib.h>

/* Writes `text` to the file: the command, or NULL with the refusal in `err`. */
static struct command *write_to(const struct fixture *f, const char *path, const char *text,
                                struct error *err) {
    struct view_ref ref;
    struct view_ctx ctx = fixture_context(f, path, &ref);
    struct command *c = NULL;
    assert_non_null(ref.entry->store);
    int r = ref.entry->store(&ctx, text, strlen(text), &c, err);
    assert_int_equal(r, err->code);
    assert_true((r == 0) == (c != NULL));
    return c;
}

struct refusal {
    const char *path, *text;
    int code;
    const char *words;
};

#define NUMBER ": write a whole number such as 10, or ARRAY=NUMBER"
#define ONE_NUMBER ": write a whole number such as 10, +2 or -2"
#define MAX_HINT \
    ": write a whole number such as 10, max (no limit) or default (what the template says)"

static const struct refusal refusals[] = {
    {"/hpc/nodes/count", "ten\n", -EINVAL, "\"ten\" is not a number" NUMBER},
    {"/hpc/nodes/count", "\n", -EINVAL, "it is empty" NUMBER},
    {"/hpc/nodes/count", "", -EINVAL, "it is empty" NUMBER},
    {"/hpc/nodes/count", "1.5", -EINVAL, "\"1.5\" is not a number" NUMBER},
    {"/hpc/nodes/count", "+", -EINVAL, "\"+\" is not a number" NUMBER},
    {"/hpc/nodes/count", "--1", -EINVAL, "\"--1\" is not a number" NUMBER},
    {"/hpc/nodes/count", "execute=", -EINVAL, "\"execute=\" is not a number" NUMBER},
    {"/hpc/nodes/count", "=4", -EINVAL, "\"=4\" is not a number" NUMBER},
    {"/hpc/nodes/count", "execute = 4", -EINVAL, "\"execute\" is not a number" NUMBER},
    {"/hpc/nodes/count", "a\x01z", -EINVAL, "\"a?z\" is not a number" NUMBER},
    {"/hpc/nodes/count", "1 2", -EINVAL,
     "a number without a name stands among others: write one number, or ARRAY=NUMBER for each"},
    {"/hpc/nodes/count", "execute=1 2", -EINVAL,
     "a number without a name stands among others: write one number, or ARRAY=NUMBER for each"},
    {"/hpc/nodes/count", "execute=1 execute=2", -EINVAL,
     "array \"execute\" is named twice: name it once"},
    {"/hpc/nodes/count", "100001", -EDQUOT,
     "100001 is too many: a cluster has at most 100000 nodes"},
    {"/hpc/nodes/count", "+99999999999999999999999", -EDQUOT,
     "+99999999999999999999999 is too many: a cluster has at most 100000 nodes"},
    {"/hpc/arrays/execute/count", "ten", -EINVAL, "\"ten\" is not a number" ONE_NUMBER},
    {"/hpc/arrays/execute/count", "execute=3", -EINVAL,
     "this file is one array's own: write a number without a name, or write execute=NUMBER to "
     "nodes/count"},
    {"/hpc/arrays/execute/max_count", "-1", -EINVAL, "\"-1\" is not a number" MAX_HINT},
    {"/hpc/arrays/execute/max_count", " ", -EINVAL, "it is empty" MAX_HINT},
    {"/hpc/arrays/execute/max_count", "100001", -EDQUOT,
     "100001 is too many: a cluster has at most 100000 nodes"},
    {"/hpc/state", "off", -EINVAL, "\"off\" is no state to ask for: write started or terminated"},
    {"/hpc/state", "deallocated", -EINVAL,
     "only a node can be deallocated: write started or terminated"},
    {"/hpc/nodes/execute-1/state", "Ready", -EINVAL,
     "\"Ready\" is no state to ask for: write started, terminated or deallocated"},
    {"/hpc/nodes/execute-1/keepalive", "maybe", -EINVAL,
     "\"maybe\" is neither true nor false: write true or false"},
    {"/hpc/control", "stat", -EINVAL,
     "unknown verb \"stat\": write one of start, terminate, retry"},
    {"/hpc/control", "deallocate", -EINVAL,
     "unknown verb \"deallocate\": write one of start, terminate, retry"},
    {"/hpc/control", "", -EINVAL, "it is empty: write a verb such as terminate"},
    {"/hpc/arrays/execute/control", "start", -EINVAL,
     "unknown verb \"start\": write one of terminate, retry"},
    {"/empty/volumes/home/control", "format", -EINVAL,
     "unknown verb \"format\": write one of delete"},
    {"/system/orphans/stray/control", "adopt", -EINVAL,
     "unknown verb \"adopt\": write one of terminate"},
    {"/hpc/nodes/execute-1/control", "explode", -EINVAL,
     "unknown verb \"explode\": write one of start, deallocate, shutdown, terminate, remove, "
     "retry, console"},
};

static void test_refusals(void **state) {
    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
        const struct refusal *w = &refusals[i];
        _cleanup_error_ struct error err = ERROR_INIT;
        _cleanup_(command_freep) struct command *c = write_to(*state, w->path, w->text, &err);
        if (c || err.code != w->code || strcmp(err_text(&err), w->words) != 0)
            fail_msg("%s \"%s\": %d %s", w->path, w->text, err.code, err_text(&err));
    }
}

/* A write to each writable file of one value, as one line of what the command says. */
struct accepted {
    const char *path, *text, *command;
};

static const struct accepted accepted[] = {
    {"/hpc/nodes/count", "10\n", "count cluster=10 array=0 node=0: =10"},
    {"/hpc/nodes/count", " 0 \r\n", "count cluster=10 array=0 node=0: =0"},
    {"/hpc/nodes/count", "+2", "count cluster=10 array=0 node=0: +2"},
    {"/hpc/nodes/count", "-3", "count cluster=10 array=0 node=0: -3"},
    {"/hpc/nodes/count", "execute=10 htc=+1", "count cluster=10 array=0 node=0: execute=10 htc+1"},
    {"/hpc/nodes/count", "a=-1\nb=7\n", "count cluster=10 array=0 node=0: a-1 b=7"},
    {"/hpc/nodes/count", "100000", "count cluster=10 array=0 node=0: =100000"},
    {"/empty/nodes/count", "1", "count cluster=30 array=0 node=0: =1"},
    {"/hpc/arrays/execute/count", "5", "count cluster=10 array=11 node=0: =5"},
    {"/hpc/arrays/execute/count", "+5", "count cluster=10 array=11 node=0: +5"},
    {"/hpc/arrays/execute/max_count", "5", "max_count cluster=10 array=11 node=0: 5"},
    {"/hpc/arrays/execute/max_count", "0", "max_count cluster=10 array=11 node=0: 0"},
    {"/hpc/arrays/execute/max_count", "default", "max_count cluster=10 array=11 node=0: -1"},
    {"/hpc/arrays/execute/max_count", "max", "max_count cluster=10 array=11 node=0: 100000"},
    {"/hpc/arrays/htc/max_count", "max", "max_count cluster=10 array=12 node=0: -1"},
    {"/hpc/state", "started\n", "target cluster=10 array=0 node=0: started"},
    {"/hpc/state", "TERMINATED", "target cluster=10 array=0 node=0: terminated"},
    {"/hpc/nodes/execute-1/state", "Deallocated\n",
     "target cluster=10 array=0 node=20: deallocated"},
    {"/hpc/nodes/execute-1/keepalive", "true\n", "keepalive cluster=10 array=0 node=20: 1"},
    {"/hpc/nodes/execute-1/keepalive", "0", "keepalive cluster=10 array=0 node=20: 0"},
    {"/hpc/control", "retry\n", "control cluster=10 array=0 node=0: retry"},
    {"/hpc/control", " START ", "control cluster=10 array=0 node=0: start"},
    {"/hpc/arrays/execute/control", "terminate", "control cluster=10 array=11 node=0: terminate"},
    {"/hpc/nodes/execute-2/control", "remove", "control cluster=10 array=0 node=21: remove"},
    {"/hpc/template", "[cluster x]\n", "template cluster=10 array=0 node=0: [cluster x]\n"},
    {"/hpc/parameters", "A = 1\n", "parameters cluster=10 array=0 node=0: A = 1\n"},
    {"/empty/volumes/home/control", "delete\n", "control cluster=30 array=0 node=0: delete"},
    {"/system/orphans/stray/control", "terminate\n", "control cluster=0 array=0 node=0: terminate"},
    {"/system/config", "[server]\n", "config cluster=0 array=0 node=0: [server]\n"},
    {"/system/accounts/azure", "region = x\n",
     "account cluster=0 array=0 node=0: system/accounts/azureregion = x\n"},
};

static const char *const names[COMMAND_TYPE_MAX] = {
    [COMMAND_SET_COUNT] = "count",           [COMMAND_SET_MAX_COUNT] = "max_count",
    [COMMAND_SET_TARGET] = "target",         [COMMAND_SET_KEEPALIVE] = "keepalive",
    [COMMAND_CONTROL] = "control",           [COMMAND_SET_TEMPLATE] = "template",
    [COMMAND_SET_PARAMETERS] = "parameters", [COMMAND_SET_CONFIG] = "config",
    [COMMAND_SET_ACCOUNT] = "account",
};

static void describe_counts(const struct command *c, struct buf *b) {
    for (size_t i = 0; i < c->n_counts; i++)
        (void)buf_printf(b, "%s%s%c%lld", i ? " " : "",
                         c->counts[i].array ? c->counts[i].array : "", c->counts[i].sign,
                         (long long)c->counts[i].value);
}

static void describe(const struct command *c, struct buf *b) {
    assert_non_null(names[c->type]);
    assert_int_equal(c->caller_uid, 1000);
    assert_int_equal(c->caller_gid, 100);
    (void)buf_printf(b, "%s cluster=%llu array=%llu node=%llu: ", names[c->type],
                     (unsigned long long)c->cluster_id, (unsigned long long)c->array_id,
                     (unsigned long long)c->node_id);
    describe_counts(c, b);
    if (c->type == COMMAND_SET_MAX_COUNT)
        (void)buf_printf(b, "%lld", (long long)c->number);
    if (c->type == COMMAND_SET_TARGET)
        (void)buf_puts(b, target_name(c->target));
    if (c->type == COMMAND_SET_KEEPALIVE)
        (void)buf_printf(b, "%d", c->flag);
    if (c->name)
        (void)buf_puts(b, c->name);
    if (c->text)
        (void)buf_puts(b, c->text);
}

static void test_commands(void **state) {
    for (size_t i = 0; i < ARRAY_SIZE(accepted); i++) {
        const struct accepted *w = &accepted[i];
        _cleanup_error_ struct error err = ERROR_INIT;
        _cleanup_buf_ struct buf b = BUF_INIT(4096);
        _cleanup_(command_freep) struct command *c = write_to(*state, w->path, w->text, &err);
        if (!c)
            fail_msg("%s \"%s\": %s", w->path, w->text, err_text(&err));
        describe(c, &b);
        assert_string_equal(b.data, w->command);
    }
}

static bool written(const struct fixture *f, const struct view_entry *entry) {
    for (size_t i = 0; i < ARRAY_SIZE(accepted); i++) {
        struct view_ref ref;
        if (fixture_find(f, accepted[i].path, &ref) == 0 && ref.entry == entry)
            return true;
    }
    return false;
}

static size_t count_stores(const struct fixture *f, const struct view_entry *entry) {
    size_t n = 0;
    for (size_t i = 0; entry->dir && i < entry->dir->n_entries; i++)
        n += count_stores(f, &entry->dir->entries[i]);
    if (!entry->store)
        return n;
    assert_int_equal(entry->mode & 0222, 0200);
    if (!written(f, entry))
        fail_msg("no test writes %s", entry->name);
    return n + 1;
}

static void test_every_writable_row_is_written(void **state) {
    static const char *const tops[] = {"/",
                                       "/hpc",
                                       "/hpc/arrays/execute",
                                       "/hpc/nodes/execute-1",
                                       "/system/accounts/azure",
                                       "/hpc/volumes/home",
                                       "/system/orphans/stray"};
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_SIZE(tops); i++) {
        struct view_ref ref;
        assert_int_equal(fixture_find(*state, tops[i], &ref), 0);
        n += count_stores(*state, ref.entry);
    }
    assert_int_equal(n, 1 + 1 + 1 + 1 + 5 + 3 + 3);
}

static void test_too_long_values(void **state) {
    char text[LIMIT_VALUE_BYTES + 2];
    memset(text, '1', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    static const char *const paths[] = {"/hpc/nodes/count", "/hpc/state", "/hpc/control",
                                        "/hpc/nodes/execute-1/keepalive"};
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        _cleanup_error_ struct error err = ERROR_INIT;
        assert_null(write_to(*state, paths[i], text, &err));
        assert_int_equal(err.code, -E2BIG);
        assert_non_null(strstr(err_text(&err), "4097 bytes are too many for a value"));
    }
    text[LIMIT_VALUE_BYTES] = '\0';
    _cleanup_error_ struct error err = ERROR_INIT;
    assert_null(write_to(*state, "/hpc/control", text, &err));
    assert_int_equal(err.code, -EINVAL);
    assert_true(strlen(err_text(&err)) < 200);
    assert_non_null(strstr(err_text(&err), "111...\": write one of"));
}

static void test_nul_bytes_are_refused(void **state) {
    static const char *const paths[] = {"/hpc/nodes/count", "/hpc/parameters", "/system/config",
                                        "/system/accounts/azure"};
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        struct view_ref ref;
        struct command *c = NULL;
        _cleanup_error_ struct error err = ERROR_INIT;
        struct view_ctx ctx = fixture_context(*state, paths[i], &ref);
        assert_int_equal(ref.entry->store(&ctx, "1\0002", 3, &c, &err), -EINVAL);
        assert_non_null(strstr(err_text(&err), "NUL"));
    }
}

static void test_too_large_documents(void **state) {
    struct view_ref ref;
    struct command *c = NULL;
    _cleanup_error_ struct error err = ERROR_INIT;
    _cleanup_free_ char *text = malloc(LIMIT_DOCUMENT_BYTES + 1);
    assert_non_null(text);
    memset(text, '#', LIMIT_DOCUMENT_BYTES + 1);
    struct view_ctx ctx = fixture_context(*state, "/hpc/template", &ref);
    assert_int_equal(ref.entry->store(&ctx, text, LIMIT_DOCUMENT_BYTES + 1, &c, &err), -EFBIG);
    assert_string_equal(err_text(&err),
                        "it has 4194305 bytes, and at most 4194304 are taken: shorten it");
    err_done(&err);
    assert_int_equal(ref.entry->store(&ctx, text, LIMIT_DOCUMENT_BYTES, &c, &err), 0);
    assert_true(c->len == LIMIT_DOCUMENT_BYTES);
    command_free(c);
}

static void test_template_is_checked_on_the_way(void **state) {
    struct view_ref ref;
    (void)fixture_context(*state, "/hpc/template", &ref);
    static const char good[] = "[cluster x]\n[[node", bad[] = "[clutser x]\n";
    _cleanup_error_ struct error err = ERROR_INIT;
    assert_non_null(ref.entry->check);
    assert_int_equal(ref.entry->check(good, strlen("[cluster x]\n"), &err), 0);
    assert_int_equal(ref.entry->check(bad, strlen(bad), &err), -EINVAL);
    assert_non_null(strstr(err_text(&err), "clutser"));
}

struct making {
    const char *dir, *name;
    int code;
    const char *words;
};

#define NAME_300                                                                                \
    "a2345678901234567890123456789012345678901234567890123456789012345678901234567890123456789" \
    "01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678" \
    "90123456789012345678901234567890123456789012345678901234567890123456789012345678901234567" \
    "890123456789012345678901234567890"

#define NO_MKDIR                                                                                 \
    "no directory can be made here: mkdir makes clusters at the top, nodes in nodes/ and users " \
    "in "                                                                                        \
    "users/"

static const struct making makings[] = {
    {"/", "new", 0, ""},
    {"/", "a2345678901234567890123456789012345678901234567890123456789012_", 0, ""},
    {"/", "hpc", -EEXIST, "a cluster \"hpc\" exists already: choose another name"},
    {"/", "jobs", -EINVAL, "the name \"jobs\" is reserved: choose another"},
    {"/", "status", -EINVAL, "the name \"status\" is reserved: choose another"},
    {"/", ".git", -EINVAL, "the name \".git\" is reserved: choose another"},
    {"/", "hpc~", -EINVAL, "the name \"hpc~\" is reserved: choose another"},
    {"/", "my cluster", -EINVAL,
     "\"my cluster\" is not a name: use at most 63 letters, digits, _ and -, beginning with a "
     "letter or digit"},
    {"/", "-x", -EINVAL,
     "\"-x\" is not a name: use at most 63 letters, digits, _ and -, beginning with a letter or "
     "digit"},
    {"/", "a23456789012345678901234567890123456789012345678901234567890123_", -EINVAL,
     "\"a23456789012345678901234567890123456789012345678901234567890123_\" is not a name: use at "
     "most 63 letters, digits, _ and -, beginning with a letter or digit"},
    {"/", NAME_300, -ENAMETOOLONG,
     "the name has 300 characters: use at most 63 letters, digits, _ and -"},
    {"/hpc/nodes", "extra", 0, ""},
    {"/hpc/nodes", "status", 0, ""}, /* reserved at the top alone */
    {"/hpc/nodes", "execute-1", -EEXIST,
     "a node \"execute-1\" exists already: choose another name"},
    {"/hpc/nodes", "count", -EEXIST, "nodes/count is a file: choose another name for the node"},
    {"/hpc/nodes", "a.b", -EINVAL,
     "\"a.b\" is not a name: use at most 63 letters, digits, _ and -, beginning with a letter or "
     "digit"},
    {"/hpc", "x", -EPERM, NO_MKDIR},
    {"/hpc/arrays", "x", -EPERM, NO_MKDIR},
    {"/hpc/arrays/execute/nodes", "x", -EPERM, NO_MKDIR},
    {"/system", "x", -EPERM, NO_MKDIR},
};

static void test_mkdir(void **state) {
    for (size_t i = 0; i < ARRAY_SIZE(makings); i++) {
        const struct making *m = &makings[i];
        struct view_ref dir;
        struct view_ctx ctx = fixture_context(*state, m->dir, &dir);
        _cleanup_error_ struct error err = ERROR_INIT;
        _cleanup_(command_freep) struct command *c = NULL;
        int r = view_mkdir(&ctx, &dir, &(struct view_new){m->name, 0775}, &c, &err);
        if (r != m->code || (r < 0 && strcmp(err_text(&err), m->words) != 0))
            fail_msg("mkdir %s in %s: %d %s", m->name, m->dir, r, err_text(&err));
        if (r < 0)
            continue;
        assert_string_equal(c->name, m->name);
        assert_int_equal(c->caller_uid, 1000);
        bool cluster = strcmp(m->dir, "/") == 0;
        assert_int_equal(c->type, cluster ? COMMAND_CREATE_CLUSTER : COMMAND_CREATE_NODE);
        assert_int_equal(c->cluster_id, cluster ? 0 : ID_HPC);
        assert_int_equal(c->mode, cluster ? 0755 : 0);
        assert_int_equal(c->uid, cluster ? 1000 : 0);
        assert_int_equal(c->gid, cluster ? 100 : 0);
    }
}

static void test_rmdir(void **state) {
    static const struct {
        const char *path;
        int code; /* or the type of the command */
        uint64_t cluster_id, node_id;
    } removals[] = {
        {"/hpc", COMMAND_REMOVE_CLUSTER, ID_HPC, 0},
        {"/hpc/nodes/execute-1", COMMAND_REMOVE_NODE, ID_HPC, ID_EXECUTE_1},
        {"/", -EPERM, 0, 0},
        {"/system", -EPERM, 0, 0},
        {"/hpc/nodes", -EPERM, 0, 0},
        {"/hpc/arrays", -EPERM, 0, 0},
        {"/hpc/arrays/execute", -EPERM, 0, 0},
        {"/hpc/state", -ENOTDIR, 0, 0},
        {"/hpc/arrays/execute/nodes/execute-1", -ENOTDIR, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(removals); i++) {
        struct view_ref ref;
        struct view_ctx ctx = fixture_context(*state, removals[i].path, &ref);
        _cleanup_error_ struct error err = ERROR_INIT;
        _cleanup_(command_freep) struct command *c = NULL;
        int r = view_rmdir(&ctx, &ref, &c, &err);
        assert_int_equal(r < 0 ? r : (int)c->type, removals[i].code);
        assert_true(r < 0 || c->cluster_id == removals[i].cluster_id);
        assert_true(r < 0 || c->node_id == removals[i].node_id);
        assert_true(r == 0 || err.msg);
    }
}

static void test_rename(void **state) {
    static const struct {
        const char *path, *name;
        int code;
    } renames[] = {
        {"/hpc", "new", 0},
        {"/hpc", "empty", -EEXIST},
        {"/hpc", "users", -EINVAL},
        {"/hpc", "a b", -EINVAL},
        {"/hpc/nodes/execute-1", "other", -EPERM},
        {"/hpc/arrays/execute", "other", -EPERM},
        {"/system", "other", -EPERM},
    };
    for (size_t i = 0; i < ARRAY_SIZE(renames); i++) {
        struct view_ref ref;
        struct view_ctx ctx = fixture_context(*state, renames[i].path, &ref);
        _cleanup_error_ struct error err = ERROR_INIT;
        _cleanup_(command_freep) struct command *c = NULL;
        assert_int_equal(view_rename(&ctx, &ref, renames[i].name, &c, &err), renames[i].code);
        if (renames[i].code < 0)
            continue;
        assert_int_equal(c->type, COMMAND_RENAME_CLUSTER);
        assert_int_equal(c->cluster_id, ID_HPC);
        assert_string_equal(c->name, "new");
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_refusals),
        TEST(test_commands),
        TEST(test_every_writable_row_is_written),
        TEST(test_too_long_values),
        TEST(test_nul_bytes_are_refused),
        TEST(test_too_large_documents),
        TEST(test_template_is_checked_on_the_way),
        TEST(test_mkdir),
        TEST(test_rmdir),
        TEST(test_rename),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
