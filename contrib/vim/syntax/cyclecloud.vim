" SPDX-License-Identifier: MIT
" Syntax of CycleCloud cluster templates.
if exists('b:current_syntax')
  finish
endif

syntax case ignore
syntax match cyclecloudComment /\(^\|\s\)#.*$/
syntax match cyclecloudHeader /^\s*\[\+[^]]*\]\+/ contains=cyclecloudKind
syntax match cyclecloudKind /\[\@1<=[a-z-]\+/ contained
syntax match cyclecloudKey /^\s*[A-Za-z_][A-Za-z0-9_.-]*\ze\s*:\?=/
syntax match cyclecloudName /\$\w\+/
syntax region cyclecloudExpression start=/\${/ end=/}/ oneline
syntax region cyclecloudString start=/"/ skip=/\\./ end=/"/ oneline contains=cyclecloudName,cyclecloudExpression
syntax region cyclecloudText start=/'''/ end=/'''/
syntax keyword cyclecloudBoolean true false undefined

highlight default link cyclecloudComment Comment
highlight default link cyclecloudHeader Structure
highlight default link cyclecloudKind Keyword
highlight default link cyclecloudKey Identifier
highlight default link cyclecloudName PreProc
highlight default link cyclecloudExpression PreProc
highlight default link cyclecloudString String
highlight default link cyclecloudText String
highlight default link cyclecloudBoolean Boolean

let b:current_syntax = 'cyclecloud'
