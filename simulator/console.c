/* SPDX-License-Identifier: MIT */
#include "console.h"

#include "base/hash.h"
#include "base/parse.h"
#include "options.h"
#include "render.h"
#include "route.h"
#include "vm.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/*
 * Boot diagnostics: a request to the Resource Manager gives addresses of blobs with a signature in
 * their query (SAS), at a storage service of its own, which wants no token and refuses one. The
 * signature is a keyless checksum: a stand-in that guards nothing.
 */

enum { CHECK_SIZE = 17, EXPIRY_DEFAULT_MIN = 120, EXPIRY_MAX_MIN = 1440, BLOB_SIZE = 64 };

/* The steps of a start, in order. */
enum stage { STAGE_FIRMWARE, STAGE_KERNEL, STAGE_CLOUD_INIT, STAGE_AGENT, STAGE_DONE };

static enum stage stage_of(const struct vm *vm) {
    static const enum stage stages[AGENT_PHASE_MAX] = {
        [AGENT_OFF] = STAGE_KERNEL,       [AGENT_REGISTER] = STAGE_CLOUD_INIT,
        [AGENT_INSTALLING] = STAGE_AGENT, [AGENT_COMPLETED] = STAGE_DONE,
        [AGENT_FAILED] = STAGE_DONE,
    };
    if (vm->state == VM_CREATING || vm->fate == VM_FATE_NO_CAPACITY)
        return STAGE_FIRMWARE;
    bool no_agent = !vm->world->agents || !vm_home(vm) || vm->fate == VM_FATE_SILENT;
    return vm->state == VM_RUNNING && no_agent ? STAGE_CLOUD_INIT : stages[vm->agent.phase];
}

/* {h}: host name, {s}: size, {i}: vm id. */
static const struct {
    enum stage from;
    const char *line;
} lines[] = {
    {STAGE_KERNEL, "[    0.000000] Linux version 4.18.0-553.el8_10.x86_64 (gcc 8.5.0) #1 SMP"},
    {STAGE_KERNEL, "[    0.000000] Command line: BOOT_IMAGE=(hd0,gpt1)/vmlinuz-4.18.0-553.el8_10."
                   "x86_64 root=/dev/mapper/rootvg-rootlv ro console=tty1 console=ttyS0 "
                   "earlyprintk=ttyS0"},
    {STAGE_KERNEL, "[    0.000000] Hypervisor detected: Microsoft Hyper-V"},
    {STAGE_KERNEL, "[    0.000000] DMI: Microsoft Corporation Virtual Machine/Virtual Machine"},
    {STAGE_KERNEL, "[    0.412077] hv_vmbus: Vmbus version:5.3"},
    {STAGE_KERNEL, "[    1.084410] hv_netvsc: eth0 registered"},
    {STAGE_KERNEL, "[    1.377201] EXT4-fs (sda2): mounted filesystem with ordered data mode"},
    {STAGE_KERNEL, "[    2.006652] systemd[1]: Set hostname to <{h}>."},
    {STAGE_CLOUD_INIT, "[  OK  ] Reached target Network is Online."},
    {STAGE_CLOUD_INIT, "[    6.310345] cloud-init[912]: Cloud-init v. 23.4 running 'init'"},
    {STAGE_CLOUD_INIT, "[    6.733190] cloud-init[912]: ci-info: size {s}, vmId {i}"},
    {STAGE_CLOUD_INIT, "[    9.120418] cloud-init[1040]: Cloud-init v. 23.4 running "
                       "'modules:final'"},
    {STAGE_AGENT, "[   10.882034] jetpack[1101]: registered with the server"},
    {STAGE_AGENT, "[   11.015973] jetpack[1101]: installing"},
};

/* How a start ends: with a prompt, or with what went wrong. */
static const char *last_line(const struct vm *vm, enum stage stage) {
    if (vm->fate == VM_FATE_STALLED)
        return "[  251.730022] dracut-initqueue[402]: Warning: /dev/mapper/rootvg-rootlv does not "
               "exist";
    if (stage == STAGE_CLOUD_INIT && vm->fate == VM_FATE_SILENT)
        return "[   39.561120] cloud-init[1040]: curl: (28) Failed to connect to the server: "
               "Connection timed out";
    if (stage != STAGE_DONE)
        return NULL;
    return vm->agent.phase == AGENT_FAILED
               ? "[   18.200911] jetpack[1101]: ERROR: the installation failed"
               : "{h} login:";
}

static void put_line(struct buf *b, const char *line, const struct vm *vm) {
    for (const char *p = line; *p; p++) {
        bool variable = p[0] == '{' && p[1] && p[2] == '}';
        if (!variable) {
            (void)buf_putc(b, *p);
            continue;
        }
        (void)buf_puts(b, p[1] == 'h'   ? vm->computer_name
                          : p[1] == 's' ? vm->size->name
                                        : vm->vm_id);
        p += 2;
    }
    (void)buf_puts(b, "\r\n");
}

/* A machine that has much to say. */
static void put_filling(struct buf *b, uint64_t least) {
    for (unsigned n = 0; b->len < least && !buf_error(b); n++)
        (void)buf_printf(b, "[    1.%06u] pci 0000:%02x:%02x.0: BAR 0: assigned\r\n", n % 1000000,
                         n / 32 % 256, n % 32);
}

/* What it has written by now: more with every step of its start. */
static void put_text(const struct vm *vm, struct buf *b) {
    enum stage stage = stage_of(vm);
    if (stage == STAGE_FIRMWARE)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        if (lines[i].from <= stage)
            put_line(b, lines[i].line, vm);
    put_filling(b, vm->world->options->console_bytes);
    const char *last = last_line(vm, stage);
    if (last)
        put_line(b, last, vm);
}

