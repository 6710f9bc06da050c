/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The log of the process. One line an entry; a line leaves in one write() and is
 * never torn. Before log_open everything of LOG_LEVEL_INFO and above goes to stderr as
 * text. Nothing waits for a slow reader: a line that cannot leave at once is dropped and
 * counted.
 */
enum log_level {
    LOG_LEVEL_ERROR,   /* sallyport cannot do what it was told to */
    LOG_LEVEL_WARNING, /* the operator should look at it: an expired certificate */
    LOG_LEVEL_NOTICE,  /* the life of the process: started, stopping, reloaded */
    LOG_LEVEL_INFO,    /* one line per connection, one per failed handshake */
    LOG_LEVEL_PROBE,   /* health probes: connected and left without a byte */
    LOG_LEVEL_DEBUG,   /* for whoever reads the source */
    LOG_LEVELS
};

enum log_format {
    LOG_TEXT,
    LOG_JSON
};

struct log_settings {
    enum log_level level;
    enum log_format format;
    const char *to; /* "stderr", "syslog" or the path of a file (appended to, mode 0640) */
    const char *facility; /* of syslog: "daemon", "local0" ... */
};

/* The name of a level as the conf file writes it, and back (-1: unknown). */
const char *log_level_name(enum log_level level);
int log_level_parse(const char *name) ATTR_MUST_CHECK;

/* The syslog facility of a name ("daemon", "user", "local0" ...), or -1. */
int log_facility_parse(const char *name) ATTR_MUST_CHECK;

/*
 * Begin to log as told. Copies settings. Returns 0, or -1 with errno (the file; EINVAL:
 * the facility), and then everything stays as it was.
 */
int log_open(const struct log_settings *settings) ATTR_MUST_CHECK;

/* Could log_open do that? Returns 0, or -1 with errno; changes nothing. */
int log_check(const struct log_settings *settings) ATTR_MUST_CHECK;

/* Back to what was before log_open. The count of log_dropped stays. */
void log_close(void);

/*
 * For a process that opens nothing itself: the descriptor of the log if several processes
 * may write to it at once (a file, also one behind stderr), else -1: then their lines have
 * to come here through a pipe. Lent until the log is opened or closed again.
 */
int log_shared_fd(void);

/*
 * Log to fd, which it takes: a log_shared_fd of another process; or, framed, the
 * non-blocking write end of a pipe whose reader calls log_forward: each line has its level
 * in front of it, as '0' and onwards.
 */
void log_attach(int fd, bool framed, enum log_level level, enum log_format format);

/* From now on lines that are lost are counted in *counter as well (borrowed). */
void log_count_dropped(uint64_t *counter);

/*
 * Write a line that another process has made and filtered; and is the reader of stderr so
 * slow that it would be dropped now, but not for ever?
 */
void log_forward(enum log_level level, const char *line, size_t len);
bool log_is_full(void);

/* Would a line of that level be written? Ask before building an expensive one. */
bool log_wants(enum log_level level);
enum log_format log_get_format(void);

/*
 * Write a message of the process. Text: "time=... level=... msg=..."; JSON:
 * {"time":...,"level":...,"msg":...}. Times are RFC 3339 in UTC with milliseconds.
 * Messages of more than 2047 bytes, or of more than LOG_LINE_MAX in a line, are cut. errno
 * stays as it was.
 */
void log_write(enum log_level level, const char *format, ...) ATTR_PRINTF(2, 3);

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_write(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

/*
 * The longest line: with a frame and its newline it fits into PIPE_BUF, so that a pipe
 * takes the whole of it or nothing (pipe(7)).
 */
#define LOG_LINE_MAX 4094

/*
 * Write a line that is finished but for its newline (a connection's record, see
 * core/record): already in the format of log_get_format(). It is cut at LOG_LINE_MAX.
 */
void log_line(enum log_level level, const char *line, size_t len);

/*
 * Lines that could not be written (a full disk, a reader that is too slow) so far. What
 * syslog(3) loses it does not tell.
 */
unsigned long log_dropped(void);

#endif
