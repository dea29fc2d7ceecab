/* SPDX-License-Identifier: MIT */

/* The provider against the simulator: the life of a cluster, over HTTP. ARMSIM_LOG=FILE keeps the
   traffic, for a check against the published API descriptions. */

#include "azure/azure.h"

#include "net/http.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#define SUB "00000000-0000-0000-0000-000000000001"
#define SIZE "Standard_HB120rs_v3"

struct fixture {
    pid_t pid;
    char directory[64], url[64];
    struct http *http;
    struct azure *azure;
    struct cyclecloud_provider provider;
    char *subnet;
};

struct outcome {
    unsigned calls;
    enum cyclecloud_class class;
    char code[64], message[512], url[512], quota[64];
    size_t n_sizes, n_quotas, n_instances, n_sets, n_running, n_tags;
    uint64_t limit, required, addresses, price, spot_price;
    size_t n_prices;
    uint32_t capacity;
    bool rdma, booted; /* booted: its console says so */
    char etag[64], vm_id[64], power[32], set_name[64], computer[64], machine_type[64], last_id[64];
};

static void see_instances(struct outcome *o, const struct cyclecloud_result *r) {
    o->n_instances = r->n_instances;
    for (size_t i = 0; i < r->n_instances; i++) {
        const struct cyclecloud_instance *v = &r->instances[i];
        o->n_running += strcmp(v->power_state, "running") == 0;
        o->n_tags += v->n_tags;
        (void)snprintf(o->vm_id, sizeof(o->vm_id), "%s", v->vm_id);
        (void)snprintf(o->power, sizeof(o->power), "%s", v->power_state);
        (void)snprintf(o->set_name, sizeof(o->set_name), "%s", v->set_name);
        (void)snprintf(o->computer, sizeof(o->computer), "%s", v->computer_name);
        (void)snprintf(o->machine_type, sizeof(o->machine_type), "%s", v->machine_type);
        (void)snprintf(o->last_id, sizeof(o->last_id), "%s", v->instance_id);
    }
}

static void on_done(void *arg, const struct cyclecloud_result *r) {
    struct outcome *o = arg;
    *o = (struct outcome){.calls = 1,
                          .class = r->result,
                          .n_sizes = r->n_sizes,
                          .n_quotas = r->n_quotas,
                          .n_sets = r->n_sets,
                          .limit = r->quota.limit,
                          .required = r->quota.required,
                          .capacity = r->n_sets ? r->sets[0].capacity : 0,
                          .addresses = r->subnet ? r->subnet->usable_addresses : 0};
    (void)snprintf(o->etag, sizeof(o->etag), "%s", r->n_sets ? r->sets[0].etag : "");
    (void)snprintf(o->code, sizeof(o->code), "%s", r->code);
    (void)snprintf(o->message, sizeof(o->message), "%s", r->message);
    (void)snprintf(o->url, sizeof(o->url), "%s", r->operation_url);
    (void)snprintf(o->quota, sizeof(o->quota), "%s", r->quota.name);
    for (size_t i = 0; i < r->n_sizes; i++)
        o->rdma = o->rdma || (strcmp(r->sizes[i].name, SIZE) == 0 && r->sizes[i].rdma);
    o->n_prices = r->n_prices;
    for (size_t i = 0; i < r->n_prices; i++)
        if (strcmp(r->prices[i].name, SIZE) == 0)
            *(r->prices[i].spot ? &o->spot_price : &o->price) += r->prices[i].hour_micro;
    o->booted = r->console_len && memmem(r->console, r->console_len, "Linux version", 13);
    see_instances(o, r);
}

static void send(struct fixture *f, const struct cyclecloud_request *q, struct outcome *o) {
    o->calls = 0;
    assert_int_equal(f->provider.ops->submit(f->provider.self, q, on_done, o), 0);
    usec_t end = clock_monotonic(&clock_real) + 60 * USEC_SEC;
    while (o->calls == 0 && clock_monotonic(&clock_real) < end)
        assert_int_equal(http_wait(f->http, NULL, 0, 100 * USEC_MS), 0);
    assert_int_equal(o->calls, 1);
}

