/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_WATCH_H
#define PROC_WATCH_H

/*
 * watch = on: certificates and keys that change are loaded by themselves. inotify(7) tells
 * of the directories that their names lead through, also by symbolic links; once it has
 * been quiet for a moment, and the files are not what they were, they are loaded as in a
 * reload, but with the configuration that is in force. What cannot be loaded yet, since it
 * is only half there, is tried again.
 */
struct master;

/* What is in force is what is watched from now on; also after a reload. */
void watch_begin(struct master *m);
void watch_clear(struct master *m);

#endif
