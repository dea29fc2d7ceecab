" SPDX-License-Identifier: MIT
" The language server, for vim-lsp (https://github.com/prabirshrestha/vim-lsp) and for Neovim 0.11.
" Install: copy the directories next to this one into ~/.vim, or ~/.config/nvim.
if exists('g:loaded_cyclecloud') || !executable('cyclecloud-template')
  finish
endif
let g:loaded_cyclecloud = 1

augroup cyclecloud_lsp
  autocmd!
  autocmd User lsp_setup call lsp#register_server({
        \ 'name': 'cyclecloud-template',
        \ 'cmd': {server_info -> ['cyclecloud-template', 'lsp']},
        \ 'allowlist': ['cyclecloud'],
        \ })
augroup END

if has('nvim-0.11')
  lua vim.lsp.config('cyclecloud', {cmd = {'cyclecloud-template', 'lsp'}, filetypes = {'cyclecloud'}})
  lua vim.lsp.enable('cyclecloud')
endif
