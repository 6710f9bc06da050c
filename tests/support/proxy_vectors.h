/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SUPPORT_PROXY_VECTORS_H
#define SUPPORT_PROXY_VECTORS_H

/*
 * Headers of the PROXY protocol: the examples of its text, and two of version 2 that were
 * put together, and their checksums computed, by a script of their own.
 */

/* 2.1, the example before an HTTP request. */
#define VECTOR_V1_EXAMPLE "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"

/* 2.1, the longest lines, of 56, 104, 15 and 107 bytes. */
#define VECTOR_V1_LONGEST4 "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"
#define VECTOR_V1_LONGEST6                                \
    "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff " \
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"
#define VECTOR_V1_UNKNOWN "PROXY UNKNOWN\r\n"
#define VECTOR_V1_LONGEST                                    \
    "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff " \
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"

/* The addresses of the first example, and a checksum. */
static const unsigned char vector_v2_tcp4[35] =
    "\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a\x21\x11\x00\x13"
    "\xc0\xa8\x00\x01\xc0\xa8\x00\x0b\xdc\x04\x01\xbb\x03\x00\x04\x1c"
    "\x1a\xe9\xc6";

/*
 * [2001:db8::1]:65535 to [2001:db8::2]:1, with h2, www.example.org, TLSv1.2, the cipher and
 * the algorithms that the text names, the common name example.com of a certificate that was
 * shown and good, the id 7-8, and a checksum.
 */
static const unsigned char vector_v2_tcp6[173] =
    "\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a\x21\x21\x00\x9d"
    "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"
    "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02"
    "\xff\xff\x00\x01\x01\x00\x02\x68\x32\x02\x00\x0f\x77\x77\x77\x2e"
    "\x65\x78\x61\x6d\x70\x6c\x65\x2e\x6f\x72\x67\x20\x00\x52\x07\x00"
    "\x00\x00\x00\x21\x00\x07\x54\x4c\x53\x76\x31\x2e\x32\x23\x00\x1b"
    "\x45\x43\x44\x48\x45\x2d\x52\x53\x41\x2d\x41\x45\x53\x31\x32\x38"
    "\x2d\x47\x43\x4d\x2d\x53\x48\x41\x32\x35\x36\x24\x00\x0a\x52\x53"
    "\x41\x2d\x53\x48\x41\x32\x35\x36\x25\x00\x07\x52\x53\x41\x32\x30"
    "\x34\x38\x22\x00\x0b\x65\x78\x61\x6d\x70\x6c\x65\x2e\x63\x6f\x6d"
    "\x05\x00\x03\x37\x2d\x38\x03\x00\x04\x0f\xc9\xfe\x18";

#endif
