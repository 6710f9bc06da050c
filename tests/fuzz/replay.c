/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main() of the fuzz targets where there is no libFuzzer: runs the target over every file
 * of the directories that are named as arguments, in the order of their names. Without
 * arguments it takes the target's own corpus: the program fuzz_NAME that of
 * $FUZZ_CORPUS/NAME.
 * Exit status: 0 if there were inputs; 1 if there was none, or one cannot be read.
 */
#include "fuzz.h"

#include <dirent.h>
#include <sys/stat.h>

/* Run the target over a file, from memory that ends where the file ends. */
static int
run_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(size > 0 ? size : 1);
    int result = -1;

    if (file == NULL || bytes == NULL || fread(bytes, 1, size, file) != size) {
        perror(path);
        goto out;
    }
    (void)LLVMFuzzerTestOneInput(bytes, size);
    result = 0;
out:
    free(bytes);
    if (file != NULL)
        fclose(file);
    return result;
}

static int
run_entry(const char *directory, const char *name, unsigned *runs)
{
    char path[4096];
    struct stat status;
    int len = snprintf(path, sizeof(path), "%s/%s", directory, name);

    if (len < 0 || (size_t)len >= sizeof(path) || stat(path, &status) != 0) {
        perror(name);
        return -1;
    }
    if (!S_ISREG(status.st_mode))
        return 0;
    (*runs)++;
    return run_file(path, (size_t)status.st_size);
}

static int
run_directory(const char *directory, unsigned *runs)
{
    struct dirent **entries;
    int count = scandir(directory, &entries, NULL, alphasort);
    int result = 0;

    if (count < 0) {
        perror(directory);
        return -1;
    }
    for (int i = 0; i < count; i++) {
        if (run_entry(directory, entries[i]->d_name, runs) != 0)
            result = -1;
        free(entries[i]);
    }
    free(entries);
    return result;
}

static int
run_own_corpus(const char *program, unsigned *runs)
{
    const char *corpus = getenv("FUZZ_CORPUS");
    const char *name = strstr(program, "fuzz_");
    char directory[4096];
    int len;

    for (const char *next = name; next != NULL; next = strstr(next + 1, "fuzz_"))
        name = next;
    if (corpus == NULL || name == NULL) {
        fprintf(stderr, "usage: %s DIRECTORY...\n", program);
        return -1;
    }
    name += strlen("fuzz_");
    len = snprintf(directory, sizeof(directory), "%s/%s", corpus, name);
    if (len < 0 || (size_t)len >= sizeof(directory))
        return -1;
    return run_directory(directory, runs);
}

int
main(int argc, char **argv)
{
    unsigned runs = 0;
    int result = 0;

    if (argc < 2)
        result = run_own_corpus(argv[0], &runs);
    for (int i = 1; i < argc; i++) {
        if (run_directory(argv[i], &runs) != 0)
            result = -1;
    }
    printf("%s: %u inputs\n", argv[0], runs);
    return result == 0 && runs > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
