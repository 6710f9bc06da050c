/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_PAGE_PRIVATE_H
#define PROC_PAGE_PRIVATE_H

/* What the files of the status page share. */
#include "proc/view.h"
#include "proc/writer.h"

#include <stdint.h>

/* The style sheet (page_style.c). */
extern const char page_style[];

/* Certificates are marked from so many days before they expire. */
#define PAGE_CERT_DAYS 21

/* ---- page_words.c: what is written for people ---- */

/* A string as text or as the value of an attribute. */
void page_add_text(struct writer *w, const char *string);

/* "8 123 456"; "1.6 TiB"; "11 min", rounded down; "2027-01-15 08:00:00 UTC". */
void page_add_count(struct writer *w, uint64_t count);
void page_add_bytes(struct writer *w, uint64_t bytes);
void page_add_span(struct writer *w, uint64_t us);
void page_add_time(struct writer *w, uint64_t wall_us);

/* "11 min ago", with the time itself to be seen when it is pointed at. */
void page_add_ago(struct writer *w, const struct view *view, uint64_t wall_us);

/* Whole days until a time, rounded down: negative once it has passed. */
int64_t page_days_left(const struct view *view, uint64_t wall_us);

/* "20 days left", "expires today", "expired 2 days ago". */
void page_add_days_left(struct writer *w, int64_t days);

/* ---- The sections of the page ---- */

void page_add_fronts(struct writer *w, const struct view *view); /* page_tables.c */
void page_add_servers(struct writer *w, const struct view *view);
void page_add_certs(struct writer *w, const struct view *view);   /* page_tables.c */
void page_add_workers(struct writer *w, const struct view *view); /* page_tables.c */
void page_add_endings(struct writer *w, const struct view *view); /* page_endings.c */

/* Connections that ended for a reason on all frontends within the last minutes. */
uint64_t page_recent(const struct view *view, unsigned minutes, enum reason reason);

#endif
