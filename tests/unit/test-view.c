/* SPDX-License-Identifier: MIT */
#include "test-view-fixture.h"

#include "model/limits.h"
#include "store/console.h"

#include <stdlib.h>
#include <sys/stat.h>

/* Every value in the tree, by path. A row added to a table without a line here or in
   test-view-render fails test_every_row_is_read. */
struct expectation {
    const char *path, *contents;
};

#define RENDERED "*" /* see test-view-render */

static const struct expectation expectations[] = {
    {"/README", RENDERED},
    {"/status", RENDERED},
    {"/metrics", RENDERED},
    {"/last_error", "refused: mkdir: the name is reserved\n"},
    {"/templates", "/srv/templates"},
    {"/users/alice/uid", "20001\n"},
    {"/users/alice/gid", "100\n"},
    {"/users/alice/role", "admin\n"},
    {"/users/alice/shell", "/bin/bash\n"},
    {"/users/alice/authorized_keys", "# laptop\n"},
    {"/users/alice/disabled", "false\n"},
    {"/system/config", "[server]\n"},
    {"/system/trace", "one request\n"},
    {"/system/accounts/azure", "region = eastus\nclient_secret = ********\n"},
    {"/system/orphans/stray/resource_id", "/subscriptions/s/vm/stray\n"},
    {"/system/orphans/stray/account", "azure\n"},
    {"/system/orphans/stray/region", "eastus\n"},
    {"/system/orphans/stray/group", "old-group\n"},
    {"/system/orphans/stray/machine_type", "Standard_F2s_v2\n"},
    {"/system/orphans/stray/zone", "3\n"},
    {"/system/orphans/stray/cluster_id", "7\n"},
    {"/system/orphans/stray/found_at", "2023-11-14T22:13:20.000Z\n"},
    {"/system/orphans/stray/state", "left\n"},
    {"/system/orphans/stray/message", "the cloud does not answer\n"},
    {"/system/orphans/stray/control", "# terminate   deletes the VM\n"},
    {"/system/alerts/hpc-execute-quota", "since: 2023-11-14T22:13:20.000Z\n"
                                         "cluster: hpc\n"
                                         "array: execute\n"
                                         "kind: quota\n"
                                         "1 node: 120 of 120 cores are used\n"},
    {"/hpc/alerts", "one\ntwo\n"},
    {"/empty/alerts", ""},
    {"/system/version", "9.9.9\n"},
    {"/system/health", "ok\n"},
    {"/system/limits", RENDERED},
    {"/system/machine_types", RENDERED},
    {"/system/quotas", RENDERED},
    {"/system/prices", "NAME                 ACCOUNT  REGION      CURRENCY  HOUR     SPOT_HOUR\n"
                       "Standard_HB120rs_v3  azure    westeurope  USD       3600000  360000\n"},
    {"/hpc/template", "[cluster hpc]\n# verbatim"},
    {"/hpc/parameters", "{\n  \"Password\": \"********\"\n}\n"},
    {"/hpc/parameters.schema", "{\"type\":\"object\"}\n"},
    {"/hpc/definition", "{\"cluster\":{}}\n"},
    {"/hpc/definition.origin", "{\"cluster.X\":{}}\n"},
    {"/hpc/plan",
     "wait: execute-2: quota\n\nnodes that run keep their definition; nodes started from now on "
     "get\nnodes.head.Attributes.Zone: none -> \"1\"\n"},
    {"/hpc/state", "started\n"},
    {"/hpc/control", "# terminate   terminates all nodes and deletes what they use in the cloud\n"
                     "# retry       tries failed and held nodes again now\n"},
    {"/hpc/status", RENDERED},
    {"/hpc/status.json", RENDERED},
    {"/hpc/metrics", RENDERED},
    {"/hpc/usage", "{\n"
                   "  \"from\": \"2023-11-14T22:13:20.000Z\",\n"
                   "  \"to\": \"2023-11-14T22:13:20.000Z\",\n"
                   "  \"total\": {\"nodes\": 1, \"node_hours\": 3.0000, \"core_hours\": 124.0000, "
                   "\"cost_micro\": 530000, \"currency\": \"USD\", "
                   "\"unpriced_node_hours\": 0.0000},\n"
                   "  \"breakdown\": [\n"
                   "    {\"array\": \"htc\", \"machine_type\": \"Standard_F2s_v2\", \"spot\": "
                   "false, \"nodes\": 0, \"node_hours\": 2.0000, \"core_hours\": 4.0000, "
                   "\"cost_micro\": 170000, \"currency\": \"USD\", "
                   "\"unpriced_node_hours\": 0.0000},\n"
                   "    {\"array\": \"execute\", \"machine_type\": \"Standard_HB120rs_v3\", "
                   "\"spot\": true, \"nodes\": 1, \"node_hours\": 1.0000, \"core_hours\": "
                   "120.0000, \"cost_micro\": 360000, \"currency\": \"USD\", "
                   "\"unpriced_node_hours\": 0.0000}\n"
                   "  ]\n}\n"},
    {"/hpc/error", "refused: nodes/count: \"ten\" is not a number\n"
                   "warning: unknown parameter Foo\n"
                   "missing: SubnetId (Subnet): needed to start\n"},
    {"/hpc/arrays/execute/count", "2\n"},
    {"/hpc/arrays/execute/max_count", "100\n"},
    {"/hpc/arrays/htc/max_count", "max\n"},
    {"/hpc/arrays/execute/cores", "120\n"},
    {"/hpc/arrays/execute/machine_type", "Standard_HB120rs_v3,Standard_HB120rs_v2\n"},
    {"/hpc/arrays/execute/buckets", RENDERED},
    {"/hpc/arrays/htc/buckets", RENDERED},
    {"/hpc/arrays/execute/attributes",
     "{\"MachineType\":\"Standard_HB120rs_v3\",\"Interruptible\":true}\n"},
    {"/hpc/arrays/execute/control",
     "# terminate   terminates all nodes of this array that have no keepalive\n"
     "# retry       tries failed and held nodes of this array again now\n"},
    {"/hpc/arrays/htc/control", "# no verb is allowed now\n"},
    {"/hpc/volumes/home/resource_id", "/subscriptions/s/disks/home\n"},
    {"/hpc/volumes/home/size", "128\n"},
    {"/hpc/volumes/home/attached_to", "scheduler\n"},
    {"/hpc/volumes/home/state", "ready\n"},
    {"/hpc/volumes/home/message", "the cloud is busy\n"},
    {"/hpc/volumes/home/control", "# no verb is allowed now\n"},
    {"/empty/volumes/home/attached_to", "\n"},
    {"/empty/volumes/home/control",
     "# delete      deletes the disk: all data on it is lost for ever\n"},
    {"/hpc/nodes/count", "2\n"},
    {"/hpc/nodes/execute-1/state", "started\n"},
    {"/hpc/nodes/execute-2/state", "allocation\n"},
    {"/hpc/nodes/execute-1/status", "Ready\n"},
    {"/hpc/nodes/execute-1/phase", "Cloud.AwaitInstallation\n"},
    {"/hpc/nodes/execute-1/array", "execute\n"},
    {"/hpc/nodes/execute-1/machine_type", "Standard_HB120rs_v3\n"},
    {"/hpc/nodes/execute-2/machine_type", "\n"},
    {"/hpc/nodes/execute-1/hostname", "ip-0A000005\n"},
    {"/hpc/nodes/execute-1/private_ip", "10.0.0.5\n"},
    {"/hpc/nodes/execute-1/public_ip", "20.1.2.3\n"},
    {"/hpc/nodes/execute-1/instance_id", "v7\n"},
    {"/hpc/nodes/execute-1/resource_id", "/subscriptions/s/vm7\n"},
    {"/hpc/nodes/execute-1/placement_group", "pg0\n"},
    {"/hpc/nodes/execute-1/zone", "2\n"},
    {"/hpc/nodes/execute-1/price", "360000 USD\n"}, /* spot */
    {"/hpc/nodes/scheduler/price", "\n"},
    {"/hpc/nodes/execute-1/keepalive", "false\n"},
    {"/hpc/nodes/scheduler/keepalive", "true\n"},
    {"/hpc/nodes/execute-1/attributes",
     "{\"MachineType\":\"Standard_HB120rs_v3\",\"Interruptible\":true}\n"},
    {"/hpc/nodes/execute-1/configuration", "{\"slurm\":{\"hpc\":true,\"key\":\"********\"}}\n"},
    {"/hpc/nodes/execute-1/metrics", RENDERED},
    {"/hpc/nodes/execute-1/control",
     "# deallocate  stops the VM and keeps its disks\n"
     "# shutdown    deallocates or terminates the node, as ShutdownPolicy says\n"
     "# terminate   deletes the VM\n"
     "# remove      deletes the VM and forgets the node\n"
     "# console     fetches the serial console into the file `console`\n"},
    {"/hpc/nodes/execute-1/console", ""},
    {"/hpc/nodes/scheduler/control", "# no verb is allowed now\n"},
    {"/hpc/nodes/execute-2/control",
     "# shutdown    deallocates or terminates the node, as ShutdownPolicy says\n"
     "# terminate   deletes the VM\n"
     "# remove      deletes the VM and forgets the node\n"
     "# retry       tries the node again now\n"},
    {"/hpc/nodes/execute-1/last_seen", "2023-11-14T22:15:20.000Z\n"},
    {"/hpc/nodes/execute-2/last_seen", "\n"},
    {"/hpc/arrays/execute/nodes/execute-1", "../../../nodes/execute-1"},
    {"/empty/template", ""},
    {"/empty/parameters", "{}\n"},
    {"/empty/parameters.schema", "{}\n"},
    {"/empty/definition", "{}\n"},
    {"/empty/definition.origin", "{}\n"},
    {"/empty/plan", "nothing to do\n"},
    {"/empty/state", "off\n"},
    {"/empty/control", "# no verb is allowed now\n"},
    {"/empty/error", "ok\n"},
    {"/empty/nodes/count", "0\n"},
};

