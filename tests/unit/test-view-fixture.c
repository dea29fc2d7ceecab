/* SPDX-License-Identifier: MIT */
#include "test-view-fixture.h"

#include "model/limits.h"
#include "model/usage.h"

static usec_t fixed_time(void *arg) {
    (void)arg;
    return FIXTURE_TIME;
}

static const struct clock fixed_clock = {.wall = fixed_time, .monotonic = fixed_time};

static void set(struct str **slot, const char *text) {
    assert_int_equal(str_set(slot, text), 0);
}

static struct array_spec *make_spec(const char *const *types, size_t n) {
    struct array_spec *spec = array_spec_new();
    assert_non_null(spec);
    spec->machine_types = str_list_new(types, n);
    assert_non_null(spec->machine_types);
    spec->max_count = 100;
    spec->max_core_count = -1;
    set(&spec->account, "azure");
    set(&spec->region, "westeurope");
    set(&spec->subnet, "/subscriptions/s/subnets/compute");
    return spec;
}

static void make_arrays(struct builder *b) {
    static const char *const two[] = {"Standard_HB120rs_v3", "Standard_HB120rs_v2"};
    static const char *const one[] = {"Standard_F2s_v2"};
    struct array *execute = builder_add_array(b, ID_HPC, ID_EXECUTE, "execute");
    assert_non_null(execute);
    execute->is_array = true;
    execute->spec = make_spec(two, 2);
    set(&execute->attributes, "{\"MachineType\":\"Standard_HB120rs_v3\",\"Interruptible\":true}");
    set(&execute->configuration, "{\"slurm\":{\"hpc\":true,\"key\":\"********\"}}");
    set(&execute->definition, "{\"slurm\":{\"hpc\":true,\"key\":\"hunter2\"}}");
    struct array *htc = builder_add_array(b, ID_HPC, ID_HTC, "htc");
    assert_non_null(htc);
    htc->is_array = true;
    htc->spec = make_spec(one, 1);
    htc->spec->max_count = -1;
    struct array *head = builder_add_array(b, ID_HPC, ID_HEAD, "scheduler");
    assert_non_null(head);
    head->spec = make_spec(one, 1);
}

static void make_ready_node(struct builder *b) {
    struct node *n = builder_add_node(b, ID_HPC, ID_EXECUTE_1, "execute-1");
    assert_non_null(n);
    n->array_id = ID_EXECUTE;
    n->target = TARGET_STARTED;
    n->status = NODE_READY;
    n->phase = PHASE_AWAIT_INSTALL;
    n->elastic = true;
    n->spot = true;
    n->cores = 120;
    n->created_at = FIXTURE_TIME;
    n->status_at = FIXTURE_TIME + USEC_MIN;
    n->last_seen = FIXTURE_TIME + 2 * USEC_MIN;
    n->metrics = (struct node_metrics){.cpu = 0.5f, .memory = 0.25f, .load = 60};
    set(&n->machine_type, "Standard_HB120rs_v3");
    set(&n->hostname, "ip-0A000005");
    set(&n->private_ip, "10.0.0.5");
    set(&n->public_ip, "20.1.2.3");
    set(&n->instance_id, "7");
    set(&n->vm_id, "v7");
    set(&n->resource_id, "/subscriptions/s/vm7");
    set(&n->placement_group, "pg0");
    set(&n->zone, "2");
}

static void make_other_nodes(struct builder *b) {
    struct node *held = builder_add_node(b, ID_HPC, ID_EXECUTE_2, "execute-2");
    assert_non_null(held);
    held->array_id = ID_EXECUTE;
    held->target = TARGET_STARTED;
    held->status = NODE_ACQUIRING;
    held->phase = PHASE_ALLOCATE;
    held->hold = HOLD_QUOTA;
    held->created_at = held->status_at = FIXTURE_TIME;
    set(&held->message, "quota of standardHBv3Family:\n120 of 120 cores are used");
    struct node *head = builder_add_node(b, ID_HPC, ID_SCHEDULER, "scheduler");
    assert_non_null(head);
    head->array_id = ID_HEAD;
    head->target = TARGET_STARTED;
    head->status = NODE_PREPARING;
    head->phase = PHASE_AWAIT_BOOT;
    head->fixed = head->keepalive = true;
    head->cores = 2;
    head->created_at = head->status_at = FIXTURE_TIME;
    set(&head->machine_type, "Standard_F2s_v2");
}

