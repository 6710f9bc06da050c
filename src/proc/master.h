/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_MASTER_H
#define PROC_MASTER_H

#include "base/attr.h"
#include "proc/crew.h"
#include "proc/history.h"
#include "proc/listeners.h"
#include "proc/logpump.h"
#include "proc/setup.h"
#include "proc/view.h"

/*
 * The master: reads the configuration and every file that it names, opens the sockets,
 * starts the workers and watches over them, takes signals. It may be root, and never reads
 * a byte from the network.
 *
 *     SIGTERM, SIGINT   drain: proc/drain      SIGHUP    reload in place: proc/reload
 *     SIGUSR1           reopen the log         SIGUSR2   upgrade of the binary:
 * proc/upgrade
 */
enum {
    MASTER_SIGNALS = 6
};

/* What is to be said once all workers serve. */
enum master_news {
    MASTER_NO_NEWS,
    MASTER_STARTED,
    MASTER_RELOADED,
    MASTER_UPGRADED,
    MASTER_WENT_BACK
};

struct master_reload {
    struct setup *next;  /* that workers prepare; NULL: no reload is under way */
    uint64_t generation; /* the number of the last one that was prepared */
    int admin_fd;        /* a new one, for next; -1: none */
    struct addr admin_addr;
    struct event *timeout;
    bool again; /* a SIGHUP came meanwhile */
    uint64_t good, bad;
    uint64_t last_us;
    bool last_good;
    char *last_error; /* owned; NULL: none */
};

struct master_drain {
    struct event *grace;    /* accept-grace */
    struct event *patience; /* workers that do not end by themselves */
    bool told;              /* the workers know */
};

/* What the program of before has handed over, until it has been taken. */
struct master_upgrade {
    int memory;   /* the memfd; -1: there was no program before */
    int old_exe;  /* that program, to go back to */
    int bundle;   /* its configuration */
    int keys;     /* see setup.keys */
    bool is_back; /* we are that program, and the new one could not start */
    int pump_read, pump_write;
    struct {
        pid_t pid;
        unsigned slot;
        int channel;
    } * worker; /* owned */
    size_t workers;
};

/* See proc/expiry. */
struct master_expiry {
    struct event *timer;
    int64_t told; /* when the log was told last, in seconds since 1970-01-01 UTC */
};

/* See proc/watch. */
struct master_watch {
    struct event *changes, *timer;
    uint64_t since_ms; /* of the first change that has not been looked at; 0: none */
    uint64_t stamp;    /* of what was tried last */
    unsigned tries;    /* that have failed */
};

struct master {
    struct event_base *base;
    const struct setup_source *source; /* borrowed */
    char **argv;                       /* borrowed; for the upgrade */
    char *exe;                         /* path of the program; owned; NULL: not known */
    struct setup *setup;               /* in force; owned */
    uint64_t generation;
    struct setup_places places;
    struct listeners listeners;
    struct crew crew;
    struct logpump *pump; /* NULL: the log's descriptor can be shared */
    struct event *signal[MASTER_SIGNALS];
    struct event *watchdog, *sampler;
    struct history *history;
    enum view_state state;
    enum master_news news;
    struct master_reload reload;
    struct master_drain drain;
    struct master_expiry expiry;
    struct master_watch watch;
    struct master_upgrade upgrade;
    pid_t trial; /* of an upgrade; 0: none */
    bool trial_passed;
    int trial_fd; /* what it says; a memfd */
    struct event *trial_timeout;
    int admin_fd; /* -1: none */
    struct addr admin_addr;
    int demo_fd; /* -1: none */
    uint64_t start_us;
    uint64_t
        cut; /* connections cut off at the end, as far as workers could not count them */
    bool failed;
    bool stop;
};

/*
 * The life of the process. demo_fd, which it takes, is the listening socket of the demo's
 * backend; -1: none. Returns the exit status: 0; 1; EXIT_CONFIG, with the mistakes on
 * stderr; EXIT_CUT.
 */
