/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Linked into tests/bench/sallyport-through, which is sallyport but for this: the words in
 * BENCH_THROUGH are the command by which it starts its children. valgrind cannot follow an
 * exec of /proc/self/exe: that would be itself.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS 32

int __real_execve(const char *path, char *const argv[], char *const envp[]);
int __wrap_execve(const char *path, char *const argv[], char *const envp[]);

int
__wrap_execve(const char *path, char *const argv[], char *const envp[])
{
    static char copy[4096];
    const char *through = getenv("BENCH_THROUGH");
    char *words[WORDS + 1] = {NULL};
    char *rest = copy;

    if (through == NULL || strlen(through) >= sizeof(copy) ||
        strcmp(path, "/proc/self/exe") != 0)
        return __real_execve(path, argv, envp);
    memcpy(copy, through, strlen(through) + 1);
    for (size_t i = 0; i < WORDS && rest != NULL; i++)
        words[i] = strsep(&rest, " ");
    return __real_execve(words[0], words, envp);
}
