/* The canonical form of a network: exact, one text for one network (docs/canonical-format.md). */
#ifndef LIP_NET_CANONICAL_H
#define LIP_NET_CANONICAL_H

#include "lipcert.h"

/* The first line of the file, without its end. */
#define LIP_CANONICAL_HEADER "lipcert-network 1"

/* hex becomes the SHA-256 of the canonical form, which need not be in memory at any time. */
lip_status lip_canonical_hash(const lip_network *net, char hex[65], lip_error *err);

/* A number in its one spelling, all of text[length]; false if it is anything else. */
bool lip_canonical_number(const char *text, size_t length, double *value);

#endif
