/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SUPPORT_CHECK_MAIN_H
#define SUPPORT_CHECK_MAIN_H

#include <check.h>
#include <stdlib.h>

/* The main() of a Check program with one suite. Exit status 0 if all passed. */
#define CHECK_MAIN(make_suite)                            \
    int main(void)                                        \
    {                                                     \
        SRunner *runner = srunner_create(make_suite());   \
        int failed;                                       \
                                                          \
        srunner_run_all(runner, CK_NORMAL);               \
        failed = srunner_ntests_failed(runner);           \
        srunner_free(runner);                             \
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE; \
    }

#endif
