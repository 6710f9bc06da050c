/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Linked into tests/sallyport-hooked, which is the program but for this: a worker tries
 * what SALLYPORT_HOOK says once it has given up its privileges. It must not survive that.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <unistd.h>

void hook_try(void);

void
hook_try(void)
{
    const char *what = getenv("SALLYPORT_HOOK");
    char *const argv[] = {NULL};
    long result = -1;

    if (what == NULL)
        return;
    if (strcmp(what, "open") == 0)
        result = open("/", O_RDONLY);
    else if (strcmp(what, "exec") == 0)
        result = execv("/proc/self/exe", argv);
    else if (strcmp(what, "fork") == 0)
        result = fork();
    else if (strcmp(what, "ptrace") == 0)
        result = ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    fprintf(stderr, "hook: %s returned %ld, and the worker lives\n", what, result);
}