/* Addresses */

static void sign(const char *blob, const char *expiry, char check[CHECK_SIZE]) {
    uint64_t hash = hash_text(blob) ^ hash_u64(hash_text(expiry));
    (void)snprintf(check, CHECK_SIZE, "%016" PRIx64, hash);
}

/* Another host than the Resource Manager's where the same server can have two names. */
static char *storage_url(const struct world *world) {
    const char *base = world->base_url;
    bool loopback = strstr(base, "//127.") || strstr(base, "//[::1]");
    return loopback ? text_format("http://localhost%s", strrchr(base, ':')) : strdup(base);
}

static json_t *blob_url(const struct vm *vm, const char *kind, uint64_t expires_at_s) {
    char blob[BLOB_SIZE], expiry[24], check[CHECK_SIZE];
    (void)snprintf(blob, sizeof(blob), "%s.%s", vm->vm_id, kind);
    (void)snprintf(expiry, sizeof(expiry), "%" PRIu64, expires_at_s);
    sign(blob, expiry, check);
    _cleanup_free_ char *storage = storage_url(vm->world);
    return storage ? json_format("%s/simulated-storage/bootdiagnostics/%s"
                                 "?sv=2018-03-28&sr=b&sig=%s%%3D&se=%s&sp=r",
                                 storage, blob, check, expiry)
                   : NULL;
}

static bool expiry_of(struct exchange *ex, uint64_t *ret_min) {
    const char *text = exchange_query(ex, "sasUriExpirationTimeInMinutes");
    *ret_min = EXPIRY_DEFAULT_MIN;
    if (!text || (parse_u64(text, ret_min) == 0 && *ret_min >= 1 && *ret_min <= EXPIRY_MAX_MIN))
        return true;
    reply_error_at(ex, 400, "InvalidParameter", "sasUriExpirationTimeInMinutes",
                   "The value of parameter sasUriExpirationTimeInMinutes is invalid: it must be "
                   "between 1 and %d.",
                   EXPIRY_MAX_MIN);
    return false;
}

void console_retrieve(struct exchange *ex, const struct vm *vm) {
    uint64_t minutes;
    json_t *profile = json_path(vm_profile(vm), "diagnosticsProfile.bootDiagnostics");
    if (!json_path_bool(profile, "enabled", false)) {
        reply_error(ex, 409, "OperationNotAllowed",
                    "Boot diagnostics are not enabled for the virtual machine '%s'.", vm->name);
        return;
    }
    if (vm->state == VM_DELETING) {
        reply_error(ex, 404, "ResourceNotFound", "The virtual machine '%s' is being deleted.",
                    vm->name);
        return;
    }
    if (!expiry_of(ex, &minutes))
        return;
    uint64_t expires_at_s = clock_wall(&clock_real) / USEC_SEC + minutes * 60;
    reply_json(ex, 200,
               json_pack("{s:o,s:o}", "consoleScreenshotBlobUri",
                         blob_url(vm, "screenshot.bmp", expires_at_s), "serialConsoleLogBlobUri",
                         blob_url(vm, "serialconsole.log", expires_at_s)));
}

/* The storage service */

static void refuse_blob(struct exchange *ex, int status, const char *code, const char *words) {
    reply_status(ex, status);
    (void)buf_printf(&ex->reply,
                     "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>%s</Code>"
                     "<Message>%s</Message></Error>",
                     code, words);
    ex->reply_type = "application/xml";
    reply_header(ex, "x-ms-error-code", "%s", code);
}

static bool signature_good(struct exchange *ex, const char *blob) {
    const char *expiry = exchange_query(ex, "se"), *given = exchange_query(ex, "sig");
    char check[CHECK_SIZE];
    uint64_t expires_at_s;
    if (!expiry || !given || parse_u64(expiry, &expires_at_s) < 0 ||
        expires_at_s < clock_wall(&clock_real) / USEC_SEC)
        return false;
    sign(blob, expiry, check);
    size_t len = strlen(check);
    return strncmp(given, check, len) == 0 && strcmp(given + len, "=") == 0;
}

static const struct vm *vm_of_blob(struct exchange *ex, const char *blob) {
    list_for_each(link, &ex->world->vms) {
        const struct vm *vm = list_entry(link, struct vm, link);
        size_t len = strlen(vm->vm_id);
        if (strncmp(blob, vm->vm_id, len) == 0 && strcmp(blob + len, ".serialconsole.log") == 0)
            return vm;
    }
    return NULL;
}

static void handle_blob(struct exchange *ex) {
    const char *blob = ex->captures[0];
    if (exchange_header(ex, "Authorization") || !signature_good(ex, blob)) {
        refuse_blob(ex, 403, "AuthenticationFailed",
                    "Server failed to authenticate the request. Make sure the value of the "
                    "Authorization header is formed correctly including the signature.");
        return;
    }
    const struct vm *vm = vm_of_blob(ex, blob);
    if (vm && stage_of(vm) != STAGE_FIRMWARE) {
        reply_status(ex, 200);
        put_text(vm, &ex->reply);
        ex->reply_type = "application/octet-stream";
        return;
    }
    refuse_blob(ex, 404, "BlobNotFound", "The specified blob does not exist.");
}

const struct route storage_routes[] = {
    {"GET", "simulated-storage/bootdiagnostics/*", handle_blob, "get-blob", POLICY_NONE, false, 0},
    {0},
};
