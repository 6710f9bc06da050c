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
#include <sys/stat.h>
#include <sys/sysmacros.h>
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
    bool is_framed;
    unsigned long dropped;
    uint64_t *dropped_too; /* NULL: nobody else wants to know */
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
open_path(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
                0640);
}

static int
open_file(const char *path)
{
    int fd = open_path(path);

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

int
log_check(const struct log_settings *settings)
{
    int fd;

    if (strcmp(settings->to, "stderr") == 0)
        return 0;
    if (strcmp(settings->to, "syslog") == 0) {
        errno = EINVAL;
        return log_facility_parse(settings->facility) < 0 ? -1 : 0;
    }
    fd = open_path(settings->to);
    if (fd < 0)
        return -1;
    close(fd);
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
    state.is_framed = false;
}

int
log_shared_fd(void)
{
    struct stat status;

    if (state.fd == TO_SYSLOG || state.is_framed)
        return -1;
    if (state.is_ours)
        return state.fd;
    if (fstat(state.fd, &status) == 0 &&
        (S_ISREG(status.st_mode) || status.st_rdev == makedev(1, 3))) /* /dev/null */
        return state.fd;
    return -1;
}

void
log_count_dropped(uint64_t *counter)
{
    state.dropped_too = counter;
}

void
log_attach(int fd, bool framed, enum log_level level, enum log_format format)
{
    log_close();
    state.fd = fd;
    state.is_ours = true;
    state.is_framed = framed;
    state.level = level;
    state.format = format;
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
 * But where poll() sees room in a pipe, there is room for a page: for any line.
 */
static bool
has_room(void)
{
    struct pollfd pollfd = {.fd = state.fd, .events = POLLOUT};

    if (state.is_ours)
        return true;
    return poll(&pollfd, 1, 0) == 1 && pollfd.revents == POLLOUT;
}

bool
log_is_full(void)
{
    struct pollfd pollfd = {.fd = state.fd, .events = POLLOUT};

    return !state.is_ours && state.fd != TO_SYSLOG && poll(&pollfd, 1, 0) == 0;
}

static void
drop(void)
{
    state.dropped++;
    if (state.dropped_too != NULL)
        __atomic_store_n(state.dropped_too, *state.dropped_too + 1, __ATOMIC_RELAXED);
}

/* A line that was torn (a full disk) is at least ended, before the next one begins. */
static void
write_line(enum log_level level, const char *line, size_t len)
{
    char front = state.is_framed ? (char)('0' + level) : '\n';
    bool has_front = state.is_framed || state.is_torn;
    static char newline[] = "\n";
    struct iovec pieces[] = {
        {.iov_base = &front, .iov_len = has_front ? 1 : 0},
        {.iov_base = (void *)(uintptr_t)line, .iov_len = len},
        {.iov_base = newline, .iov_len = 1},
    };
    size_t whole = pieces[0].iov_len + len + 1;
    ssize_t written;

    if (!has_room()) {
        drop();
        return;
    }
    do
        written = writev(state.fd, pieces, COUNT_OF(pieces));
    while (written < 0 && errno == EINTR);
    if (written == (ssize_t)whole) {
        state.is_torn = false;
        return;
    }
    drop();
    if (written > 0)
        state.is_torn = true;
}

void
log_forward(enum log_level level, const char *line, size_t len)
{
    int saved_errno = errno;

    if (len > LOG_LINE_MAX)
        len = LOG_LINE_MAX;
    if (state.fd == TO_SYSLOG)
        syslog(levels[level].priority, "%.*s", (int)len, line);
    else
        write_line(level, line, len);
    errno = saved_errno;
}

void
log_line(enum log_level level, const char *line, size_t len)
{
    if (log_wants(level))
        log_forward(level, line, len);
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

/* What has to be escaped may take six bytes each: such a message is cut, not its line. */
static bool
halve(char *message)
{
    message[strlen(message) / 2] = '\0';
    return true;
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
    do {
        text_init(&t, line, sizeof(line));
        if (state.format == LOG_JSON)
            format_json(level, message, &t);
        else
            format_text(level, message, &t);
    } while (t.len > LOG_LINE_MAX && halve(message));
    log_line(level, t.buf, t.len);
    errno = saved_errno;
}

unsigned long
log_dropped(void)
{
    return state.dropped;
}