static void test_values(void **state) {
    const struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_SIZE(expectations); i++) {
        const char *contents = fixture_read(f, expectations[i].path);
        if (strcmp(expectations[i].contents, RENDERED) == 0)
            continue;
        if (strcmp(contents, expectations[i].contents) != 0)
            fail_msg("%s reads \"%s\" instead of \"%s\"", expectations[i].path, contents,
                     expectations[i].contents);
    }
}

static bool expected(const struct view_entry *entry, const struct fixture *f) {
    for (size_t i = 0; i < ARRAY_SIZE(expectations); i++) {
        struct view_ref ref;
        if (fixture_find(f, expectations[i].path, &ref) == 0 && ref.entry == entry)
            return true;
    }
    return false;
}

struct walk {
    const struct fixture *f;
    struct view_ref dir;
    size_t files, directories, links;
    bool seen_rows[256];
};

static int visit_entry(void *arg, const char *name, const struct view_ref *ref, uint64_t cookie);

static void walk_directory(struct walk *w, const struct view_ref *dir) {
    struct view_ref before = w->dir;
    w->dir = *dir;
    assert_int_equal(
        view_list(&w->f->gateway, w->f->snapshot, dir, &(struct view_listing){0, visit_entry, w}),
        0);
    w->dir = before;
}

