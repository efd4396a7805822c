// Where the memory of a training pass holds what: shared by the variants and by the code that starts their tasks.
#ifndef CK_TRAINING_LAYOUT_H
#define CK_TRAINING_LAYOUT_H

#include "ckernels.h"

/// One minibatch on its way through an ensemble of networks, cut into tiles of rows.
///
/// Per member and layer the memory holds two parts. The layer's inputs, row-major but cut into panels of columns, one
/// after another: panel [rows][panel width], as the products of the weights' gradients read them. And its slopes, in
/// feature-major tiles [outputs][width]: on the way forward the activation's derivatives, on the way back the gradients
/// of the sums before the activation in their place.
typedef struct {
  const ck_network *network;
  int64_t rows;
  int64_t padded_rows;           ///< of a part: whole tiles of either width
  int64_t wide, narrow;          ///< rows of a tile of the first `wide_members` members, and of the others
  int32_t wide_members;
  float *memory;
} training_pass;

/// Rows of the tiles of a member.
static inline int64_t training_width(const training_pass *pass, int32_t member) {
  return member < pass->wide_members ? pass->wide : pass->narrow;
}

/// Tiles of a member.
static inline int64_t training_tiles(const training_pass *pass, int32_t member) {
  int64_t width = training_width(pass, member);
  return (pass->rows + width - 1) / width;
}

/// Floats of one part, on cache lines of its own; columns in panels are padded to whole vectors of any variant.
static inline int64_t training_part_size(int64_t padded_rows, int64_t columns) {
  return padded_rows * ((columns + 15) / 16 * 16);
}

static inline int64_t training_layer_size(const ck_network *network, int32_t layer, int64_t padded_rows) {
  return training_part_size(padded_rows, network->widths[layer])
         + training_part_size(padded_rows, network->widths[layer + 1]);
}

static inline float *training_inputs(const training_pass *pass, int32_t member, int32_t layer) {
  float *place = pass->memory;
  for (int32_t l = 0; l < pass->network->layers; l++) {
    int64_t size = training_layer_size(pass->network, l, pass->padded_rows);
    place += l < layer ? size * pass->network->members : l == layer ? size * member : 0;
  }
  return place;
}

static inline float *training_slopes(const training_pass *pass, int32_t member, int32_t layer, int64_t tile) {
  return training_inputs(pass, member, layer) + training_part_size(pass->padded_rows, pass->network->widths[layer])
         + tile * training_width(pass, member) * pass->network->widths[layer + 1];
}

/// Rows of a tile that exist.
static inline int64_t training_tile_rows(const training_pass *pass, int32_t member, int64_t tile) {
  int64_t width = training_width(pass, member), left = pass->rows - tile * width;
  return left < width ? left : width;
}

#endif
