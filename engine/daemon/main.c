/* SPDX-License-Identifier: MIT */

/* cyclecloudfs(8): mounts the HPC clusters of a server as a directory tree. */

#include "daemon.h"

#include "base/log.h"
#include "checker/command.h"

#include <stdio.h>
#include <string.h>

#define HELP_MAX 8192
#define EXIT_USAGE 2
#define CHECK_TEMPLATE "--check-template"

static int print_help(void) {
    _cleanup_buf_ struct buf text = BUF_INIT(HELP_MAX);
    if (options_help(&text) < 0)
        return EXIT_FAILURE;
    return fputs(text.data, stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* In the process that stays: 0 or the status to exit with. */
static int serve(const struct options *options, struct background *background) {
    _cleanup_error_ struct error err = ERROR_INIT;
    _cleanup_(daemon_freep) struct daemon *d = NULL;
    if (daemon_new(options, background, &err, &d) < 0) {
        if (!options->foreground)
            log_error("%s", err_text(&err));
        background_fail(background, err_text(&err));
        return EXIT_FAILURE;
    }
    background_ready(background);
    return daemon_run(d) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char *argv[]) {
    if (argc > 1 && strncmp(argv[1], CHECK_TEMPLATE, strlen(CHECK_TEMPLATE)) == 0)
        return checker_check_template(argc, argv);
    _cleanup_error_ struct error err = ERROR_INIT;
    _cleanup_(options_done) struct options options;
    options_init(&options);
    if (options_parse(&options, argc, argv, &err) < 0) {
        (void)fprintf(stderr, "cyclecloudfs: %s\n", err_text(&err));
        return EXIT_USAGE;
    }
    if (options.help)
        return print_help();
    if (options.version) {
        (void)puts("cyclecloudfs " CYCLECLOUDFS_VERSION);
        return EXIT_SUCCESS;
    }
    struct background background;
    int r = background_start(&background, options.foreground);
    if (r < 0) {
        (void)fprintf(stderr, "cyclecloudfs: cannot go to the background: %s\n", strerror(-r));
        return EXIT_FAILURE;
    }
    return serve(&options, &background);
}