/* Found again by name, by inode, and from its parent. */
static void check_found(const struct walk *w, const char *name, const struct view_ref *ref) {
    const struct snapshot *s = w->f->snapshot;
    struct view_ref found, again, parent;
    struct view_ctx ctx, same;
    assert_int_equal(view_lookup(&w->f->gateway, s, &w->dir, name, &found), 0);
    assert_true(view_inode(&found) == view_inode(ref));
    assert_int_equal(view_from_inode(s, view_inode(ref), &again), 0);
    assert_ptr_equal(again.entry, ref->entry);
    assert_true(again.object_id == ref->object_id && again.link == ref->link);
    assert_true(again.via_id == ref->via_id);
    assert_int_equal(view_place(&w->f->gateway, s, view_inode(ref), &again, &same), 0);
    assert_int_equal(view_context(&w->f->gateway, s, ref, &ctx), 0);
    assert_true(again.entry == ref->entry && same.gateway == ctx.gateway && same.snapshot == s);
    assert_true(same.cluster == ctx.cluster && same.array == ctx.array && same.node == ctx.node &&
                same.item == ctx.item);
    assert_int_equal(view_parent(s, ref, &parent), 0);
    assert_true(view_inode(&parent) == view_inode(&w->dir));
}

/* A file or a link: its size is that of its contents, which hold no secret. */
static void check_contents(const struct walk *w, const struct view_ctx *ctx,
                           const struct view_ref *ref, const struct view_attr *attr) {
    _cleanup_buf_ struct buf b = BUF_INIT(LIMIT_RENDER_BYTES);
    if (!ref->link && !ref->entry->show) {
        assert_non_null(ref->entry->store); /* written and never read */
        assert_int_equal(view_show(ctx, ref, &b), -EINVAL);
        assert_true(attr->size == 0 && (attr->mode & 0444) == 0);
        return;
    }
    assert_int_equal(view_show(ctx, ref, &b), 0);
    assert_true(attr->size == b.len);
    assert_null(strstr(b.data, "hunter2"));
    if (!ref->link && !expected(ref->entry, w->f))
        fail_msg("no expectation for %s", ref->entry->name);
}

