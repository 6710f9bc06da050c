/* SPDX-License-Identifier: BSD-2-Clause */
#include "proc/master.h"

#include "base/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static bool
wants(const struct setup *setup)
{
    return setup != NULL && setup->keys >= 0;
}

static struct crew_child *
find(struct master *m)
{
    return crew_find(&m->crew, CHILD_KEEPER, 0);
}

/* Not those of the program of before, which have a keeper of their own, if any. */
static bool
is_asker(const struct crew_child *child)
{
    return child->role == CHILD_WORKER && child->page != NULL;
}

static void
introduce(struct crew_child *keeper, struct crew_child *worker)
{
    int end[2];

    if (ipc_pair(end) < 0) {
        log_error("worker %u cannot speak to the keeper: %s", worker->slot,
                  strerror(errno));
        return;
    }
    crew_send(keeper, IPC_KEEPER, NULL, 0, &end[0], 1);
    crew_send(worker, IPC_KEEPER, NULL, 0, &end[1], 1);
    close(end[0]);
    close(end[1]);
}

void
keeping_introduce(struct master *m, struct crew_child *worker)
{
    struct crew_child *keeper = find(m);

    if (keeper != NULL)
        introduce(keeper, worker);
}

static void
send_keys(struct crew_child *keeper, const struct setup *setup, uint64_t generation)
{
    struct ipc_done done = {.generation = generation};

    crew_send(keeper, IPC_KEYS, &done, sizeof(done), &setup->keys, 1);
}

void
keeping_fill(struct master *m)
{
    const struct setup *setup = wants(m->setup) ? m->setup : m->reload.next;
    struct crew_child *keeper, *child;
    struct privdrop who;

    if (!wants(setup) || find(m) != NULL)
        return;
    who = setup->who;
    who.filter = false;
    who.no_chroot = who.may_start = true;
    keeper = crew_start(&m->crew, CHILD_KEEPER, 0, &who, -1);
    if (keeper == NULL)
        return;
    supervise_send_log(m, keeper);
    if (wants(m->setup)) {
        send_keys(keeper, m->setup, m->generation);
        crew_send(keeper, IPC_SWITCH, NULL, 0, NULL, 0);
    }
    if (wants(m->reload.next))
        send_keys(keeper, m->reload.next, m->reload.generation);
    TAILQ_FOREACH (child, &m->crew.children, link)
        if (is_asker(child))
            introduce(keeper, child);
}

void
keeping_prepare(struct master *m)
{
    struct crew_child *keeper = find(m);

    if (wants(m->reload.next) && keeper != NULL)
        send_keys(keeper, m->reload.next, m->reload.generation);
    else
        keeping_fill(m);
}

bool
keeping_is_ready(struct master *m, const struct setup *setup, uint64_t generation)
{
    const struct crew_child *keeper = find(m);

    return !wants(setup) || (keeper != NULL && keeper->prepared >= generation);
}

static void
dismiss(struct master *m, struct crew_child *keeper)
{
    struct crew_child *child;

    crew_dismiss(keeper);
    TAILQ_FOREACH (child, &m->crew.children, link)
        if (is_asker(child))
            crew_send(child, IPC_KEEPER, NULL, 0, NULL, 0);
}

void
keeping_switch(struct master *m, const struct setup *next, bool same)
{
    struct crew_child *keeper = find(m);

    if (keeper == NULL)
        return;
    if (!wants(next))
        dismiss(m, keeper);
    else if (!same) /* workers that are replaced keep it */
        crew_dismiss(keeper);
    else
        crew_send(keeper, IPC_SWITCH, NULL, 0, NULL, 0);
}

void
keeping_forget(struct master *m)
{
    struct crew_child *keeper = find(m);

    if (keeper != NULL && wants(m->setup))
        crew_send(keeper, IPC_FORGET, NULL, 0, NULL, 0);
    else if (keeper != NULL)
        dismiss(m, keeper);
}
