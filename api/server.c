/* SPDX-License-Identifier: MIT */
#include "api.h"

#include "base/parse.h"
#include "request.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define CONNECTIONS_MAX 4096u  /* that are kept; for one more the longest idle is closed */
#define CONNECTIONS_SPARE 128u /* of each thread, until the closed ones have gone */
#define CONNECTIONS_MIN 16u
#define OTHER_FILES 256u /* what the rest of the process keeps open */
#define THREADS 2u
#define BACKLOG 1024
#define CONNECTION_MEMORY ((size_t)8192) /* the request line and headers must fit */

struct api {
    struct service service;
    struct MHD_Daemon *daemon;
    int listen_fd; /* until the daemon has it */
    uint16_t port;
};

/* Splits "ADDR:PORT" in place. The colon before the port is the last one; brackets may surround the
   address. 0 or -EINVAL. */
static int split_listen(char *text, const char **ret_host, const char **ret_port) {
    char *colon = strrchr(text, ':');
    uint64_t port;
    if (!colon || colon == text || parse_u64(colon + 1, &port) < 0 || port > UINT16_MAX)
        return -EINVAL;
    *colon = '\0';
    *ret_port = colon + 1;
    *ret_host = text;
    if (*text != '[')
        return strchr(text, ':') ? -EINVAL : 0;
    if (colon[-1] != ']')
        return -EINVAL;
    colon[-1] = '\0';
    *ret_host = text + 1;
    return 0;
}

static int bind_socket(const struct addrinfo *a, int *ret_fd) {
    _cleanup_close_ int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
        return -errno;
    *ret_fd = TAKE_FD(fd);
    return 0;
}

static int open_socket(const char *listen, struct error *err, int *ret_fd) {
    _cleanup_free_ char *text = strdup(listen);
    const char *host, *port;
    if (!text)
        return -ENOMEM;
    if (split_listen(text, &host, &port) < 0)
        return err_kind(err, "invalid_config",
                        "listen: '%s' is not an address: write ADDR:PORT, for example 0.0.0.0:8080",
                        listen);
    struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM}, *found;
    int g = getaddrinfo(host, port, &hints, &found);
    if (g != 0)
        return err_kind(err, "invalid_config", "listen: the address '%s' is not known: %s", host,
                        gai_strerror(g));
    int r = bind_socket(found, ret_fd);
    freeaddrinfo(found);
    if (r < 0)
        return err_set(err, r, "unreachable",
                       "listen: cannot listen on %s: %s; choose another address or port", listen,
                       strerror(-r));
    return 0;
}

static uint16_t socket_port(int fd) {
    struct sockaddr_storage a;
    socklen_t len = sizeof(a);
    if (getsockname(fd, (struct sockaddr *)&a, &len) < 0)
        return 0;
    return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port
                                         : ((struct sockaddr_in *)&a)->sin_port);
}

/* How many connections the limit of open files allows, after raising it as far as is needed. */
static unsigned connection_limit(void) {
    struct rlimit limit;
    rlim_t wanted = CONNECTIONS_MAX + THREADS * CONNECTIONS_SPARE + OTHER_FILES;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return CONNECTIONS_MIN;
    if (limit.rlim_cur < wanted) {
        struct rlimit raised = {.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted,
                                .rlim_max = limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
            limit = raised;
    }
    if (limit.rlim_cur >= wanted)
        return CONNECTIONS_MAX;
    rlim_t others = THREADS * CONNECTIONS_SPARE + OTHER_FILES;
    return limit.rlim_cur > others + CONNECTIONS_MIN ? (unsigned)(limit.rlim_cur - others)
                                                     : CONNECTIONS_MIN;
}

/* Each thread has room for all that are kept, however they are spread: the server's own limit,
   which would leave new clients waiting, is never met. */
static int start_daemon(struct api *api, unsigned kept) {
    const unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC;
    errno = 0;
    api->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, request_handle, &api->service, MHD_OPTION_LISTEN_SOCKET,
        api->listen_fd, MHD_OPTION_THREAD_POOL_SIZE, THREADS, MHD_OPTION_CONNECTION_LIMIT,
        THREADS * (kept + CONNECTIONS_SPARE), MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK, request_unescape, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, request_completed, &api->service, MHD_OPTION_NOTIFY_CONNECTION,
        request_connection, &api->service, MHD_OPTION_END);
    if (!api->daemon)
        return errno ? -errno : -EIO;
    api->listen_fd = -1;
    return 0;
}

int api_new(const struct api_options *options, const struct gateway *gateway, struct error *err,
            struct api **ret) {
    _cleanup_(api_freep) struct api *api = calloc(1, sizeof(*api));
    if (!api)
        return -ENOMEM;
    api->listen_fd = -1;
    api->service.gateway = gateway;
    int r = open_socket(options->listen, err, &api->listen_fd);
    if (r < 0)
        return r;
    api->port = socket_port(api->listen_fd);
    unsigned kept = options->connections ? options->connections : connection_limit();
    const struct waits_options waits = {options->idle_timeout_ms, options->deadline_ms, kept,
                                        options->connections_per_address};
    r = hosts_init(&api->service.hosts, options->listen, options->url);
    if (r == 0)
        r = waits_new(gateway, &waits, &api->service.waits);
    if (r == 0)
        r = start_daemon(api, kept);
    if (r < 0)
        return err_set(err, r, "internal", "listen: the HTTP server cannot start: %s",
                       strerror(-r));
    *ret = TAKE_PTR(api);
    return 0;
}

uint16_t api_port(const struct api *api) {
    return api->port;
}

void api_free(struct api *api) {
    if (!api)
        return;
    if (api->service.waits)
        waits_stop(api->service.waits); /* no call is suspended after that */
    if (api->daemon)
        MHD_stop_daemon(api->daemon); /* closes the socket, too; to quiesce a pool of epoll threads
                                         before may abort: both sides take the socket out */
    cleanup_close(&api->listen_fd);
    waits_unref(api->service.waits);
    hosts_done(&api->service.hosts);
    free(api);
}
