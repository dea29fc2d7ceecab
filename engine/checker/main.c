/* SPDX-License-Identifier: MIT */
/* cyclecloud-template(1): checks cluster templates and shows what they mean. */
#include "command.h"

int main(int argc, char *argv[]) {
    return checker_main(argc, argv);
}