/* Sends, and follows the operation until it ends. */
static void run(struct fixture *f, const struct cyclecloud_request *q, struct outcome *o) {
    send(f, q, o);
    for (int i = 0; i < 400 && o->class == CYCLECLOUD_PENDING; i++) {
        char url[512];
        (void)snprintf(url, sizeof(url), "%s", o->url);
        struct cyclecloud_request poll_request = {.call = CYCLECLOUD_CALL_POLL,
                                                  .account = "sim",
                                                  .operation_url = url,
                                                  .client_request_id = q->client_request_id};
        (void)http_wait(f->http, NULL, 0, 50 * USEC_MS);
        send(f, &poll_request, o);
    }
}

static void expect(const struct outcome *o, enum cyclecloud_class class) {
    if (o->class != class)
        print_error("%s: %s\n", o->code, o->message);
    assert_int_equal(o->class, class);
}

/* The program */

static void launch(struct fixture *f, const char *port_file) {
    char option[128], *log = getenv("ARMSIM_LOG"), log_option[512] = "--no-agents";
    (void)snprintf(option, sizeof(option), "--port-file=%s", port_file);
    if (log)
        (void)snprintf(log_option, sizeof(log_option), "--log=%s", log);
    f->pid = fork();
    assert_true(f->pid >= 0);
    if (f->pid == 0) {
        (void)execl(ARMSIM, ARMSIM, option, "--sizes=" ARMSIM_SIZES, "--time-scale=0.01",
                    "--no-agents", "--page-size=3", "--graph-lag=0",
                    "--quota=eastus/standardHBv3Family=1200", log_option, NULL);
        _exit(127);
    }
}

static void read_port(struct fixture *f, const char *port_file) {
    unsigned port = 0;
    for (int i = 0; i < 400 && port == 0; i++) {
        FILE *file = fopen(port_file, "r");
        if (file && fscanf(file, "%u", &port) != 1)
            port = 0;
        if (file)
            (void)fclose(file);
        struct timespec t = {.tv_nsec = 25 * 1000 * 1000};
        if (port == 0)
            (void)nanosleep(&t, NULL);
        assert_int_equal(waitpid(f->pid, NULL, WNOHANG), 0);
    }
    assert_true(port > 0);
    (void)snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%u", port);
}

static void connect_provider(struct fixture *f) {
    struct http_options options = {.clock = &clock_real};
    assert_int_equal(http_new(&options, &f->http), 0);
    assert_int_equal(azure_new(f->http, &clock_real, &random_system, &f->azure), 0);
    struct azure_account account = {.name = "sim",
                                    .subscription = SUB,
                                    .tenant = "00000000-0000-0000-0000-000000000002",
                                    .client_id = "simulated",
                                    .client_secret = "simulated",
                                    .region = "eastus",
                                    .resource_manager = f->url,
                                    .prices = f->url,
                                    .authority = f->url};
    assert_int_equal(azure_set_accounts(f->azure, &account, 1, NULL), 0);
    f->provider = azure_provider(f->azure);
    f->subnet = f->provider.ops->subnet_id(f->provider.self, "sim", "sim-rg/sim-vnet/compute");
    assert_non_null(f->subnet);
}

static int start(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    (void)snprintf(f->directory, sizeof(f->directory), "/tmp/test-armsim-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    char port_file[96];
    (void)snprintf(port_file, sizeof(port_file), "%s/port", f->directory);
    launch(f, port_file);
    read_port(f, port_file);
    (void)unlink(port_file);
    connect_provider(f);
    *state = f;
    return 0;
}

static int stop(void **state) {
    struct fixture *f = *state;
    azure_free(f->azure);
    http_free(f->http);
    free(f->subnet);
    (void)kill(f->pid, SIGTERM);
    int status = 0;
    (void)waitpid(f->pid, &status, 0);
    (void)rmdir(f->directory);
    free(f);
    return 0;
}

static const struct cyclecloud_tag tags[] = {{"ClusterId", "c1"}, {"it's", "a \\ tag"}};

static struct cyclecloud_vm_spec spec_of(const struct fixture *f) {
    return (struct cyclecloud_vm_spec){.region = "eastus",
                                       .machine_type = SIZE,
                                       .image_publisher = "almalinux",
                                       .image_offer = "almalinux-hpc",
                                       .image_sku = "8_10-hpc-gen2",
                                       .image_version = "latest",
                                       .subnet_id = f->subnet,
                                       .computer_name = "hpc-",
                                       .admin_username = "hpcadmin",
                                       .ssh_public_key = "ssh-ed25519 AAAA user",
                                       .custom_data = "{}",
                                       .tags = tags,
                                       .n_tags = 2,
                                       .max_price = -1,
                                       .accelerated_networking = true,
                                       .single_placement_group = true};
}

static struct cyclecloud_request request(enum cyclecloud_call call, const char *name) {
    return (struct cyclecloud_request){.call = call,
                                       .account = "sim",
                                       .region = "eastus",
                                       .group = "rg1",
                                       .name = name,
                                       .client_request_id = "11111111-2222-4333-8444-555555555555"};
}

static void simple(struct fixture *f, enum cyclecloud_call call, const char *name,
                   struct outcome *o) {
    struct cyclecloud_request q = request(call, name);
    run(f, &q, o);
}

static void make_group(struct fixture *f) {
    struct outcome o;
    struct cyclecloud_vm_spec spec = {.tags = tags, .n_tags = 2};
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_ENSURE_GROUP, NULL);
    q.spec = &spec;
    run(f, &q, &o);
    expect(&o, CYCLECLOUD_OK);
    run(f, &q, &o); /* once more: the same */
    expect(&o, CYCLECLOUD_OK);
}

