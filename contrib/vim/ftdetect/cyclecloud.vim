" SPDX-License-Identifier: MIT
" Cluster templates are .txt files: one is known by its first section.
function! s:Detect() abort
  for line in getline(1, 200)
    if line =~? '^\s*\[\s*cluster\s'
      setlocal filetype=cyclecloud
      return
    elseif line =~# '^\s*\['
      return
    endif
  endfor
endfunction

augroup cyclecloud_detect
  autocmd!
  autocmd BufNewFile,BufRead *.txt,template call s:Detect()
  autocmd BufNewFile,BufRead project.ini setlocal filetype=cyclecloud
augroup END
