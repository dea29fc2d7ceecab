/* SPDX-License-Identifier: MIT */
#include "agent.h"

#include "base/buf.h"
#include "cyclecloud/agent.h"
#include "network.h"
#include "options.h"
#include "vm.h"

#include <errno.h>
#include <string.h>

enum {
    CALLS_MAX = 64, /* under way at a time */
    ANSWER_MAX = 64 << 10,
    BODY_MAX_BYTES = 8 << 10,
    CALL_TIMEOUT_S = 20,
    CONNECT_TIMEOUT_S = 5,
    BACKOFF_FIRST_MS = 250,
    BACKOFF_MAX_S = 30,
    INTERVAL_DEFAULT_S = 60,
    INTERVAL_MAX_S = 86400,
    INSTALL_FROM_S = 20,
    INSTALL_TO_S = 60,
};

/* One call under way. The VM may go meanwhile: then nobody waits for the answer. */
struct transfer {
    struct list link;
    struct agents *agents;
    struct vm *vm;
    CURL *easy;
    struct curl_slist *headers;
    struct buf body, answer;
    bool registers;
};

struct agents {
    struct world *world;
    CURLM *multi;
    struct list waiting;   /* struct agent.waiting */
    struct list transfers; /* under way */
    unsigned running;
};

static const char *const phase_texts[AGENT_PHASE_MAX] = {
    [AGENT_OFF] = "off",
    [AGENT_REGISTER] = "registering",
    [AGENT_INSTALLING] = "installing",
    [AGENT_COMPLETED] = "completed",
    [AGENT_FAILED] = "failed",
};

const char *agent_phase_text(enum agent_phase phase) {
    return phase_texts[phase];
}

int agent_phase_parse(const char *text) {
    for (int i = 0; text && i < AGENT_PHASE_MAX; i++)
        if (strcmp(phase_texts[i], text) == 0)
            return i;
    return -EINVAL;
}

static struct vm *vm_of(struct agent *agent) {
    return list_entry(agent, struct vm, agent);
}

int agents_new(struct world *world, struct agents **ret) {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        return -EIO;
    struct agents *agents = calloc(1, sizeof(*agents));
    if (!agents)
        return -ENOMEM;
    agents->world = world;
    list_init(&agents->waiting);
    list_init(&agents->transfers);
    agents->multi = curl_multi_init();
    if (!agents->multi) {
        free(agents);
        return -ENOMEM;
    }
    (void)curl_multi_setopt(agents->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)CALLS_MAX);
    (void)curl_multi_setopt(agents->multi, CURLMOPT_MAXCONNECTS, (long)CALLS_MAX);
    *ret = agents;
    return 0;
}

static void transfer_free(struct transfer *transfer) {
    if (!transfer)
        return;
    if (transfer->vm)
        transfer->vm->agent.transfer = NULL;
    if (!list_empty(&transfer->link)) {
        (void)curl_multi_remove_handle(transfer->agents->multi, transfer->easy);
        list_del(&transfer->link);
        transfer->agents->running--;
    }
    curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    buf_done(&transfer->body);
    buf_done(&transfer->answer);
    free(transfer);
}

void agents_free(struct agents *agents) {
    if (!agents)
        return;
    list_for_each_safe(link, next, &agents->transfers)
        transfer_free(list_entry(link, struct transfer, link));
    list_for_each_safe(link, next, &agents->waiting) list_del(link);
    (void)curl_multi_cleanup(agents->multi);
    curl_global_cleanup();
    free(agents);
}

CURLM *agents_multi(struct agents *agents) {
    return agents->multi;
}

static void call_due(struct timer *timer, void *context) {
    const struct world *world = context;
    struct agent *agent = list_entry(timer, struct agent, timer);
    if (world->agents && !agent->transfer && list_empty(&agent->waiting))
        list_add_tail(&world->agents->waiting, &agent->waiting);
}

static void call_at(struct vm *vm, usec_t at) {
    vm->agent.timer.fire = call_due;
    (void)timer_set(&vm->world->timers, &vm->agent.timer, at); /* without memory it is silent */
}

void agent_boot(struct vm *vm, usec_t at) {
    struct agent *agent = &vm->agent;
    if (!vm_home(vm) || vm->fate == VM_FATE_SILENT || !vm->world->agents)
        return;
    agent->announced = false;
    agent->failures = 0;
    agent->installed_at = at + world_span(vm->world, INSTALL_FROM_S, INSTALL_TO_S);
    agent->phase = agent->token ? AGENT_INSTALLING : AGENT_REGISTER;
    call_at(vm, at);
}

void agent_stop(struct vm *vm) {
    struct agent *agent = &vm->agent;
    agent->phase = AGENT_OFF;
    timer_cancel(&vm->world->timers, &agent->timer);
    list_del(&agent->waiting);
    if (agent->transfer) {
        agent->transfer->vm = NULL;
        agent->transfer = NULL;
    }
}

void agent_done(struct vm *vm) {
    agent_stop(vm);
    free(vm->agent.token);
    vm->agent.token = NULL;
}