static void make_alice(struct builder *b) {
    struct user *u = builder_add_item(b, ITEM_USER, ID_ALICE, "alice");
    assert_non_null(u);
    u->item.created_at = u->item.changed_at = FIXTURE_TIME;
    u->uid = 20001;
    u->gid = 100;
    set(&u->role, "admin");
    set(&u->shell, "/bin/bash");
    set(&u->authorized_keys, "# laptop\n");
    set(&u->password_hash, "$y$hunter2");
}

static void make_azure(struct builder *b) {
    struct account *a = builder_add_item(b, ITEM_ACCOUNT, ID_AZURE, "azure");
    assert_non_null(a);
    a->item.created_at = a->item.changed_at = FIXTURE_TIME;
    set(&a->text, "region = eastus\nclient_secret = ********\n");
}

/* Two hours of a machine that is gone, and execute-1, which has run for one. */
static void make_usage(struct builder *b) {
    struct cluster *c = builder_cluster(b, ID_HPC, DURABLE);
    struct node *n = builder_node(b, ID_HPC, ID_EXECUTE_1, DURABLE);
    struct usage_key key = {"htc", "Standard_F2s_v2", false};
    struct usage_amount amount = {2 * USEC_HOUR, 4 * USEC_HOUR, 170000, 0};
    assert_non_null(c);
    assert_non_null(n);
    n->billed_at = FIXTURE_TIME - USEC_HOUR;
    assert_int_equal(usage_add(&c->usage, &key, "USD", &amount), 0);
}

static void make_orphan(struct builder *b) {
    struct orphan *o = builder_add_item(b, ITEM_ORPHAN, ID_ORPHAN, "stray");
    assert_non_null(o);
    o->item.created_at = o->item.changed_at = FIXTURE_TIME;
    set(&o->resource_id, "/subscriptions/s/vm/stray");
    set(&o->account, "azure");
    set(&o->region, "eastus");
    set(&o->group, "old-group");
    set(&o->machine_type, "Standard_F2s_v2");
    set(&o->zone, "3");
    set(&o->cluster_id, "7");
    set(&o->message, "the cloud does not answer");
}

static void make_alert(struct builder *b) {
    struct alert *a = builder_add_item(b, ITEM_ALERT, ID_ALERT, "hpc-execute-quota");
    assert_non_null(a);
    a->item.created_at = a->item.changed_at = FIXTURE_TIME;
    a->cluster_id = ID_HPC;
    a->array_id = ID_EXECUTE;
    set(&a->kind, "quota");
    set(&a->text, "1 node: 120 of 120 cores are used");
}

static void make_volume(struct builder *b, uint64_t id, const char *name, uint64_t cluster_id) {
    struct volume *v = builder_add_item(b, ITEM_VOLUME, id, name);
    assert_non_null(v);
    v->item.created_at = v->item.changed_at = FIXTURE_TIME;
    v->cluster_id = cluster_id;
    v->node_id = cluster_id == ID_HPC ? ID_SCHEDULER : 0;
    v->state = VOLUME_READY;
    v->size_gb = v->wanted_gb = 128;
    set(&v->group, "volume-group");
    set(&v->resource_id, "/subscriptions/s/disks/home");
    set(&v->message, "the cloud is busy");
}

static void make_hpc(struct builder *b) {
    struct cluster *c = builder_add_cluster(b, ID_HPC, "hpc");
    assert_non_null(c);
    c->uid = 1000;
    c->gid = 100;
    c->mode = 0750;
    c->created_at = c->changed_at = c->state_at = c->nodes_at = FIXTURE_TIME;
    c->state = CLUSTER_STARTED;
    c->target = TARGET_STARTED;
    c->generation = 3;
    c->observed_generation = 2;
    set(&c->template.text, "[cluster hpc]\n# verbatim");
    set(&c->parameters.text, "{\"Password\":\"hunter2\"}");
    set(&c->parameters_public, "{\n  \"Password\": \"********\"\n}");
    set(&c->schema, "{\"type\":\"object\"}");
    set(&c->definition, "{\"cluster\":{}}");
    set(&c->origins, "{\"cluster.X\":{}}");
    set(&c->changes, "nodes.head.Attributes.Zone: none -> \"1\"\n");
    set(&c->plan, "wait: execute-2: quota");
    set(&c->outcome, "refused: nodes/count: \"ten\" is not a number");
    set(&c->notes, "warning: unknown parameter Foo\nmissing: SubnetId (Subnet): needed to start");
    set(&c->alerts, "one\ntwo");
    set(&c->account, "azure");
    set(&c->region, "westeurope");
    make_arrays(b);
    make_ready_node(b);
    make_other_nodes(b);
}

