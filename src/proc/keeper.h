/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_KEEPER_H
#define PROC_KEEPER_H

/*
 * The process that has private keys open which their tokens (PKCS #11 and the like) keep to
 * themselves, and signs with them for the workers (see key_remote and key_keep). It is the
 * only one that a provider's module runs in which opens files and devices, speaks to
 * daemons or starts threads: so it has the privileges of a worker, but neither its empty
 * root nor its filter. It reads nothing but questions of workers, and lives as long as the
 * master or one of these does.
 */
int keeper_main(int channel);

/*
 * In a worker: ask by this socket (taken; -1: by none) from now on. While a question is
 * under way, which takes as long as the token does, the worker does nothing else; if there
 * is no answer within 5 s, all fail at once until it comes.
 */
void keeper_use(int fd);

#endif