static int visit_entry(void *arg, const char *name, const struct view_ref *ref, uint64_t cookie) {
    struct walk *w = arg;
    struct view_ctx ctx;
    struct view_attr attr;
    assert_true(cookie > 0);
    check_found(w, name, ref);
    assert_int_equal(view_context(&w->f->gateway, w->f->snapshot, ref, &ctx), 0);
    ctx.uid = 1000;
    assert_int_equal(view_attr(&ctx, ref, &attr), 0);
    assert_true(attr.changed_at >= FIXTURE_TIME);
    w->seen_rows[ref->entry->row] = true;
    if (S_ISDIR(attr.mode)) {
        w->directories++;
        walk_directory(w, ref);
    } else if (ref->entry->kind != VIEW_STREAM) {
        check_contents(w, &ctx, ref, &attr);
    }
    w->files += S_ISREG(attr.mode);
    w->links += S_ISLNK(attr.mode);
    assert_true(ref->link || ref->entry->kind == VIEW_LINK || !S_ISLNK(attr.mode));
    return 0;
}

static void test_every_row_is_read(void **state) {
    struct walk w = {.f = *state};
    struct view_ref root = view_root();
    walk_directory(&w, &root);
    /* system, accounts, alerts, orphans, users, 2 x (cluster, arrays, nodes, volumes, a volume), 3
     * x (array, nodes), 3 nodes, a user, an orphan */
    assert_int_equal(w.directories, 5 + 10 + 6 + 3 + 2);
    assert_int_equal(w.links, 1 + 3); /* templates; `projects` leads nowhere and is not there */
    assert_true(w.files > 100);
    assert_false(w.seen_rows[0]);
}

