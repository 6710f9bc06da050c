/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CORE_PROXY_H
#define CORE_PROXY_H

/*
 * The PROXY protocol, versions 1 and 2 (haproxy's doc/proxy-protocol.txt, 2020/03/05; "the
 * text" where it is cited): a header in front of a connection that tells who the client is.
 * proxy_write makes headers, proxy_read takes them apart.
 */
enum proxy_version {
    PROXY_OFF,
    PROXY_V1, /* a line of text */
    PROXY_V2  /* bytes, with room for more than addresses */
};

#define PROXY_V1_MAX 107 /* bytes of a line, its CRLF included (the text, 2.1) */

/* The text, 2.2: what a header of version 2 begins with, and how long its parts are. */
#define PROXY_V2_SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define PROXY_V2_SIGNATURE_LEN 12
#define PROXY_V2_START 16 /* signature, command, family, length of what follows */
#define PROXY_V2_INET 12  /* bytes of two addresses with their ports */
#define PROXY_V2_INET6 36
#define PROXY_V2_UNIX 216

/* The 13th and the 14th byte. */
enum proxy_v2_command {
    PROXY_V2_LOCAL = 0x20,
    PROXY_V2_PROXY = 0x21
};
enum proxy_v2_family {
    PROXY_V2_UNSPEC = 0x00,
    PROXY_V2_TCP4 = 0x11,
    PROXY_V2_TCP6 = 0x21
};

/* What may follow the addresses: a type, two bytes of length, a value. */
#define PROXY_TLV_START 3
enum proxy_tlv {
    PROXY_TLV_ALPN = 0x01,
    PROXY_TLV_AUTHORITY = 0x02,
    PROXY_TLV_CRC32C = 0x03,
    PROXY_TLV_NOOP = 0x04,
    PROXY_TLV_UNIQUE_ID = 0x05,
    PROXY_TLV_SSL = 0x20,
    /* These stand in the value of the last. */
    PROXY_TLV_SSL_VERSION = 0x21,
    PROXY_TLV_SSL_CN = 0x22,
    PROXY_TLV_SSL_CIPHER = 0x23,
    PROXY_TLV_SSL_SIG_ALG = 0x24,
    PROXY_TLV_SSL_KEY_ALG = 0x25
};

/* Bits of the first byte of PROXY_TLV_SSL. */
enum proxy_client {
    PROXY_CLIENT_SSL = 1,
    PROXY_CLIENT_CERT_CONN = 2,
    PROXY_CLIENT_CERT_SESS = 4
};

#endif
