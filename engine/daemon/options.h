/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_OPTIONS_H
#define DAEMON_OPTIONS_H

/*
 * The command line of cyclecloudfs. Every long option may also be given behind -o, so that
 * `mount -t fuse.cyclecloudfs` and fstab can say all that the command line can.
 */

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

#define OPTIONS_STATE_DIR "/var/lib/cyclecloudfs"
#define OPTIONS_CONFIG_FILE "/etc/cyclecloudfs/cyclecloudfs.conf"

struct options {
    char *source;     /* what `mount` shows as the device */
    char *mountpoint; /* absolute, like the three below */
    char *fast_read;  /* directory of the mount for fast reading; NULL: none */
    char *state_dir;
    char *config_file;
    char *listen;         /* ADDR:PORT; NULL: what the configuration says */
    char *simulate;       /* further options for armsim, separated by blanks; NULL: none */
    char *root_mode_text; /* as given; NULL: by default */
    char *threads_text;
    bool simulate_set;
    bool foreground;
    bool help, version;
    bool config_given;      /* then it must exist */
    mode_t root_mode;       /* 0 = by default */
    unsigned threads;       /* FUSE workers; 0 = by default */
    struct buf mount_flags; /* "ro,nosuid": for the kernel */
};

void options_init(struct options *o);
void options_done(struct options *o);

/*
 * Reads the command line into `o` (initialised by options_init). With --help or --version nothing
 * else is checked. Returns 0, -EINVAL with words in `err`, or -ENOMEM.
 */
int options_parse(struct options *o, int argc, char *const argv[], struct error *err);

/* Appends the text of --help, made from the table of options. 0 or -errno. */
int options_help(struct buf *b);

#endif
