/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CORE_CRC32C_H
#define CORE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/*
 * CRC32c (RFC 4960, appendix B; RFC 3720, 12.1). A checksum of several pieces is begun with
 * CRC32C_START, goes on with each, and ends with crc32c_end.
 */
#define CRC32C_START UINT32_MAX
uint32_t crc32c_add(uint32_t crc, const void *bytes, size_t len);
uint32_t crc32c_end(uint32_t crc);

#endif
