" SPDX-License-Identifier: BSD-2-Clause
autocmd BufRead,BufNewFile sallyport.conf,*/sallyport/*.conf setfiletype sallyport
