/* Parts of a certificate that others read or write. */
#ifndef LIP_CERT_CERTIFICATE_H
#define LIP_CERT_CERTIFICATE_H

#include "base/text.h"
#include "lipcert.h"

/* The first lines of a certificate, up to the output: two certificates are about the same question if these
 * lines are equal. */
lip_status lip_certificate_question(const lip_network *net, const lip_query *query, lip_text *text,
                                    lip_error *err);

#endif
