" SPDX-License-Identifier: MIT
setlocal commentstring=#\ %s
let b:undo_ftplugin = 'setlocal commentstring<'