static void the_catalogue_is_read(void **state) {
    struct fixture *f = *state;
    struct outcome o;
    simple(f, CYCLECLOUD_CALL_LIST_SIZES, NULL, &o);
    expect(&o, CYCLECLOUD_OK);
    assert_true(o.n_sizes > 50 && o.rdma);
    simple(f, CYCLECLOUD_CALL_LIST_QUOTAS, NULL, &o);
    expect(&o, CYCLECLOUD_OK);
    assert_true(o.n_quotas > 5);
    simple(f, CYCLECLOUD_CALL_LIST_PRICES, NULL, &o);
    expect(&o, CYCLECLOUD_OK);
    assert_true(o.n_prices > 200);      /* several pages */
    assert_int_equal(o.price, 3600000); /* one row each, neither Windows nor Low Priority */
    assert_int_equal(o.spot_price, 360000);
    struct cyclecloud_vm_spec spec = spec_of(f);
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_GET_SUBNET, NULL);
    q.spec = &spec;
    run(f, &q, &o);
    expect(&o, CYCLECLOUD_OK);
    assert_int_equal(o.addresses, (1 << 20) - 5);
}

static void on_instances(struct fixture *f, enum cyclecloud_call call, const char *const *ids,
                         struct outcome *o) {
    struct cyclecloud_request q = request(call, "s1");
    q.instance_ids = ids;
    run(f, &q, o);
    expect(o, CYCLECLOUD_OK);
}

static void a_set_lives(void **state) {
    struct fixture *f = *state;
    struct outcome o;
    make_group(f);
    struct cyclecloud_vm_spec spec = spec_of(f);
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_CREATE_SET, "s1");
    q.spec = &spec;
    q.capacity = 5;
    run(f, &q, &o);
    expect(&o, CYCLECLOUD_OK);
    simple(f, CYCLECLOUD_CALL_GET_SET, "s1", &o);
    assert_int_equal(o.capacity, 5);
    simple(f, CYCLECLOUD_CALL_LIST_INSTANCES, "s1", &o); /* two pages */
    expect(&o, CYCLECLOUD_OK);
    assert_int_equal(o.n_instances, 5);
    assert_int_equal(o.n_running, 5);
    assert_string_equal(o.set_name, "s1");
    assert_string_equal(o.machine_type, SIZE);
    assert_string_equal(o.last_id, "4");
    assert_int_equal(strncmp(o.computer, "hpc-", 4), 0);
    assert_int_equal(strlen(o.vm_id), 36);
    q = request(CYCLECLOUD_CALL_RESIZE_SET, "s1");
    q.spec = &spec;
    q.capacity = 8;
    run(f, &q, &o);
    expect(&o, CYCLECLOUD_OK);
    static const char *const two[] = {"1", "6", NULL}, *const one[] = {"2", NULL};
    on_instances(f, CYCLECLOUD_CALL_DELETE_INSTANCES, two, &o);
    on_instances(f, CYCLECLOUD_CALL_DEALLOCATE_INSTANCES, one, &o);
    simple(f, CYCLECLOUD_CALL_LIST_INSTANCES, "s1", &o);
    assert_int_equal(o.n_instances, 6);
    assert_int_equal(o.n_running, 5);
    on_instances(f, CYCLECLOUD_CALL_START_INSTANCES, one, &o);
    on_instances(f, CYCLECLOUD_CALL_READ_INSTANCE_CONSOLE, one, &o);
    assert_true(o.booted);
    simple(f, CYCLECLOUD_CALL_LIST_INSTANCES, "s1", &o);
    assert_int_equal(o.n_running, 6);
    simple(f, CYCLECLOUD_CALL_LIST_SETS, NULL, &o);
    assert_int_equal(o.n_sets, 1);
    assert_int_equal(o.capacity, 6);
    simple(f, CYCLECLOUD_CALL_DELETE_SET, "s1", &o);
    expect(&o, CYCLECLOUD_OK);
    simple(f, CYCLECLOUD_CALL_GET_SET, "s1", &o);
    expect(&o, CYCLECLOUD_GONE);
    simple(f, CYCLECLOUD_CALL_DELETE_GROUP, NULL, &o);
    expect(&o, CYCLECLOUD_OK);
    simple(f, CYCLECLOUD_CALL_LIST_SETS, NULL, &o);
    expect(&o, CYCLECLOUD_GONE);
}

