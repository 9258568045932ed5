/* The readers of network files.  Each takes the whole file in memory, builds the network or fails
 * with one sentence that has a place; the caller (read/load.c) adds the file's name. */
#ifndef LIP_READ_READER_H
#define LIP_READ_READER_H

#include "lipcert.h"

/* The whole input of a reader. */
typedef struct lip_source {
    const unsigned char *bytes;
    size_t size;
    const char *folder; /* where ONNX external data may lie; NULL: refuse external data */
    lip_read_options options;
} lip_source;

typedef lip_status (*lip_reader)(const lip_source *source, lip_network **net, lip_error *err);

lip_status lip_read_onnx(const lip_source *source, lip_network **net, lip_error *err);
lip_status lip_read_nnet(const lip_source *source, lip_network **net, lip_error *err);
lip_status lip_read_npz(const lip_source *source, lip_network **net, lip_error *err);
lip_status lip_read_mat(const lip_source *source, lip_network **net, lip_error *err);
lip_status lip_read_canonical(const lip_source *source, lip_network **net, lip_error *err);

/* The reader for what the bytes look like, or NULL. */
lip_reader lip_reader_for(const unsigned char *bytes, size_t size);

/* A chain of dense layers from matrices by rows, the common end of .npz, .mat and .nnet. */
typedef struct lip_matrix {
    size_t rows, cols; /* a vector has cols == 1 */
    double *value;     /* rows x cols by rows */
} lip_matrix;
lip_status lip_build_chain(size_t layers, const lip_matrix *weight, const lip_matrix *bias,
                           const char *format, lip_network **net, lip_error *err);

/* Read a whole file; *bytes is the caller's to free and has one zero byte after its end.  Files above
 * `limit` bytes are refused. */
lip_status lip_read_file(const char *path, size_t limit, unsigned char **bytes, size_t *size,
                         lip_error *err);

/* If the bytes are gzip, replace them by their decompressed content (at most `limit` bytes). */
lip_status lip_gunzip(unsigned char **bytes, size_t *size, size_t limit, lip_error *err);

/* Largest file, and largest decompressed content, that is read. */
#define LIP_FILE_LIMIT ((size_t)1 << 32)

/* The input box of VNN-LIB text; used by lip_region_load_vnnlib and by its fuzz target. */
lip_status lip_read_vnnlib(const char *text, size_t size, size_t n, double *lo, double *hi,
                           lip_error *err);

/* One point from the bytes of a .npy or .csv file, as lip_point_load describes. */
lip_status lip_read_point(const unsigned char *bytes, size_t size, size_t row, double scale,
                          size_t n, double *x, lip_error *err);

#endif
