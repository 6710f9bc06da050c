/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/log.h"

#include "base/clock.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE_SIZE 2048
#define LINE_SIZE (6 * MESSAGE_SIZE + 128) /* an escaped byte takes at most six */
#define TO_SYSLOG (-1)

static struct {
    enum log_level level;
    enum log_format format;
    int fd;
    bool is_ours; /* opened here, and therefore non-blocking */
    bool is_torn; /* the last line left only in part */
    unsigned long dropped;
} state = {.level = LOG_LEVEL_INFO, .format = LOG_TEXT, .fd = STDERR_FILENO};

static const struct {
    const char *name;
    int priority;
} levels[LOG_LEVELS] = {
    [LOG_LEVEL_ERROR] = {"error", LOG_ERR},
    [LOG_LEVEL_WARNING] = {"warning", LOG_WARNING},
    [LOG_LEVEL_NOTICE] = {"notice", LOG_NOTICE},
    [LOG_LEVEL_INFO] = {"info", LOG_INFO},
    [LOG_LEVEL_PROBE] = {"probe", LOG_INFO},
    [LOG_LEVEL_DEBUG] = {"debug", LOG_DEBUG},
};

static const struct {
    const char *name;
    int facility;
} facilities[] = {
    {"auth", LOG_AUTH},     {"authpriv", LOG_AUTHPRIV}, {"cron", LOG_CRON},
    {"daemon", LOG_DAEMON}, {"ftp", LOG_FTP},           {"kern", LOG_KERN},
    {"lpr", LOG_LPR},       {"mail", LOG_MAIL},         {"news", LOG_NEWS},
    {"syslog", LOG_SYSLOG}, {"user", LOG_USER},         {"uucp", LOG_UUCP},
    {"local0", LOG_LOCAL0}, {"local1", LOG_LOCAL1},     {"local2", LOG_LOCAL2},
    {"local3", LOG_LOCAL3}, {"local4", LOG_LOCAL4},     {"local5", LOG_LOCAL5},
    {"local6", LOG_LOCAL6}, {"local7", LOG_LOCAL7},
};

const char *
log_level_name(enum log_level level)
{
    return levels[level].name;
}

int
log_level_parse(const char *name)
{
    int level;

    for (level = 0; level < LOG_LEVELS; level++)
        if (strcmp(name, levels[level].name) == 0)
            return level;
    return -1;
}

int
log_facility_parse(const char *name)
{
    size_t i;

    for (i = 0; i < COUNT_OF(facilities); i++)
        if (strcmp(name, facilities[i].name) == 0)
            return facilities[i].facility;
    return -1;
}

/* The time zone is read now, while files can still be opened: syslog(3) asks for it. */
static int
open_syslog(const char *facility_name)
{
    int facility = log_facility_parse(facility_name);

    if (facility < 0) {
        errno = EINVAL;
        return -1;
    }
    log_close();
    tzset();
    openlog("sallyport", LOG_PID | LOG_NDELAY, facility);
    state.fd = TO_SYSLOG;
    return 0;
}

static int
open_file(const char *path)
{
    int fd =
        open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);

    if (fd < 0)
        return -1;
    log_close();
    state.fd = fd;
    state.is_ours = true;
    return 0;
}

int
log_open(const struct log_settings *settings)
{
    int failed = 0;

    if (strcmp(settings->to, "stderr") == 0)
        log_close();
    else if (strcmp(settings->to, "syslog") == 0)
        failed = open_syslog(settings->facility);
    else
        failed = open_file(settings->to);
    if (failed)
        return -1;
    state.level = settings->level;
    state.format = settings->format;
    return 0;
}

void
log_close(void)
{
    if (state.fd == TO_SYSLOG)
        closelog();
    else if (state.is_ours)
        close(state.fd);
    state.level = LOG_LEVEL_INFO;
    state.format = LOG_TEXT;
    state.fd = STDERR_FILENO;
    state.is_ours = false;
    state.is_torn = false;
}

bool
log_wants(enum log_level level)
{
    return level <= state.level;
}

enum log_format
log_get_format(void)
{
    return state.format;
}

/*
 * stderr is shared with whoever started us, so that it cannot be made non-blocking.
 * But where poll() sees room in a pipe, there is room for a page: for any sane line.
 */
static bool
has_room(void)
{
    struct pollfd pollfd = {.fd = state.fd, .events = POLLOUT};

    if (state.is_ours)
        return true;
    return poll(&pollfd, 1, 0) == 1 && pollfd.revents == POLLOUT;
}

/* A line that was torn (a full disk) is at least ended, before the next one begins. */
static void
write_line(const char *line, size_t len)
{
    static char newline[] = "\n";
    struct iovec pieces[] = {
        {.iov_base = newline, .iov_len = state.is_torn ? 1 : 0},
        {.iov_base = (void *)(uintptr_t)line, .iov_len = len},
        {.iov_base = newline, .iov_len = 1},
    };
    size_t whole = pieces[0].iov_len + len + 1;
    ssize_t written;

    if (!has_room()) {
        state.dropped++;
        return;
    }
    do
        written = writev(state.fd, pieces, COUNT_OF(pieces));
    while (written < 0 && errno == EINTR);
    if (written == (ssize_t)whole) {
        state.is_torn = false;
        return;
    }
    state.dropped++;
    if (written > 0)
        state.is_torn = true;
}

void
log_line(enum log_level level, const char *line, size_t len)
{
    int saved_errno = errno;

    if (!log_wants(level))
        return;
    if (state.fd == TO_SYSLOG)
        syslog(levels[level].priority, "%.*s", (int)len, line);
    else
        write_line(line, len);
    errno = saved_errno;
}

static void
format_text(enum log_level level, const char *message, struct text *t)
{
    text_add(t, "time=");
    text_add_time(t, clock_wall_us());
    text_addf(t, " level=%s msg=", log_level_name(level));
    text_add_value(t, message);
}

static void
format_json(enum log_level level, const char *message, struct text *t)
{
    text_add(t, "{\"time\":\"");
    text_add_time(t, clock_wall_us());
    text_addf(t, "\",\"level\":\"%s\",\"msg\":", log_level_name(level));
    text_add_json(t, message);
    text_add(t, "}");
}

void
log_write(enum log_level level, const char *format, ...)
{
    char message[MESSAGE_SIZE], line[LINE_SIZE];
    int saved_errno = errno;
    struct text t;
    va_list args;
    int len;

    if (!log_wants(level))
        return;
    va_start(args, format);
    len = vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    if (len < 0)
        message[0] = '\0';
    text_init(&t, line, sizeof(line));
    if (state.format == LOG_JSON)
        format_json(level, message, &t);
    else
        format_text(level, message, &t);
    log_line(level, t.buf, t.len);
    errno = saved_errno;
}

unsigned long
log_dropped(void)
{
    return state.dropped;
}