void agent_resume(struct vm *vm) {
    if (vm->agent.phase != AGENT_OFF && vm->world->agents)
        call_at(vm, vm->agent.timer.at);
}

static size_t keep_answer(char *data, size_t size, size_t count, void *arg) {
    (void)buf_append(arg, data, size * count); /* what is too long is not ours */
    return size * count;
}

static void put_register_body(struct buf *b, const struct vm *vm) {
    char private_address[ADDRESS_TEXT_SIZE] = "", public_address[ADDRESS_TEXT_SIZE] = "";
    if (vm->address)
        address_format(vm->address, private_address);
    if (vm->public_address)
        address_format(vm->public_address, public_address);
    (void)buf_printf(b, "{\"" AGENT_VM_ID "\":\"%s\",\"" AGENT_RESOURCE_ID "\":\"", vm->vm_id);
    (void)buf_put_json(b, vm->object.id);
    (void)buf_puts(b, "\",\"" AGENT_HOST_NAME "\":\"");
    (void)buf_put_json(b, vm->computer_name);
    (void)buf_printf(b, "\",\"addresses\":{\"private\":\"%s\",\"public\":\"%s\"}}", private_address,
                     public_address);
}

/* Made up, within what such a machine could say. */
static void put_metrics(struct buf *b, const struct vm *vm) {
    const struct random_source *random = &vm->world->random;
    double cpu = random_unit(random);
    (void)buf_printf(b,
                     "\"" AGENT_METRICS "\":{\"" AGENT_CPU "\":%.3f,\"" AGENT_LOAD
                     "\":%.2f,\"" AGENT_MEMORY_USED "\":%.2f,\"" AGENT_MEMORY_TOTAL "\":%.2f,"
                     "\"network_rx_mbps\":%.1f,\"network_tx_mbps\":%.1f}",
                     cpu, cpu * vm->size->vcpus_available,
                     vm->size->memory_gb * (0.05 + 0.6 * random_unit(random)), vm->size->memory_gb,
                     200 * random_unit(random), 200 * random_unit(random));
}

static void put_status_body(struct buf *b, const struct vm *vm) {
    static const struct {
        const char *state, *message;
    } reports[AGENT_PHASE_MAX] = {
        [AGENT_INSTALLING] = {"running", "Installing software"},
        [AGENT_COMPLETED] = {"completed", "Ready"},
        [AGENT_FAILED] = {"failed", "Installation script 00-install.sh ended with exit code 1"},
    };
    enum agent_phase phase = vm->agent.phase;
    (void)buf_printf(b,
                     "{\"" AGENT_PHASE "\":\"Cloud.AwaitInstallation\",\"" AGENT_STATE
                     "\":\"%s\",\"" AGENT_MESSAGE "\":\"%s\",",
                     reports[phase].state, reports[phase].message);
    put_metrics(b, vm);
    (void)buf_putc(b, '}');
}

static int add_header(struct transfer *transfer, const char *text) {
    struct curl_slist *longer = text ? curl_slist_append(transfer->headers, text) : NULL;
    if (!longer)
        return -ENOMEM;
    transfer->headers = longer;
    return 0;
}

static int set_request(struct transfer *transfer) {
    struct vm *vm = transfer->vm;
    const struct home *home = vm_home(vm);
    const char *path = transfer->registers ? "/agent/v1/register" : "/agent/v1/status";
    _cleanup_free_ char *url = text_format("%s%s", home->server, path);
    _cleanup_free_ char *bearer = text_format("Authorization: Bearer %s",
                                              transfer->registers ? home->token : vm->agent.token);
    if (!url || add_header(transfer, bearer) < 0 ||
        add_header(transfer, "Content-Type: application/json") < 0 ||
        add_header(transfer, "Expect:") < 0)
        return -ENOMEM;
    if (transfer->registers)
        put_register_body(&transfer->body, vm);
    else
        put_status_body(&transfer->body, vm);
    CURL *easy = transfer->easy;
    bool fine = !buf_error(&transfer->body) &&
                curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->body.data);
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)transfer->body.len);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep_answer);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer->answer);
    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)CALL_TIMEOUT_S);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
    /* A simulated machine has nothing to protect; a server under test signs its own certificate. */
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    return fine ? 0 : -ENOMEM;
}

static int transfer_start(struct agents *agents, struct vm *vm) {
    struct transfer *transfer = calloc(1, sizeof(*transfer));
    if (!transfer)
        return -ENOMEM;
    transfer->agents = agents;
    transfer->vm = vm;
    list_init(&transfer->link);
    buf_init(&transfer->body, BODY_MAX_BYTES);
    buf_init(&transfer->answer, ANSWER_MAX);
    transfer->easy = curl_easy_init();
    transfer->registers = vm->agent.phase == AGENT_REGISTER || !vm->agent.token;
    int r = transfer->easy ? set_request(transfer) : -ENOMEM;
    if (r == 0 && curl_multi_add_handle(agents->multi, transfer->easy) != CURLM_OK)
        r = -ENOMEM;
    if (r < 0) {
        transfer_free(transfer);
        return r;
    }
    list_add_tail(&agents->transfers, &transfer->link);
    agents->running++;
    vm->agent.transfer = transfer;
    return 0;
}

