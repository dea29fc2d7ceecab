/* SPDX-License-Identifier: MIT */
#ifndef CHECKER_COMMAND_H
#define CHECKER_COMMAND_H

/*
 * The command line of cyclecloud-template(1). Prints, and returns the exit status: see enum
 * checker_status. `argv` is not changed.
 */
int checker_main(int argc, char *argv[]);

/* `PROGRAM --check-template FILE [options]`: the same as `cyclecloud-template check FILE`. */
int checker_check_template(int argc, char *argv[]);

#endif