struct master_options {
    const struct setup_source *source;
    char **argv;
    bool daemon;
    int demo_fd;
};
int master_main(const struct master_options *options);

/* ---- For the parts of the master ---- */

/* proc/supervise: the children. 0, or -1 with errno. */
int supervise_init(struct master *m) ATTR_MUST_CHECK;

/* Have as many workers as the configuration says, and the admin process. */
void supervise_fill(struct master *m);

/* Something about the workers has changed: say the news if all of them serve now. */
void supervise_check(struct master *m);

/* Open the log as told, and give it to all children. Returns 0, or -1 with errno, all as
 * before. */
int supervise_open_log(struct master *m,
                       const struct log_settings *settings) ATTR_MUST_CHECK;

/* Have a new child write to the log. */
void supervise_send_log(struct master *m, struct crew_child *child);

/*
 * proc/keeping: the keeper, which there is if the configuration in force, or the one that
 * is being prepared, has keys that stay in their tokens (setup.keys). Start it if it is
 * wanted and not there; make it known to a new worker; the halves of a reload (same: the
 * workers stay who they are); does it have the keys of a setup open?
 */
void keeping_fill(struct master *m);
void keeping_introduce(struct master *m, struct crew_child *worker);
void keeping_prepare(struct master *m);
void keeping_switch(struct master *m, const struct setup *next, bool same);
void keeping_forget(struct master *m);
bool keeping_is_ready(struct master *m, const struct setup *setup, uint64_t generation);

/* proc/reload */
void reload_begin(struct master *m);
void reload_check(struct master *m);                    /* have all workers prepared it? */
void reload_fail(struct master *m, const char *reason); /* call it off */

/*
 * The same with the settings that are in force: only certificates and keys are read anew.
 * If these are mistaken nothing is logged or counted, and *mistake is the first one, to be
 * freed. reload_note_failure does both.
 */
enum reload_result {
    RELOAD_BEGUN,
    RELOAD_BUSY, /* something else is under way */
    RELOAD_MISTAKEN
};
enum reload_result reload_renew(struct master *m, char **mistake);
void reload_note_failure(struct master *m, const char *mistake);

/* proc/drain */
void drain_begin(struct master *m); /* each further call: at once */
void drain_check(struct master *m); /* have all workers gone? */
void drain_clear(struct master *m);

/*
 * proc/trial, proc/upgrade: another binary. The process stays the same, and with it
 * whatever knows its number. SIGUSR2 starts a trial, upgrade_on_trial_end takes its end; if
 * that sets trial_passed, upgrade_hand_over follows, outside of the loop. It returns if we
 * go on.
 */
#define UPGRADE_VARIABLE "SALLYPORT_UPGRADE"
void upgrade_begin(struct master *m);
void upgrade_on_trial_end(struct master *m, int status);
bool upgrade_is_under_way(const struct master *m);
void upgrade_hand_over(struct master *m);

/*
 * What is handed over, as a memfd, or -1 with errno; tell the program that is executed next
 * of it (0, or -1); and let it and all that it speaks of survive exec, or not.
 */
int upgrade_seal(const struct master *m, int old_exe) ATTR_MUST_CHECK;
int upgrade_set_variable(int memory) ATTR_MUST_CHECK;
void upgrade_keep(const struct master *m, int memory, bool over_exec);

/* -t: if we are on trial, go as far as a start goes without being noticed. Mistakes go to
 * diag. */
void upgrade_rehearse(struct setup *setup, struct diag *diag);

/* Take over from the program of before, if there is one. Returns 0, or -1 if that fails. */
int upgrade_adopt(struct master *m) ATTR_MUST_CHECK;
void upgrade_take_workers(struct master *m); /* once there is an event base */
void upgrade_go_back(struct master *m); /* we cannot start; returns if that fails, too */
void upgrade_clear(struct master *m);

/* proc/answer: what the admin process asks */
void answer_question(struct master *m, struct crew_child *admin, const struct ipc_ask *ask);

#endif