/* What arrives late changes nothing: the set is there, or is another one by now. */
static void a_late_write_is_refused(void **state) {
    struct fixture *f = *state;
    struct outcome o;
    make_group(f);
    struct cyclecloud_vm_spec spec = spec_of(f);
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_CREATE_SET, "s1");
    q.spec = &spec;
    q.capacity = 5;
    run(f, &q, &o);
    expect(&o, CYCLECLOUD_OK);
    q.capacity = 2;
    run(f, &q, &o);
    expect(&o, CYCLECLOUD_OK);
    simple(f, CYCLECLOUD_CALL_GET_SET, "s1", &o);
    assert_int_equal(o.capacity, 5);
    char etag[64];
    (void)snprintf(etag, sizeof(etag), "%s", o.etag);
    q = request(CYCLECLOUD_CALL_RESIZE_SET, "s1");
    q.spec = &spec;
    q.if_match = etag;
    q.capacity = 7;
    run(f, &q, &o);
    expect(&o, CYCLECLOUD_OK);
    q.capacity = 6;
    run(f, &q, &o);
    expect(&o, CYCLECLOUD_CONFLICT);
    assert_string_equal(o.code, "PreconditionFailed");
    simple(f, CYCLECLOUD_CALL_LIST_INSTANCES, "s1", &o);
    assert_int_equal(o.n_instances, 7);
    spec.machine_type = "Standard_D4s_v5";
    spec.computer_name = "head";
    q = request(CYCLECLOUD_CALL_CREATE_VM, "head");
    q.spec = &spec;
    for (int i = 0; i < 2; i++) {
        run(f, &q, &o);
        expect(&o, CYCLECLOUD_OK);
    }
    simple(f, CYCLECLOUD_CALL_LIST_VMS, NULL, &o);
    assert_int_equal(o.n_instances, 1);
}

static void make_security_group(struct fixture *f) {
    static const struct cyclecloud_endpoint endpoints[] = {{"ssh", "Tcp", 22}};
    struct outcome o;
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_ENSURE_SECURITY_GROUP, "nsg1");
    q.endpoints = endpoints;
    q.n_endpoints = 1;
    run(f, &q, &o);
    expect(&o, CYCLECLOUD_OK);
}

