/* SPDX-License-Identifier: MIT */
#ifndef LSP_LSP_H
#define LSP_LSP_H

/*
 * `cyclecloud-template lsp`: serves one client over two file descriptors until it says exit or
 * closes its side. Blocks. Returns the exit status: 0 after shutdown and exit, 1 if the client left
 * without, 2 if what it sent is no protocol or the output cannot be written.
 */
int lsp_serve(int input, int output);

#endif