/* Rows are in inode numbers that outlive the program, so each keeps its number for ever. */
static void test_inodes_are_stable(void **state) {
    static const struct {
        const char *path;
        uint64_t inode;
    } inodes[] = {
        {"/", 1},
        {"/README", 2},
        {"/system/quotas", 16},
        {"/users", 17},
        {"/system/accounts", 19},
        {"/system/orphans/stray", ID_ORPHAN << 8 | 228},
        {"/system/alerts/hpc-execute-quota", ID_ALERT << 8 | 248},
        {"/hpc/volumes", ID_HPC << 8 | 95},
        {"/hpc/volumes/home", ID_VOLUME << 8 | 249},
        {"/hpc/volumes/home/control", ID_VOLUME << 8 | 254},
        {"/system/accounts/azure", ID_AZURE << 8 | 220},
        {"/users/alice", ID_ALICE << 8 | 200},
        {"/users/alice/disabled", ID_ALICE << 8 | 207},
        {"/hpc", ID_HPC << 8 | 64},
        {"/hpc/template", ID_HPC << 8 | 126},
        {"/hpc/state", ID_HPC << 8 | 72},
        {"/hpc/nodes/count", ID_HPC << 8 | 83},
        {"/hpc/arrays/execute/count", ID_EXECUTE << 8 | 129},
        {"/hpc/nodes/execute-1", ID_EXECUTE_1 << 8 | 160},
        {"/hpc/nodes/execute-1/last_seen", ID_EXECUTE_1 << 8 | 180},
        {"/hpc/arrays/execute/nodes/execute-1",
         UINT64_C(1) << 63 | (uint64_t)(ID_EXECUTE_1 << 8 | 160)},
    };
    for (size_t i = 0; i < ARRAY_SIZE(inodes); i++) {
        struct view_ref ref;
        assert_int_equal(fixture_find(*state, inodes[i].path, &ref), 0);
        if (view_inode(&ref) != inodes[i].inode)
            fail_msg("%s has inode %llx", inodes[i].path, (unsigned long long)view_inode(&ref));
    }
}

struct order {
    const char *last[2];        /* the last names of rows in a listing */
    uint64_t documents, others; /* lowest inode of the former, highest of the latter */
};

static int visit_in_order(void *arg, const char *name, const struct view_ref *ref,
                          uint64_t cookie) {
    struct order *o = arg;
    uint64_t inode = view_inode(ref);
    (void)cookie;
    if (ref->entry->kind == VIEW_DOC && (!o->documents || inode < o->documents))
        o->documents = inode;
    if (ref->entry->kind != VIEW_DOC && inode > o->others)
        o->others = inode;
    o->last[0] = o->last[1];
    o->last[1] = name;
    return 0;
}

/* A copy brings the values first, to a cluster without a template: they start nothing. */
static void test_documents_are_copied_last(void **state) {
    const struct fixture *f = *state;
    struct view_ref ref;
    struct order o = {{NULL, NULL}, 0, 0};
    assert_int_equal(fixture_find(f, "/hpc", &ref), 0);
    struct view_listing all = {.visit = visit_in_order, .arg = &o};
    assert_int_equal(view_list(&f->gateway, f->snapshot, &ref, &all), 0);
    assert_string_equal(o.last[0], "template");
    assert_string_equal(o.last[1], "parameters");
    assert_true(o.documents > o.others);
}

static void test_what_is_not_there(void **state) {
    const struct fixture *f = *state;
    static const struct {
        const char *path;
        int code;
    } absent[] = {
        {"/nothing", -ENOENT},
        {"/projects", -ENOENT}, /* no directory is configured */
        {"/hpc/template.rejected", -ENOENT},
        {"/hpc/parameters.rejected", -ENOENT},
        {"/hpc/logs.1", -ENOENT},
        {"/hpc/arrays/htc/nodes/execute-1", -ENOENT}, /* another array's */
        {"/empty/nodes/execute-1", -ENOENT},          /* another cluster's */
        {"/hpc/state/x", -ENOTDIR},
        {"/hpc/arrays/execute/nodes/execute-1/state", -ENOTDIR}, /* a link is not followed here */
    };
    struct view_ref ref;
    for (size_t i = 0; i < ARRAY_SIZE(absent); i++)
        if (fixture_find(f, absent[i].path, &ref) != absent[i].code)
            fail_msg("%s", absent[i].path);
    assert_int_equal(view_from_inode(f->snapshot, 999 << 8 | 64, &ref), -ENOENT);
    assert_int_equal(view_from_inode(f->snapshot, ID_HPC << 8 | 65, &ref), -ENOENT);
    assert_int_equal(view_from_inode(f->snapshot, ID_HPC << 8 | 160, &ref), -ENOENT);
    assert_int_equal(view_from_inode(f->snapshot, 0, &ref), -ENOENT);
}