static void a_machine_lives(void **state) {
    struct fixture *f = *state;
    static const char *const zones[] = {"1", NULL};
    static const struct cyclecloud_disk disks[] = {
        {.lun = 0, .size_gb = 64, .storage_type = "Premium_LRS"}};
    struct outcome o;
    make_group(f);
    make_security_group(f);
    struct cyclecloud_vm_spec spec = spec_of(f);
    spec.machine_type = "Standard_D4s_v5";
    spec.computer_name = "head";
    spec.security_group_id = "/subscriptions/" SUB "/resourceGroups/rg1/providers/Microsoft.Network"
                             "/networkSecurityGroups/nsg1";
    spec.public_ip = true;
    spec.public_dns_label = "c1-head";
    spec.zones = zones;
    spec.disks = disks;
    spec.n_disks = 1;
    spec.os_disk_gb = 64;
    spec.os_disk_type = "Premium_LRS";
    spec.security_type = "TrustedLaunch";
    spec.secure_boot = spec.vtpm = true;
    spec.terminate_notice_s = 300;
    spec.user_data = "u";
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_CREATE_VM, "head");
    q.spec = &spec;
    run(f, &q, &o);
    expect(&o, CYCLECLOUD_OK);
    simple(f, CYCLECLOUD_CALL_GET_VM, "head", &o);
    expect(&o, CYCLECLOUD_OK);
    assert_string_equal(o.power, "running");
    assert_string_equal(o.computer, "head");
    assert_string_equal(o.set_name, "");
    assert_int_equal(o.n_tags, 2);
    simple(f, CYCLECLOUD_CALL_READ_CONSOLE, "head", &o);
    expect(&o, CYCLECLOUD_OK);
    assert_true(o.booted);
    simple(f, CYCLECLOUD_CALL_DEALLOCATE_VM, "head", &o);
    expect(&o, CYCLECLOUD_OK);
    simple(f, CYCLECLOUD_CALL_GET_VM, "head", &o);
    assert_string_equal(o.power, "deallocated");
    simple(f, CYCLECLOUD_CALL_START_VM, "head", &o);
    expect(&o, CYCLECLOUD_OK);
    simple(f, CYCLECLOUD_CALL_LIST_VMS, NULL, &o);
    assert_int_equal(o.n_instances, 1);
    assert_string_equal(o.machine_type, "Standard_D4s_v5");
    simple(f, CYCLECLOUD_CALL_DELETE_VM, "head", &o);
    expect(&o, CYCLECLOUD_OK);
    simple(f, CYCLECLOUD_CALL_GET_VM, "head", &o);
    expect(&o, CYCLECLOUD_GONE);
    simple(f, CYCLECLOUD_CALL_READ_CONSOLE, "head", &o);
    expect(&o, CYCLECLOUD_GONE);
}

static void sweep(struct fixture *f, const struct cyclecloud_tag *tag, struct outcome *o) {
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_SWEEP, NULL);
    q.group = NULL;
    q.tag_name = tag->name;
    q.tag_value = tag->value;
    run(f, &q, o);
    expect(o, CYCLECLOUD_OK);
}

static void the_sweep_finds_what_is_ours(void **state) {
    struct fixture *f = *state;
    struct outcome o;
    make_group(f);
    struct cyclecloud_vm_spec spec = spec_of(f);
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_CREATE_SET, "s1");
    q.spec = &spec;
    q.capacity = 4;
    run(f, &q, &o);
    expect(&o, CYCLECLOUD_OK);
    spec.computer_name = "head";
    q = request(CYCLECLOUD_CALL_CREATE_VM, "head");
    q.spec = &spec;
    run(f, &q, &o);
    expect(&o, CYCLECLOUD_OK);
    for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
        sweep(f, &tags[i], &o);
        assert_int_equal(o.n_instances, 5);
        assert_int_equal(o.n_running, 5);
        assert_int_equal(o.n_tags, 10);
        assert_string_equal(o.set_name, "s1"); /* the last: instances come after VMs */
        assert_string_equal(o.machine_type, SIZE);
        assert_int_equal(strlen(o.vm_id), 36);
        assert_int_equal(strncmp(o.computer, "hpc-", 4), 0);
    }
    sweep(f, &(struct cyclecloud_tag){"ClusterId", "c2"}, &o);
    assert_int_equal(o.n_instances, 0);
}

static void a_quota_is_told_with_its_numbers(void **state) {
    struct fixture *f = *state;
    struct outcome o;
    make_group(f);
    struct cyclecloud_vm_spec spec = spec_of(f);
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_CREATE_SET, "s1");
    q.spec = &spec;
    q.capacity = 11; /* 11 x 120 cores of 1200 */
    run(f, &q, &o);
    expect(&o, CYCLECLOUD_QUOTA);
    assert_string_equal(o.quota, "standardHBv3Family");
    assert_int_equal(o.limit, 1200);
    assert_int_equal(o.required, 1320);
}

static void a_wrong_request_is_invalid(void **state) {
    struct fixture *f = *state;
    struct outcome o;
    make_group(f);
    struct cyclecloud_vm_spec spec = spec_of(f);
    spec.machine_type = "Standard_None";
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_CREATE_SET, "s1");
    q.spec = &spec;
    q.capacity = 1;
    run(f, &q, &o);
    expect(&o, CYCLECLOUD_INVALID);
    assert_non_null(strstr(o.message, "Standard_None"));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_catalogue_is_read),        TEST(a_set_lives),
        TEST(a_late_write_is_refused),      TEST(a_machine_lives),
        TEST(the_sweep_finds_what_is_ours), TEST(a_quota_is_told_with_its_numbers),
        TEST(a_wrong_request_is_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
