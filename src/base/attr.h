/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

/* What the compiler is told about functions. */
#define ATTR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define ATTR_MUST_CHECK __attribute__((warn_unused_result))
#define ATTR_NORETURN __attribute__((noreturn))
#define ATTR_UNUSED __attribute__((unused))

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