static usec_t from_now(usec_t span) {
    return clock_wall(&clock_real) + span;
}

/* Comes again later: 250 ms, doubled each time, half a minute at most, spread by a fifth. */
static void call_again(struct vm *vm) {
    unsigned doublings = vm->agent.failures < 10 ? vm->agent.failures : 10;
    usec_t wait = (BACKOFF_FIRST_MS * USEC_MS) << doublings;
    if (wait > BACKOFF_MAX_S * USEC_SEC)
        wait = BACKOFF_MAX_S * USEC_SEC;
    vm->agent.failures++;
    wait += (usec_t)((double)wait * 0.2 * random_unit(&vm->world->random));
    call_at(vm, from_now(wait));
}

/* When the next report is due: the end of the installation, or the next heartbeat. */
static void plan_next(struct vm *vm) {
    struct agent *agent = &vm->agent;
    usec_t now = clock_wall(&clock_real);
    usec_t interval_s = agent->interval_s ? agent->interval_s : INTERVAL_DEFAULT_S;
    usec_t at = now + interval_s * USEC_SEC;
    if (agent->phase == AGENT_INSTALLING && agent->installed_at < at)
        at = agent->installed_at > now ? agent->installed_at : now;
    call_at(vm, at);
}

static void take_interval(struct agent *agent, json_t *answer) {
    json_int_t interval_s = json_path_int(answer, "interval_s", agent->interval_s);
    if (interval_s > 0 && interval_s <= INTERVAL_MAX_S)
        agent->interval_s = (uint32_t)interval_s;
}

static void registered(struct vm *vm, json_t *answer) {
    const char *token = json_path_text(answer, AGENT_TOKEN);
    char *copy = token ? strdup(token) : NULL;
    if (!copy) {
        call_again(vm);
        return;
    }
    free(vm->agent.token);
    vm->agent.token = copy;
    vm->agent.phase = AGENT_INSTALLING;
    vm->agent.failures = 0;
    vm->agent.announced = false;
    take_interval(&vm->agent, answer);
    call_at(vm, from_now(0));
    world_touch(vm->world, &vm->object);
}

static void reported(struct vm *vm, json_t *answer) {
    struct agent *agent = &vm->agent;
    agent->failures = 0;
    take_interval(agent, answer);
    if (agent->phase == AGENT_INSTALLING && !agent->announced) {
        agent->announced = true;
        world_touch(vm->world, &vm->object);
    }
    plan_next(vm);
}

static void go_on(struct transfer *transfer, long status, json_t *answer) {
    struct vm *vm = transfer->vm;
    if (status == 200 && transfer->registers) {
        registered(vm, answer);
    } else if (status == 200) {
        reported(vm, answer);
    } else if (status == 401 && !transfer->registers) {
        vm->agent.phase = AGENT_REGISTER;
        call_again(vm);
    } else {
        call_again(vm);
    }
}

static void transfer_done(struct transfer *transfer, CURLcode result) {
    struct vm *vm = transfer->vm;
    if (vm) {
        long status = 0;
        curl_off_t retry_after_s = 0;
        (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
        (void)curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
        _cleanup_json_ json_t *answer =
            json_loadb(transfer->answer.data, transfer->answer.len, 0, NULL);
        vm->agent.transfer = NULL;
        go_on(transfer, result == CURLE_OK ? status : 0, answer);
        if (result == CURLE_OK && retry_after_s > 0 && status != 200)
            call_at(vm, from_now((usec_t)retry_after_s * USEC_SEC));
        transfer->vm = NULL;
    }
    transfer_free(transfer);
}

/* The installation may have ended since the last report. */
static void settle_phase(struct vm *vm) {
    struct agent *agent = &vm->agent;
    if (agent->phase != AGENT_INSTALLING || !agent->announced ||
        agent->installed_at > clock_wall(&clock_real))
        return;
    agent->phase = vm->fate == VM_FATE_BROKEN ? AGENT_FAILED : AGENT_COMPLETED;
    world_touch(vm->world, &vm->object);
}

void agents_run(struct agents *agents) {
    int running, left;
    CURLMsg *message;
    (void)curl_multi_perform(agents->multi, &running);
    while ((message = curl_multi_info_read(agents->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        struct transfer *transfer = NULL;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        transfer_done(transfer, message->data.result);
    }
    while (agents->running < CALLS_MAX && !list_empty(&agents->waiting)) {
        struct agent *agent = list_entry(agents->waiting.next, struct agent, waiting);
        list_del(&agent->waiting);
        settle_phase(vm_of(agent));
        if (transfer_start(agents, vm_of(agent)) < 0)
            call_again(vm_of(agent));
    }
    (void)curl_multi_perform(agents->multi, &running);
}