static void make_server(struct builder *b) {
    struct snapshot *root = builder_root(b);
    assert_non_null(root);
    root->server = (struct server){.started_at = FIXTURE_TIME, .cloud_requests = 42};
    set(&root->server.version, "9.9.9");
    set(&root->server.config, "[server]\n");
    set(&root->server.trace, "one request\n");
    assert_int_equal(builder_set_last_error(b, 1000, "refused: mkdir: the name is reserved"), 0);
    struct catalog *catalog = catalog_new(1, 1, 0);
    assert_non_null(catalog);
    set(&catalog->types[0].name, "Standard_HB120rs_v3");
    set(&catalog->types[0].family, "standardHBv3Family");
    set(&catalog->types[0].account, "azure");
    set(&catalog->types[0].region, "westeurope");
    catalog->types[0].vcpus = catalog->types[0].quota_vcpus = 120;
    set(&catalog->types[0].currency, "USD");
    catalog->types[0].hour_micro = 3600000;
    catalog->types[0].spot_hour_micro = 360000;
    catalog->types[0].memory_mb = 458752;
    catalog->types[0].rdma = catalog->types[0].spot = true;
    set(&catalog->quotas[0].name, "standardHBv3Family");
    set(&catalog->quotas[0].label, "Standard HBv3 Family vCPUs");
    set(&catalog->quotas[0].account, "azure");
    set(&catalog->quotas[0].region, "westeurope");
    catalog->quotas[0].used = 120;
    catalog->quotas[0].limit = 240;
    assert_int_equal(builder_set_catalog(b, catalog), 0);
}

struct builder *fixture_begin(struct fixture *f) {
    struct builder *b = NULL;
    assert_int_equal(builder_begin(f->model, &b), 0);
    return b;
}

void fixture_publish(struct fixture *f, struct builder *b) {
    if (f->snapshot)
        model_release(f->snapshot);
    assert_int_equal(builder_publish(b), 0);
    f->snapshot = model_acquire(f->model);
}

int fixture_setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    assert_int_equal(model_new(&fixed_clock, &f->model), 0);
    f->gateway = (struct gateway){.model = f->model,
                                  .clock = &fixed_clock,
                                  .template_library = "/srv/templates",
                                  .root_gid = 77};
    struct builder *b = fixture_begin(f);
    make_server(b);
    make_hpc(b);
    make_usage(b);
    make_alice(b);
    make_azure(b);
    make_orphan(b);
    make_volume(b, ID_VOLUME, "10/home", ID_HPC);
    make_volume(b, ID_OTHER_VOLUME, "30/home", ID_EMPTY);
    make_alert(b);
    struct cluster *empty = builder_add_cluster(b, ID_EMPTY, "empty");
    assert_non_null(empty);
    empty->created_at = FIXTURE_TIME;
    empty->mode = 0755;
    fixture_publish(f, b);
    *state = f;
    return 0;
}

int fixture_teardown(void **state) {
    struct fixture *f = *state;
    model_release(f->snapshot);
    model_free(f->model);
    store_free(f->gateway.store);
    free(f);
    return 0;
}

int fixture_find(const struct fixture *f, const char *path, struct view_ref *ret) {
    struct view_ref at = view_root();
    _cleanup_free_ char *copy = strdup(path);
    assert_non_null(copy);
    char *rest = NULL;
    for (char *name = strtok_r(copy, "/", &rest); name; name = strtok_r(NULL, "/", &rest)) {
        struct view_ref next;
        int r = view_lookup(&f->gateway, f->snapshot, &at, name, &next);
        if (r < 0)
            return r;
        at = next;
    }
    *ret = at;
    return 0;
}

struct view_ctx fixture_context(const struct fixture *f, const char *path, struct view_ref *ret) {
    struct view_ctx ctx;
    assert_int_equal(fixture_find(f, path, ret), 0);
    assert_int_equal(view_context(&f->gateway, f->snapshot, ret, &ctx), 0);
    ctx.uid = 1000;
    ctx.gid = 100;
    return ctx;
}

const char *fixture_read(const struct fixture *f, const char *path) {
    static struct buf b = BUF_INIT(LIMIT_RENDER_BYTES);
    struct view_ref ref;
    struct view_ctx ctx = fixture_context(f, path, &ref);
    buf_done(&b);
    assert_int_equal(view_show(&ctx, &ref, &b), 0);
    return b.data;
}

struct view_attr fixture_attr(const struct fixture *f, const char *path) {
    struct view_ref ref;
    struct view_attr attr;
    struct view_ctx ctx = fixture_context(f, path, &ref);
    assert_int_equal(view_attr(&ctx, &ref, &attr), 0);
    return attr;
}