static void test_gone_objects(void **state) {
    struct fixture *f = *state;
    struct view_ref node, file, link, out;
    struct view_ctx ctx;
    assert_int_equal(fixture_find(f, "/hpc/nodes/execute-1", &node), 0);
    assert_int_equal(fixture_find(f, "/hpc/nodes/execute-1/state", &file), 0);
    assert_int_equal(fixture_find(f, "/hpc/arrays/execute/nodes/execute-1", &link), 0);
    struct builder *b = fixture_begin(f);
    assert_int_equal(builder_remove_node(b, ID_HPC, ID_EXECUTE_1), 0);
    fixture_publish(f, b);
    const struct view_ref *refs[] = {&node, &file, &link};
    for (size_t i = 0; i < ARRAY_SIZE(refs); i++) {
        assert_int_equal(view_from_inode(f->snapshot, view_inode(refs[i]), &out), -ENOENT);
        assert_int_equal(view_parent(f->snapshot, refs[i], &out), -ENOENT);
        assert_int_equal(view_context(&f->gateway, f->snapshot, refs[i], &ctx), -ENOENT);
    }
    assert_int_equal(
        view_list(&f->gateway, f->snapshot, &node, &(struct view_listing){0, NULL, NULL}), -ENOENT);
}

static void test_modes(void **state) {
    static const struct {
        const char *path;
        mode_t at_0750, at_0775;
    } modes[] = {
        {"/hpc", 040750, 040775},
        {"/hpc/arrays", 040550, 040555},
        {"/hpc/nodes", 040750, 040775},
        {"/hpc/nodes/execute-1", 040550, 040555},
        {"/hpc/status", 0100440, 0100444},
        {"/hpc/logs", 0100440, 0100444},
        {"/hpc/nodes/count", 0100640, 0100664},
        {"/hpc/nodes/execute-1/console", 0100440, 0100440},
        {"/hpc/template", 0100640, 0100664},
        {"/hpc/arrays/execute/nodes/execute-1", 0120777, 0120777},
        {"/system", 040555, 040555},
        {"/system/version", 0100444, 0100444},
        {"/", 041775, 041775},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
        if (fixture_attr(f, modes[i].path).mode != modes[i].at_0750)
            fail_msg("%s has mode %o", modes[i].path, fixture_attr(f, modes[i].path).mode);
    struct builder *b = fixture_begin(f);
    struct cluster *c = builder_cluster(b, ID_HPC, DURABLE);
    assert_non_null(c);
    c->mode = 0775;
    fixture_publish(f, b);
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
        if (fixture_attr(f, modes[i].path).mode != modes[i].at_0775)
            fail_msg("%s has mode %o", modes[i].path, fixture_attr(f, modes[i].path).mode);
    assert_int_equal(fixture_attr(f, "/hpc/status").uid, 1000);
    assert_int_equal(fixture_attr(f, "/hpc/nodes/execute-1/state").gid, 100);
    assert_int_equal(fixture_attr(f, "/").gid, 77);
    f->gateway.root_mode = 01777;
    assert_int_equal(fixture_attr(f, "/").mode, 041777);
}

static void test_link_counts_and_times(void **state) {
    const struct fixture *f = *state;
    assert_int_equal(fixture_attr(f, "/").links, 2 + 2 + 2);
    assert_int_equal(fixture_attr(f, "/users").links, 2 + 1);
    assert_int_equal(fixture_attr(f, "/hpc").links, 2 + 3);
    assert_int_equal(fixture_attr(f, "/hpc/volumes").links, 2 + 1);
    assert_int_equal(fixture_attr(f, "/hpc/nodes").links, 2 + 3);
    assert_int_equal(fixture_attr(f, "/hpc/arrays").links, 2 + 3);
    assert_int_equal(fixture_attr(f, "/hpc/arrays/execute/nodes").links, 2);
    assert_int_equal(fixture_attr(f, "/hpc/state").links, 1);
    assert_true(fixture_attr(f, "/hpc/nodes/execute-1/state").changed_at ==
                FIXTURE_TIME + USEC_MIN);
    assert_true(fixture_attr(f, "/hpc/nodes/execute-1/metrics").changed_at ==
                FIXTURE_TIME + 2 * USEC_MIN);
    assert_true(fixture_attr(f, "/hpc/status").changed_at == FIXTURE_TIME + USEC_MIN);
    assert_true(fixture_attr(f, "/hpc/metrics").changed_at == FIXTURE_TIME + 2 * USEC_MIN);
    assert_true(fixture_attr(f, "/hpc/state").changed_at == FIXTURE_TIME);
}

static void test_rejected_texts_show_while_there_are_some(void **state) {
    struct fixture *f = *state;
    struct builder *b = fixture_begin(f);
    struct cluster *c = builder_cluster(b, ID_HPC, DURABLE);
    assert_non_null(c);
    assert_int_equal(str_set(&c->rejected_template.text, "[clutser]"), 0);
    assert_int_equal(str_set(&c->rejected_parameters.text, "Password: secret"), 0);
    fixture_publish(f, b);
    assert_string_equal(fixture_read(f, "/hpc/template.rejected"), "[clutser]");
    assert_int_equal(fixture_attr(f, "/hpc/template.rejected").mode, 0100440);
    /* it was never parsed, so only the owner reads it */
    assert_int_equal(fixture_attr(f, "/hpc/parameters.rejected").mode, 0100400);
}

/* Its size and time are in the snapshot, the text is in the store alone. */
static void test_a_console_is_in_the_store(void **state) {
    static const char text[] = "Linux\r\n\x1b[0m login:";
    struct fixture *f = *state;
    struct store *store = NULL;
    unsigned char key[CONSOLE_KEY_SIZE];
    console_key(ID_EXECUTE_1, key);
    const struct store_op op = {key, sizeof(key), text, sizeof(text) - 1};
    assert_int_equal(store_open_memory(NULL, NULL, &store), 0);
    assert_int_equal(store_commit(store, &(struct store_change){.ops = &op, .n_ops = 1}, NULL), 0);
    f->gateway.store = store;
    assert_int_equal(fixture_attr(f, "/hpc/nodes/execute-1/console").size, 0);
    assert_true(fixture_attr(f, "/hpc/nodes/execute-1/console").changed_at == FIXTURE_TIME);
    struct builder *b = fixture_begin(f);
    struct node *n = builder_node(b, ID_HPC, ID_EXECUTE_1, DURABLE);
    assert_non_null(n);
    n->console_bytes = sizeof(text) - 1;
    n->console_at = FIXTURE_TIME + USEC_HOUR;
    fixture_publish(f, b);
    assert_string_equal(fixture_read(f, "/hpc/nodes/execute-1/console"), text);
    struct view_attr attr = fixture_attr(f, "/hpc/nodes/execute-1/console");
    assert_int_equal(attr.size, sizeof(text) - 1);
    assert_true(attr.changed_at == FIXTURE_TIME + USEC_HOUR);
    assert_string_equal(fixture_read(f, "/hpc/nodes/execute-2/console"), "");
    f->gateway.store = NULL;
    store_free(store);
}

static void test_last_error_is_the_readers_own(void **state) {
    const struct fixture *f = *state;
    struct view_ref ref;
    struct view_ctx ctx = fixture_context(f, "/last_error", &ref);
    _cleanup_buf_ struct buf b = BUF_INIT(LIMIT_RENDER_BYTES);
    ctx.uid = 1001;
    assert_int_equal(view_show(&ctx, &ref, &b), 0);
    assert_string_equal(b.data, "ok\n");
}

static void test_directories_are_not_shown(void **state) {
    struct view_ref ref;
    struct view_ctx ctx = fixture_context(*state, "/hpc/nodes", &ref);
    _cleanup_buf_ struct buf b = BUF_INIT(LIMIT_RENDER_BYTES);
    assert_int_equal(view_show(&ctx, &ref, &b), -EISDIR);
}

struct page {
    struct buf names;
    uint64_t cookie;
    size_t left;
};

static int take_page(void *arg, const char *name, const struct view_ref *ref, uint64_t cookie) {
    struct page *p = arg;
    (void)ref;
    if (p->left-- == 0)
        return 1;
    assert_true(cookie > p->cookie);
    p->cookie = cookie;
    return buf_printf(&p->names, "%s ", name);
}

static const char *read_pages(const struct fixture *f, const char *path, size_t size,
                              struct page *p) {
    struct view_ref ref;
    assert_int_equal(fixture_find(f, path, &ref), 0);
    for (size_t before = SIZE_MAX; before != p->names.len;) {
        before = p->names.len;
        p->left = size;
        assert_int_equal(view_list(&f->gateway, f->snapshot, &ref,
                                   &(struct view_listing){p->cookie, take_page, p}),
                         0);
    }
    return p->names.data;
}

static void test_listing_in_pages(void **state) {
    const struct fixture *f = *state;
    for (size_t size = 1; size < 5; size++) {
        struct page nodes = {.names = BUF_INIT(4096)}, arrays = {.names = BUF_INIT(4096)};
        struct page links = {.names = BUF_INIT(4096)};
        assert_string_equal(read_pages(f, "/hpc/nodes", size, &nodes),
                            "count execute-1 execute-2 scheduler ");
        assert_string_equal(read_pages(f, "/hpc/arrays", size, &arrays), "execute htc scheduler ");
        assert_string_equal(read_pages(f, "/hpc/arrays/execute/nodes", size, &links),
                            "execute-1 execute-2 ");
        buf_done(&nodes.names);
        buf_done(&arrays.names);
        buf_done(&links.names);
    }
}

static void test_cookies_outlive_changes(void **state) {
    struct fixture *f = *state;
    struct view_ref ref;
    struct page p = {.names = BUF_INIT(4096), .left = 2};
    assert_int_equal(fixture_find(f, "/hpc/nodes", &ref), 0);
    assert_int_equal(
        view_list(&f->gateway, f->snapshot, &ref, &(struct view_listing){0, take_page, &p}), 0);
    struct builder *b = fixture_begin(f);
    assert_int_equal(builder_remove_node(b, ID_HPC, ID_EXECUTE_1), 0);
    struct node *n = builder_add_node(b, ID_HPC, 40, "added");
    assert_non_null(n);
    n->array_id = ID_HTC;
    fixture_publish(f, b);
    assert_string_equal(read_pages(f, "/hpc/nodes", 1, &p),
                        "count execute-1 execute-2 scheduler added ");
    buf_done(&p.names);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_values),
        TEST(test_every_row_is_read),
        TEST(test_inodes_are_stable),
        TEST(test_documents_are_copied_last),
        TEST(test_what_is_not_there),
        TEST(test_gone_objects),
        TEST(test_modes),
        TEST(test_link_counts_and_times),
        TEST(test_rejected_texts_show_while_there_are_some),
        TEST(test_a_console_is_in_the_store),
        TEST(test_last_error_is_the_readers_own),
        TEST(test_directories_are_not_shown),
        TEST(test_listing_in_pages),
        TEST(test_cookies_outlive_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
