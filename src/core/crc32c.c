/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/crc32c.h"

/* The remainders of four bits, by the polynomial 0x1edc6f41 with its bits in reverse. A
 * header is short: a larger table would cost more in cache than it saves. */
static const uint32_t remainder4[16] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
    0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
    0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

uint32_t
crc32c_add(uint32_t crc, const void *bytes, size_t len)
{
    const unsigned char *b = bytes;

    for (size_t i = 0; i < len; i++) {
        crc ^= b[i];
        crc = crc >> 4 ^ remainder4[crc & 15];
        crc = crc >> 4 ^ remainder4[crc & 15];
    }
    return crc;
}

uint32_t
crc32c_end(uint32_t crc)
{
    return ~crc;
}
